"""The health gate and the soak: what they take for an answer, and what they conclude from nginx's access log."""

import json
import socket
import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import pytest

from resonant.on_vm import watch

Speak = Callable[[socket.socket], None]
LIMITS = {"max_error_rate": 0.01, "max_p95_seconds": 2.0}
NEW, OLD = "10.201.2.10:8000", "10.201.1.10:8000"
SWITCHED_AT = 1_800_000_000.4


def answer(text: str) -> Speak:
    return lambda plug: plug.sendall(text.encode())


def trickle(first: str, again: str) -> Speak:
    """Goes on until whoever asked has hung up."""

    def speak(plug: socket.socket) -> None:
        plug.sendall(first.encode())
        while True:
            plug.sendall(again.encode())
            time.sleep(0.05)

    return speak


@contextmanager
def serving(speak: Speak) -> Iterator[dict[str, Any]]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            with suppress(OSError):
                speak(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield {"address": "127.0.0.1", "port": server.server_address[1], "health": "/healthz"}
        server.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ASK_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("speak", "why"),
    [
        (answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), ""),
        (answer("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), ""),
        (answer("HTTP/1.1 200 OK\r\n\r\nuntil the end of the connection"), ""),
        (answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), "/healthz answered 503"),
        (answer("SSH-2.0-OpenSSH\r\n"), "gave no answer (BadStatusLine)"),
        (answer(""), "gave no answer (RemoteDisconnected)"),
        (lambda plug: time.sleep(2), "gave no answer (it took too long)"),
        (trickle("HTTP/1.1 200 OK\r\n", "X-More: 1\r\n"), "answered 200, but the answer had not ended"),
        (trickle("HTTP/1.1 200 OK\r\n\r\n", "and "), "answered 200, but the answer had not ended"),
        (trickle("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nand \r\n"), "answered 200, but the answer had not"),
    ],
)  # fmt: skip
def test_an_answer_counts_when_it_has_ended_in_time(speak: Speak, why: str):
    with serving(speak) as web:
        began = time.monotonic()
        said = watch.ask(web)
    assert time.monotonic() - began < 2
    assert why in said and bool(why) == bool(said)


def test_nobody_at_the_port_is_no_answer():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        web = {"address": "127.0.0.1", "port": free.getsockname()[1], "health": "/healthz"}
        assert "gave no answer (ConnectionRefusedError)" in watch.ask(web)


def see(*entries: dict[str, Any]) -> watch.Seen:
    seen = watch.Seen({"new": [NEW], "old": [OLD], "switched_at": SWITCHED_AT})
    seen.follow(["no JSON", "{}", *map(json.dumps, entries)])
    return seen


def entry(status: int = 200, *, upstream: str = NEW, at: float = 1, seconds: float = 0.01) -> dict[str, Any]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(int(SWITCHED_AT + at)))
    told = {"time": moment, "at": SWITCHED_AT + at, "status": status, "upstream": upstream, "seconds": str(seconds)}
    return {**told, "method": "GET", "uri": "/x"}


def judge(*entries: dict[str, Any]) -> str:
    return watch.judge_traffic(LIMITS, see(*entries))


def test_good_answers_are_no_reason_to_go_back():
    assert judge(*[entry()] * 500) == ""


def test_errors_beyond_the_limit_are_told_with_the_first_of_them():
    told = judge(*[entry()] * 95, *[entry(502)] * 5)
    assert "error rate 5.0% of 100 requests" in told and "first: GET /x answered 502" in told


def test_errors_that_the_old_release_had_as_well_do_not_count():
    before = [*[entry(upstream=OLD, at=-5)] * 90, *[entry(500, upstream=OLD, at=-5)] * 10]
    assert judge(*before, *[entry()] * 90, *[entry(500)] * 10) == ""
    assert "old release had 10.0%" in judge(*before, *[entry()] * 80, *[entry(500)] * 20)


def test_answers_at_the_same_address_before_the_switch_are_not_of_the_new_release():
    assert judge(*[entry(500, at=-1)] * 100, *[entry()] * 100) == ""


def test_few_answers_say_nothing():
    assert judge(*[entry(500)] * (watch.FEWEST_REQUESTS - 1)) == ""
    assert judge(*[entry(500)] * (watch.FEWEST_ERRORS - 1), *[entry()] * 100) == ""


def test_a_retried_request_counts_for_the_one_that_answered():
    assert judge(*[entry(500, upstream=f"{NEW}, {OLD}")] * 100) == ""
    assert "error rate" in judge(*[entry(500, upstream=f"{OLD}, {NEW}")] * 100)


def test_slow_answers_are_told_and_the_life_of_a_websocket_is_none():
    assert "p95 latency 4.00 s" in judge(*[entry(seconds=4)] * 100)
    assert judge(*[entry()] * 100, *[entry(101, seconds=600)] * 50) == ""


def test_the_longest_time_without_a_good_answer_is_kept():
    before, after = (
        [entry(at=-60), entry(at=-2, upstream=OLD)],
        [entry(at=-1.75), entry(502, at=-1), entry(at=-0.75), entry(at=0.5)],
    )
    assert see(*before, *after).summary()["worst_gap_seconds"] == 1.25


def state(
    status: str = "running", *, code: int = 0, restarts: int = 0, policy: str = "unless-stopped", health: str = ""
) -> Any:
    now = {"Status": status, "ExitCode": code, **({"Health": {"Status": health}} if health else {})}
    return {"State": now, "RestartCount": restarts, "HostConfig": {"RestartPolicy": {"Name": policy}}}


@pytest.mark.parametrize(
    ("found", "is_final", "why"),
    [
        (state(), False, ""),
        (state(health="healthy"), False, ""),
        (state(health="starting"), False, "has not passed yet"),
        (state(health="unhealthy"), True, "is unhealthy"),
        (state("exited", code=3), True, "ended with exit code 3"),
        (state("exited", policy="no"), False, ""),
        (state("exited", code=1, policy="no"), True, "ended with exit code 1"),
        (state(restarts=2), True, "started again 2 times"),
        (state("created"), False, "is created"),
        (None, False, "does not exist"),
    ],
)
def test_a_container_is_judged(found: Any, is_final: bool, why: str):
    final, said = watch.judge_container(found)
    assert (final, bool(said)) == (is_final, bool(why)) and why in said
