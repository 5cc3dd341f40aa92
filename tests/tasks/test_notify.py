"""Messages to a real receiver on loopback: what it hears of a change, and that one that fails harms nothing."""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.events.filters import EventFilter, EventNameFilter
from pydantic import SecretStr

from resonant import notify
from resonant.errors import ReleaseFailed, SettingsInvalid
from resonant.notify import check_urls, redact, send
from resonant.settings import Settings
from resonant.source import CHECKOUT
from tasks.notify import notified, tell
from tests.flows.test_failures import read_log
from tests.sshd import choose_free_port
from tests.vocabulary import settings

SECRET = "T0ken-in-the-path"


class Receiver:
    """Hears JSON messages; `answers` with that status, or hangs when there is none, until the test is over."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answers: int | None = 200
        self.is_over = Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if receiver.answers is None:
                    return receiver.drip(self)
                self.send_response(receiver.answers)
                self.end_headers()
                return None

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> SecretStr:
        return SecretStr(f"json://127.0.0.1:{self._server.server_address[1]}/{SECRET}")

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.heard]

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """A sign now and then: no time limit between two of them would ever pass."""
        while not self.is_over.wait(0.5):
            handler.wfile.write(b"H")

    def stop(self) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    receiver = Receiver()
    yield receiver
    receiver.stop()


def refusing() -> SecretStr:
    return SecretStr(f"json://127.0.0.1:{choose_free_port()}/{SECRET}")


def site(*urls: SecretStr, **changes: Any) -> Settings:
    return settings(notify_urls=[url.get_secret_value() for url in urls], **changes)


def change(settings: Settings, error: BaseException | None = None) -> State:
    @flow(name="test-notify")
    def story() -> None:
        with notified(settings, "release") as account:
            if error:
                raise error
            account.summary = "3f2a9c1 serves."

    state: State = story(return_state=True)
    return state


class TestAChange:
    pytestmark = pytest.mark.usefixtures("prefect_api")

    def test_start_and_success_are_told_with_the_duration_and_the_way_to_the_run(self, receiver: Receiver):
        assert change(site(receiver.url)).is_completed()
        assert receiver.titles == ["resonant: release started", "resonant: release succeeded"]
        assert [message["type"] for message in receiver.heard] == ["info", "success"]
        assert receiver.heard[1]["message"].startswith("In 0 s. 3f2a9c1 serves.\n")
        assert all("/runs/flow-run/" in message["message"] for message in receiver.heard)

    def test_a_failure_is_told_with_its_message_and_no_secret(self, receiver: Receiver):
        password = "hunter2hunter2"
        error = ReleaseFailed(
            f"backend: login with {password} at https://me:{password}@example.org refused; a-key-9 too"
        )
        environment = {"PASSWORD": password}
        wanted = site(receiver.url, environment=environment, anthropic_api_key="a-key-9")
        assert change(wanted, error).is_failed()
        assert receiver.titles[1] == "resonant: release failed"
        assert receiver.heard[1]["type"] == "failure"
        assert "backend: login with *** at https://***@example.org refused; *** too" in receiver.heard[1]["message"]

    def test_an_interruption_is_told_and_goes_on(self, receiver: Receiver):
        with pytest.raises(KeyboardInterrupt):
            change(site(receiver.url), KeyboardInterrupt())
        assert receiver.titles[1] == "resonant: release failed"
        assert "The run was interrupted." in receiver.heard[1]["message"]

    def test_who_cannot_be_told_is_named_once_without_the_url_and_the_others_hear_it(
        self, receiver: Receiver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ):
        caplog.set_level(logging.INFO)
        state = change(site(refusing(), receiver.url))
        assert state.is_completed()
        assert len(receiver.heard) == 2
        log = read_log(state, waiting_for="not told")
        assert log.count("not told by json:") == 1
        assert SECRET not in log + caplog.text + "".join(capfd.readouterr())

    def test_a_wrong_url_stops_it_before_anything_is_done(self):
        error = change(site(SecretStr(f"nonsense://{SECRET}"))).result(raise_on_failure=False)
        assert isinstance(error, SettingsInvalid)

    def test_nobody_to_tell_loads_nothing(self):
        code = "from tasks.notify import notified; from tests.vocabulary import settings; import sys\n"
        code += "with notified(settings(), 'release'): pass\nassert 'apprise' not in sys.modules"
        done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_each_stage_is_an_event_of_the_site(self):
        change(site(site="events"), ReleaseFailed("why it failed"))
        assert read_events("resonant.site.events") == {
            "resonant.release.started": "",
            "resonant.release.failed": "After 0 s: why it failed",
        }


def read_events(resource: str) -> dict[str, str]:
    """Message by name, once both are there: events are sent in the background."""
    deadline, found = time.monotonic() + 20, {}
    while len(found) < 2 and time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            wanted = EventFilter(event=EventNameFilter(prefix=["resonant."])).model_dump(mode="json")
            page = client.request("POST", "/events/filter", json={"filter": wanted}).json()
        ours = [event for event in page["events"] if event["resource"]["prefect.resource.id"] == resource]
        found = {event["event"]: event["payload"]["message"] for event in ours}
        time.sleep(0.3)
    return found


@pytest.mark.parametrize("status", [500, 404, 301])
def test_a_service_that_refuses_is_named_by_its_schema(receiver: Receiver, status: int):
    receiver.answers = status
    assert send([receiver.url], "title", "body", "info") == ("json",)


def test_a_service_that_hangs_costs_no_more_than_the_limit(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notify, "SEND_WITHIN_SECONDS", 1.5)
    check_urls([receiver.url])
    receiver.answers = None
    started = time.monotonic()
    assert send([receiver.url, refusing()], "title", "body", "info") == ("json", "json")
    assert time.monotonic() - started < 4


def test_a_service_that_hangs_does_not_keep_the_process(receiver: Receiver):
    receiver.answers = None
    code = "import sys; from pydantic import SecretStr; from resonant import notify\n"
    code += "notify.SEND_WITHIN_SECONDS = 1.0; print(notify.send([SecretStr(sys.argv[1])], 't', 'b', 'info'))"
    command = [sys.executable, "-c", code, receiver.url.get_secret_value()]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "('json',)\n"
    assert SECRET not in done.stderr


def test_wrong_urls_are_numbered_and_not_shown():
    urls = [SecretStr(url) for url in ("json://127.0.0.1/a", f"nonsense://{SECRET}", "", SECRET)]
    with pytest.raises(SettingsInvalid, match=r"entry 2, 3, 4 of 4") as caught:
        check_urls(urls)
    assert SECRET not in str(caught.value) and "nonsense" not in str(caught.value)
    check_urls(urls[:1])
    check_urls([])


def test_a_secret_inside_another_is_wholly_hidden():
    assert redact("abcdef", [SecretStr("abcd"), SecretStr("abcdef")]) == "***"
    assert redact("a b", [SecretStr(""), SecretStr("a")]) == "a b"


def test_a_long_message_is_cut(receiver: Receiver):
    send([receiver.url], "title", "x" * 10_000, "info")
    assert len(receiver.heard[0]["message"]) == notify.LONGEST_BODY


@pytest.mark.usefixtures("prefect_api")
def test_a_single_message_is_told_too(receiver: Receiver):
    @flow(name="test-tell")
    def story() -> None:
        tell(site(receiver.url), "waiting for approval", "Press Resume.", "warning")

    story()
    assert receiver.titles == ["resonant: waiting for approval"]
