"""Tell people elsewhere, through any service that Apprise knows; nowhere else is it imported."""

import logging
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from resonant.errors import SettingsInvalid

if TYPE_CHECKING:
    from apprise import Apprise

Kind = Literal["info", "success", "warning", "failure"]

SEND_WITHIN_SECONDS = 10.0
LONGEST_BODY = 1500
SHORTEST_SECRET = 4


def check_urls(urls: Sequence[SecretStr]) -> None:
    """Raises SettingsInvalid with the numbers of those that Apprise does not understand; they may be secret, so no more."""
    wrong = [str(number) for number, url in enumerate(urls, 1) if _open(url) is None]
    if wrong:
        raise SettingsInvalid(
            f"RESONANT_NOTIFY_URLS: entry {', '.join(wrong)} of {len(urls)} is no URL that Apprise knows. "
            "Its documentation lists them by service: slack://…, mailto://…, ntfy://…, json://…"
        )


@dataclass(frozen=True)
class Message:
    title: str
    body: str
    kind: Kind


class Sending:
    """A message on its way to every service at once, in threads that hold up neither the caller nor the end of the process."""

    def __init__(self, urls: Sequence[SecretStr], title: str, body: str, kind: Kind) -> None:
        self._told: set[int] = set()
        self._schemas = [read_schema(url) for url in urls]
        message = Message(title, shorten(body), kind)
        self._threads = [
            Thread(target=self._tell, args=(number, _open(url), message), daemon=True)
            for number, url in enumerate(urls)
        ]
        self._deadline = time.monotonic() + SEND_WITHIN_SECONDS
        for thread in self._threads:
            thread.start()

    def wait(self) -> tuple[str, ...]:
        """Until all were told, or the time is over; returns the schemas ("slack") of those that were not."""
        for thread in self._threads:
            thread.join(max(0.0, self._deadline - time.monotonic()))
        return tuple(schema for number, schema in enumerate(self._schemas) if number not in self._told)

    def _tell(self, number: int, service: "Apprise | None", message: Message) -> None:
        if service is not None and service.notify(message.body, message.title, message.kind):
            self._told.add(number)


def send(urls: Sequence[SecretStr], title: str, body: str, kind: Kind) -> tuple[str, ...]:
    """Returns the schemas of the services that could not be told within ten seconds; never raises for one of them."""
    return Sending(urls, title, body, kind).wait()


def read_schema(url: SecretStr) -> str:
    """
    >>> read_schema(SecretStr("Slack://token-a/token-b"))
    'slack'
    >>> read_schema(SecretStr("a-token-alone"))
    'unknown'
    """
    schema, found, _ = url.get_secret_value().partition("://")
    return schema.lower() if found and re.fullmatch(r"[A-Za-z0-9]{1,20}", schema) else "unknown"


def redact(text: str, secrets: Iterable[SecretStr]) -> str:
    """The text without these values, and without the credentials of any URL.

    >>> redact("login with hunter2 at https://me:token@example.org/x failed", [SecretStr("hunter2")])
    'login with *** at https://***@example.org/x failed'
    """
    for value in sorted((secret.get_secret_value() for secret in secrets), key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "***")
    return re.sub(r"://[^/\s@]+@", "://***@", text)


def shorten(body: str) -> str:
    return body if len(body) <= LONGEST_BODY else body[: LONGEST_BODY - 1] + "…"


def _open(url: SecretStr) -> "Apprise | None":
    # Loading it takes more than a second: only those pay who have somebody to tell.
    from apprise import Apprise

    # Its own messages quote parts of the URLs.
    logging.getLogger("apprise").propagate = False
    service = Apprise()
    return service if service.add(url.get_secret_value()) else None
