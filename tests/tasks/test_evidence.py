"""Collecting evidence never hides the failure that it is about."""

from collections.abc import Callable

import pytest

from resonant.errors import HostUnreachable, RemoteCommandFailed
from resonant.remote import Host
from tasks import evidence

REQUEST = {"containers": {}, "web": {}, "database": None, "log_lines": 5}


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, text: str, *arguments: object) -> None:
        self.lines.append(text % arguments)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    monkeypatch.setattr(evidence, "get_run_logger", lambda: log)
    return log


def answer(text: str) -> Callable[..., str]:
    return lambda *arguments, **options: text


def test_what_was_seen_comes_back(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        evidence, "run", answer('{"containers": {"backend": {"name": "b", "exists": true, "state": "exited"}}}')
    )
    seen = evidence.collect_evidence.fn(Host(), REQUEST)
    assert seen is not None
    assert [one.service for one in seen.containers] == ["backend"]
    assert log.lines == []


@pytest.mark.parametrize("error", [HostUnreachable("no connection"), RemoteCommandFailed("python3", 127, "not found")])
def test_a_machine_that_cannot_be_asked_is_told_in_the_log(log: Log, monkeypatch: pytest.MonkeyPatch, error: Exception):
    def fail(*arguments: object, **options: object) -> str:
        raise error

    monkeypatch.setattr(evidence, "run", fail)
    assert evidence.collect_evidence.fn(Host(), REQUEST) is None
    assert str(error) in log.lines[0]


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"containers": {"backend": 3}}', '{"host": {"disks": [{"path": "/"}]}}']
)
def test_an_answer_of_another_form_is_told_in_the_log(log: Log, monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setattr(evidence, "run", answer(text))
    assert evidence.collect_evidence.fn(Host(), REQUEST) is None
    assert log.lines[0].startswith("No evidence could be collected: ")
