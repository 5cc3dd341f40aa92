"""Start, success and failure of a change, told to people and to Prefect's event feed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prefect import get_run_logger
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.utilities.urls import url_for
from pydantic import SecretStr

from resonant import notify
from resonant.notify import Kind, Sending
from resonant.settings import Settings


@dataclass
class Account:
    """What the message of success says besides the duration: set `summary` to one line."""

    summary: str = ""


@contextmanager
def notified(settings: Settings, what: str) -> Iterator[Account]:
    """Tell that `what` ("release") has started, and how it ended, with the duration and a link to the flow run.

    A failure is told with its message, in which no secret of the settings is left; Ctrl-C, a cancellation or a killed run that
    still has time count as a failure. Who cannot be told is named in one warning and stops nothing. Raises SettingsInvalid
    before anything else when a URL of the settings is none.
    """
    notify.check_urls(settings.notify_urls)
    teller, account, started = Teller(settings, what), Account(), time.monotonic()
    # On its way while the work goes on: a service that hangs holds nothing up.
    start = teller.tell("started", "info")
    try:
        yield account
    except BaseException as error:
        why = str(error) if isinstance(error, Exception) else "The run was interrupted."
        teller.finish(start, "failed", "failure", f"After {shown(time.monotonic() - started)}: {why}")
        raise
    done = f"In {shown(time.monotonic() - started)}. {account.summary}"
    teller.finish(start, "succeeded", "success", done.strip())


def tell(settings: Settings, title: str, body: str, kind: Kind = "info") -> None:
    """One message outside of a change; never raises for a service that cannot be told."""
    body = notify.redact("\n".join(filter(None, [body, read_link()])), read_secrets(settings))
    warn(notify.send(settings.notify_urls, f"{settings.site}: {title}", body, kind))


class Teller:
    """Says each stage of one change twice: as a message to people and as an event `resonant.release.started`."""

    def __init__(self, settings: Settings, what: str) -> None:
        self._settings = settings
        self._what = what
        self._link = read_link()

    def tell(self, stage: str, kind: Kind, text: str = "") -> Sending:
        text = notify.redact(text, read_secrets(self._settings))
        emit_event(
            event=f"resonant.{self._what.replace(' ', '-')}.{stage}",
            resource={
                "prefect.resource.id": f"resonant.site.{self._settings.site}",
                "prefect.resource.name": self._settings.site,
            },
            payload={"message": notify.shorten(text)},
        )
        title = f"{self._settings.site}: {self._what} {stage}"
        body = "\n".join(filter(None, [notify.shorten(text), self._link])) or title
        return Sending(self._settings.notify_urls, title, body, kind)

    def finish(self, start: Sending, stage: str, kind: Kind, text: str) -> None:
        untold = start.wait()
        warn(tuple(dict.fromkeys(untold + self.tell(stage, kind, text).wait())))


def warn(untold: tuple[str, ...]) -> None:
    if untold:
        get_run_logger().warning(
            "not told by %s: is the service up, and RESONANT_NOTIFY_URLS right?", ", ".join(untold)
        )


def read_link() -> str:
    """The flow run's page in the Prefect UI; "" outside of one."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return ""
    return f"{context.flow_run.name}: {url_for('flow-run', context.flow_run.id) or context.flow_run.id}"


def read_secrets(settings: Settings) -> list[SecretStr]:
    return [settings.anthropic_api_key, *settings.environment.values(), *settings.notify_urls]


def shown(seconds: float) -> str:
    """
    >>> shown(4.2), shown(71), shown(3723)
    ('4 s', '1 min 11 s', '62 min 3 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
