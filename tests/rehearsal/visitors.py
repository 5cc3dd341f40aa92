"""The process behind traffic.py: `python -m tests.rehearsal.visitors PLAN` visits until its standard input closes, then prints a report."""

import asyncio
import json
import os
import random
import ssl
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.rehearsal.http_client import Answer, Connection, Failed
from tests.rehearsal.traffic import KEPT_FAILURES, READY, Failure, Intent, Plan, Report, WebSocketEnd

LAG_EVERY_SECONDS = 0.02
COME_BACK_AFTER_SECONDS = 0.1
# Normal closure, going away, service restart, try again later.
CLEAN_CODES = (1000, 1001, 1012, 1013)
NO_CLOSE_FRAME = 1006


class Book:
    """What has happened since the load began."""

    def __init__(self) -> None:
        self.report = Report()
        self._latencies: list[float] = []
        self._begun = self._answered = time.monotonic()
        self._cpu_before = sum(os.times()[:2])

    @property
    def now(self) -> float:
        return time.monotonic() - self._begun

    def note_answer(self, seconds: float) -> None:
        self.note_gap()
        self._answered = time.monotonic()
        self._latencies.append(seconds)

    def note_gap(self) -> None:
        gap = time.monotonic() - self._answered
        if gap > self.report.worst_gap_seconds:
            self.report.worst_gap_seconds, self.report.worst_gap_at = gap, self._answered - self._begun

    def note_failure(self, kind: str, status: int, path: str) -> None:
        self.report.failed += 1
        if len(self.report.failures) < KEPT_FAILURES:
            self.report.failures.append(Failure(self.now, kind, status, path))

    def note_lag(self, seconds: float) -> None:
        self.report.own_worst_lag_seconds = max(seconds, self.report.own_worst_lag_seconds)

    def close(self) -> None:
        self.report.own_cpu_seconds = sum(os.times()[:2]) - self._cpu_before
        if len(self._latencies) > 1:
            cuts = statistics.quantiles(self._latencies, n=100, method="inclusive")
            self.report.p50_seconds, self.report.p95_seconds, self.report.p99_seconds = cuts[49], cuts[94], cuts[98]


class Visitors:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.book = Book()
        self._tls = ssl.create_default_context(cafile=plan.ca_file) if plan.ca_file else None
        self._outside = plan.connections + plan.websockets
        self._all_in = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self, until: asyncio.Event) -> Report:
        """Until that, or a limit of the plan."""
        plan = self.plan
        staying = [asyncio.create_task(self._stay(number)) for number in range(plan.connections)]
        listening = [asyncio.create_task(self._listen()) for _ in range(plan.websockets)]
        await self._wait_until_all_are_in([*staying, *listening])
        self.book = Book()
        coming = [
            asyncio.create_task(self._come(plan.new_per_second, self._visit_once)),
            asyncio.create_task(self._come(plan.intents_per_second, self._create_intent)),
            asyncio.create_task(self._measure_lag()),
        ]
        print(READY, flush=True)
        await first_of(
            until.wait(), self._over.wait(), asyncio.sleep(plan.limit_seconds), *staying, *listening, *coming
        )
        self.book.note_gap()
        self.book.report.seconds = self.book.now
        self._over.set()
        await asyncio.gather(*staying, *coming)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        self.book.close()
        return self.book.report

    # The kinds of visitor. Each finishes the request that it has begun: only then is it known how it ended.

    async def _stay(self, number: int) -> None:
        rng = random.Random(number)  # noqa: S311  # pauses alone
        connection, is_in = None, False
        await asyncio.sleep(rng.random() * self.plan.think_seconds)
        while not self._over.is_set():
            answer, connection = await self._ask("GET", rng.choice(self.plan.paths), connection)
            if answer and not is_in:
                is_in = True
                self._come_in()
            await asyncio.sleep(self.plan.think_seconds * rng.uniform(0.5, 1.5))
        if connection:
            connection.close()

    async def _visit_once(self, number: int) -> None:
        _, connection = await self._ask("GET", self.plan.paths[number % len(self.plan.paths)], None)
        if connection:
            connection.close()

    async def _create_intent(self, number: int) -> None:
        """On a connection of its own, so that it is never sent twice."""
        text = f"traffic {os.getpid()} {number}"
        answer, connection = await self._ask("POST", self.plan.intents_path, None, json.dumps({"text": text}).encode())
        if answer:
            self.book.report.intents.append(Intent(str(json.loads(answer.body)["id"]), text))
        if connection:
            connection.close()

    async def _listen(self) -> None:
        socket, _ = await self._connect()
        self._come_in()
        try:
            while True:
                code = await self._hear(socket)
                left, ends = time.monotonic(), self.book.report.websocket_ends
                ends.append(WebSocketEnd(self.book.now, code, code in CLEAN_CODES))
                place = len(ends) - 1
                socket, refused = await self._connect()
                ends[place] = replace(ends[place], reconnect_seconds=time.monotonic() - left, refused=refused)
        finally:
            await socket.close()

    # What they do.

    async def _come(self, per_second: float, visit: Callable[[int], Awaitable[None]]) -> None:
        """An open model: the next one comes whether or not the one before was served."""
        begun, number, visits = time.monotonic(), 0, set()
        while not self._over.is_set():
            await asyncio.sleep(min(0.25, begun + number / per_second - time.monotonic()) if per_second else 0.25)
            if per_second and time.monotonic() >= begun + number / per_second:
                task = asyncio.ensure_future(visit(number))
                visits.add(task)
                task.add_done_callback(visits.discard)
                number += 1
        await asyncio.gather(*visits)

    async def _ask(
        self, method: str, path: str, connection: Connection | None, body: bytes = b""
    ) -> tuple[Answer | None, Connection | None]:
        """The answer, if it is a good one; the connection, if it can be used again."""
        self.book.report.requests += 1
        if self.book.report.requests >= self.plan.limit_requests:
            self._over.set()
        begun = time.monotonic()
        answer = None
        try:
            async with asyncio.timeout(self.plan.timeout_seconds):
                answer, connection = await self._ask_at_most_twice(method, path, connection, body)
        except (Failed, TimeoutError) as error:
            self.book.note_failure(str(error) or "no answer in time", 0, path)
            return None, None
        if answer.is_last:
            connection.close()
        kept = None if answer.is_last else connection
        if not (200 <= answer.status < 300 or answer.status == 304):
            self.book.note_failure(answer.body[:80].decode(errors="replace"), answer.status, path)
            return None, kept
        self.book.note_answer(time.monotonic() - begun)
        return answer, kept

    async def _ask_at_most_twice(
        self, method: str, path: str, connection: Connection | None, body: bytes
    ) -> tuple[Answer, Connection]:
        if connection:
            try:
                return await self._ask_over(connection, method, path, body), connection
            except Failed as error:
                if not error.was_before_answer:
                    raise
                self.book.report.reused_closed += 1
        connection = await Connection.open(self.plan.address, self.plan.port, self._tls)
        return await self._ask_over(connection, method, path, body), connection

    async def _ask_over(self, connection: Connection, method: str, path: str, body: bytes) -> Answer:
        try:
            return await connection.ask(method, path, body)
        except (Failed, asyncio.CancelledError):
            connection.close()
            raise

    async def _connect(self) -> tuple[ClientConnection, int]:
        """A WebSocket, and how many times it was refused first."""
        scheme = "wss" if self._tls else "ws"
        url = f"{scheme}://{self.plan.address}:{self.plan.port}{self.plan.websocket_path}"
        refused = 0
        while True:
            try:
                socket = await connect(
                    url, ssl=self._tls, open_timeout=self.plan.timeout_seconds, close_timeout=2, compression=None, proxy=None
                )  # fmt: skip
                return socket, refused
            except (OSError, TimeoutError, InvalidHandshake):
                refused += 1
                await asyncio.sleep(COME_BACK_AFTER_SECONDS)

    async def _hear(self, socket: ClientConnection) -> int:
        """The code with which the site ended it."""
        try:
            while True:
                await socket.recv()
                self.book.report.websocket_messages += 1
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else NO_CLOSE_FRAME

    async def _measure_lag(self) -> None:
        while not self._over.is_set():
            due = time.monotonic() + LAG_EVERY_SECONDS
            await asyncio.sleep(LAG_EVERY_SECONDS)
            self.book.note_lag(time.monotonic() - due)

    def _come_in(self) -> None:
        self._outside -= 1
        if self._outside == 0:
            self._all_in.set()

    async def _wait_until_all_are_in(self, tasks: list[asyncio.Task[None]]) -> None:
        if not tasks:
            return
        await first_of(self._all_in.wait(), asyncio.sleep(self.plan.all_in_within_seconds), *tasks)
        if not self._all_in.is_set():
            sys.exit(f"traffic: {self._outside} of the visitors were not let in. {self.book.report}")


async def first_of(*things: Awaitable[object]) -> None:
    """Until one of them is done; raises what it raised."""
    waiting = [asyncio.ensure_future(thing) for thing in things]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for other in others - set(things):
        other.cancel()
    for task in done:
        task.result()


async def visit(plan: Plan) -> Report:
    until = asyncio.Event()
    loop = asyncio.get_running_loop()

    def is_told() -> None:
        loop.remove_reader(sys.stdin)
        until.set()

    # Standard input closes when it is time, or when who began the load is no more.
    loop.add_reader(sys.stdin, is_told)
    return await Visitors(plan).run(until)


def main(words: str) -> None:
    values = json.loads(words)
    report = asyncio.run(visit(Plan(**{**values, "paths": tuple(values["paths"])})))
    print(json.dumps(asdict(report)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
