"""The load of the stories says what went wrong, and forgives nothing but a kept connection that was closed while idle."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from websockets.asyncio.server import serve

from tests.rehearsal.traffic import Report, traffic

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{"id": "7"}'
Answers = Callable[[int, str], bytes]


@dataclass(frozen=True)
class Local:
    port: int
    address: str = "127.0.0.1"
    ca_file: str = ""


@contextmanager
def running(start: Callable[[], Awaitable[int]]) -> Iterator[Local]:
    """A server in a thread of its own; `start` returns its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield Local(asyncio.run_coroutine_threadsafe(start(), loop).result(10))
    finally:
        asyncio.run_coroutine_threadsafe(cancel_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def serving(answers: Answers) -> Iterator[Local]:
    """What `answers` gives for the nth request of a connection and its first line; b"" closes the connection without a word."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while head := await reader.readuntil(b"\r\n\r\n"):
            answer = answers(number, head.decode().split("\r\n")[0])
            writer.write(answer)
            number += 1
            if not answer or answer.endswith(b"cut"):
                break
        writer.close()

    async def start() -> int:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    with running(start) as local:
        yield local


def visit(local: Local, *, requests: int = 60, **plan: object) -> Report:
    fast = {"think_seconds": 0.005, "connections": 4, "websockets": 0, "new_per_second": 20, "intents_per_second": 0}
    with traffic(local, port=local.port, limit_requests=requests, limit_seconds=20, **{**fast, **plan}) as load:
        load.wait()
    return load.report


@pytest.mark.parametrize("answer", [GOOD, CHUNKED])
def test_good_answers_are_no_failures(answer: bytes):
    with serving(lambda number, line: answer) as local:
        report = visit(local)
    assert (report.failures, report.reused_closed) == ([], 0)
    assert report.requests >= 60
    assert 0 < report.p50_seconds <= report.p95_seconds <= report.p99_seconds < 1
    assert 0 < report.worst_gap_seconds < 1


def test_kept_connection_that_was_closed_while_idle_is_asked_again_on_a_new_one():
    with serving(lambda number, line: GOOD if number == 0 else b"") as local:
        report = visit(local)
    assert report.failures == []
    assert report.reused_closed > 10


def test_new_connection_that_is_closed_without_an_answer_is_a_failure():
    letting_in = Counter[str]()

    def answers(number: int, line: str) -> bytes:
        letting_in["new"] += number == 0
        return GOOD if letting_in["new"] <= 4 else b""

    with serving(answers) as local:
        report = visit(local)
    assert {failure.kind for failure in report.failures} == {"closed before any byte of an answer"}


def test_error_is_a_failure_with_its_status_and_words():
    refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops"
    with serving(lambda number, line: GOOD if number < 2 else refusal) as local:
        report = visit(local)
    assert {(failure.kind, failure.status) for failure in report.failures} == {("oops", 502)}


def test_answer_that_breaks_off_is_a_failure():
    with serving(
        lambda number, line: GOOD if number < 2 else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"
    ) as local:
        report = visit(local)
    assert {failure.kind for failure in report.failures} == {"cut off inside the answer"}


def test_silence_is_a_failure_and_a_gap():
    with serving(lambda number, line: GOOD if number < 2 else b"HTTP/1.1 200 OK\r\n") as local:
        report = visit(local, requests=12, connections=2, new_per_second=0, timeout_seconds=0.5)
    assert {failure.kind for failure in report.failures} == {"no answer in time"}
    assert report.worst_gap_seconds > 0.4


def test_created_intents_are_known_by_their_ids_and_never_sent_twice():
    posts: list[str] = []

    def answers(number: int, line: str) -> bytes:
        posts.extend([line] * line.startswith("POST"))
        return CREATED if line.startswith("POST") else GOOD

    with serving(answers) as local:
        report = visit(local, intents_per_second=40)
    assert {intent.id for intent in report.intents} == {"7"}
    assert len({intent.text for intent in report.intents}) == len(report.intents) == len(posts) > 0


@pytest.mark.parametrize(("how", "code", "is_clean"), [("told", 1012, True), ("cut", 1006, False)])
def test_websockets_that_the_site_ends_come_back(how: str, code: int, is_clean: bool):
    async def listen(socket) -> None:
        await socket.send("hello")
        await asyncio.sleep(0.3)
        if how == "told":
            await socket.close(1012)
        else:
            socket.transport.abort()

    async def start() -> int:
        server = await serve(listen, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    with (
        running(start) as local,
        traffic(
            local, port=local.port, connections=0, new_per_second=0, intents_per_second=0, websockets=3, limit_seconds=1
        ) as load,
    ):
        load.wait()
    ends = load.report.websocket_ends
    assert {(end.code, end.is_clean) for end in ends} == {(code, is_clean)}
    assert all(0 < end.reconnect_seconds < 0.3 for end in ends[:3])
    assert load.report.websocket_messages >= 3


def test_load_that_is_not_let_in_says_so(capfd: pytest.CaptureFixture[str]):
    with (
        serving(lambda number, line: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as local,
        pytest.raises(AssertionError, match="did not begin"),
    ):
        visit(local, all_in_within_seconds=0.5)
    assert "4 of the visitors were not let in" in capfd.readouterr().err
