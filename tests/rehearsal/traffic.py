"""Visitors who are there while something happens to the site, in a process of their own.

    with traffic(site) as load:
        site.run_flow("deploy")
    assert load.report.failed == 0, load.report

A request fails when its answer is not 2xx or 304. One thing is forgiven, once for each request, as every HTTP client does:
the server closed a kept connection while it was idle, so that the request found it shut; these are counted as `reused_closed`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

CHECKOUT = Path(__file__).resolve().parents[2]
READY = "ready"
STOP_WITHIN_SECONDS = 60
KEPT_FAILURES = 1000


class Served(Protocol):
    """What of a Site is needed."""

    address: str
    ca_file: Path


@dataclass(frozen=True)
class Plan:
    """Who visits, and until when at most."""

    address: str
    ca_file: str = ""
    """Empty: plain HTTP."""
    port: int = 443
    paths: tuple[str, ...] = ("/", "/api/health")
    connections: int = 50
    think_seconds: float = 0.25
    new_per_second: float = 5
    websockets: int = 10
    websocket_path: str = "/ws"
    intents_per_second: float = 1
    intents_path: str = "/api/intents"
    timeout_seconds: float = 10
    limit_seconds: float = 900
    limit_requests: int = 300_000
    all_in_within_seconds: float = 30


@dataclass(frozen=True)
class Failure:
    """`at` in seconds since the load began; `status` 0 where there was no answer."""

    at: float
    kind: str
    status: int
    path: str


@dataclass(frozen=True)
class WebSocketEnd:
    """A connection that the site ended. Code 1006: without a close frame. `reconnect_seconds` -1: not again before the load ended."""

    at: float
    code: int
    is_clean: bool
    reconnect_seconds: float = -1
    refused: int = 0
    """Attempts to come back that were in vain."""


@dataclass(frozen=True)
class Intent:
    id: str
    text: str


@dataclass
class Report:
    seconds: float = 0
    requests: int = 0
    reused_closed: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    """The first of them, at most KEPT_FAILURES."""
    worst_gap_seconds: float = 0
    """The longest time in which nobody got a good answer."""
    worst_gap_at: float = 0
    p50_seconds: float = 0
    p95_seconds: float = 0
    p99_seconds: float = 0
    websocket_ends: list[WebSocketEnd] = field(default_factory=list)
    websocket_messages: int = 0
    intents: list[Intent] = field(default_factory=list)
    own_cpu_seconds: float = 0
    own_worst_lag_seconds: float = 0
    """How late this process itself was at worst: a gap that is not longer says nothing about the site."""

    @property
    def cut_websockets(self) -> list[WebSocketEnd]:
        return [end for end in self.websocket_ends if not end.is_clean]

    def __str__(self) -> str:
        shown = [*self.failures[:10], *self.cut_websockets[:10]]
        return "\n  ".join(
            [
                f"{self.requests} requests in {self.seconds:.1f} s, {self.failed} failed, "
                f"{self.reused_closed} sent again; {len(self.intents)} intents",
                f"worst gap {self.worst_gap_seconds:.3f} s after {self.worst_gap_at:.1f} s; "
                f"p50 {self.p50_seconds * 1000:.0f} ms, p95 {self.p95_seconds * 1000:.0f} ms, p99 {self.p99_seconds * 1000:.0f} ms",
                f"{len(self.websocket_ends)} WebSockets ended, {len(self.cut_websockets)} of them cut",
                f"the load itself: {self.own_cpu_seconds / max(self.seconds, 0.001):.0%} of a processor, "
                f"late by {self.own_worst_lag_seconds:.3f} s at worst",
                *map(str, shown),
            ]
        )


class Load:
    """`report` is there when the block has ended."""

    report: Report

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._printed = ""

    @property
    def is_going_on(self) -> bool:
        """False once a limit of the plan was reached."""
        return self._process.poll() is None

    def wait(self) -> None:
        """Until a limit of the plan is reached."""
        assert self._process.stdout is not None
        self._printed = self._process.stdout.read()

    def stop(self) -> None:
        self._printed += self._process.communicate(timeout=STOP_WITHIN_SECONDS)[0]
        assert self._process.returncode == 0, (
            f"the load ended with exit code {self._process.returncode}: {self._printed}"
        )
        self.report = parse_report(json.loads(self._printed))


@contextmanager
def traffic(site: Served, **plan: Any) -> Iterator[Load]:
    """The load goes on, every visitor being in, while the block does; for what may be given see Plan."""
    words = asdict(Plan(site.address, str(site.ca_file), **plan))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal.visitors", json.dumps(words)],
        cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == READY, "the load did not begin: see its words on stderr"
        load = Load(process)
        yield load
        load.stop()
    finally:
        process.kill()
        process.wait()


def parse_report(values: dict[str, Any]) -> Report:
    kinds = {"failures": Failure, "websocket_ends": WebSocketEnd, "intents": Intent}
    lists = {name: [kind(**entry) for entry in values[name]] for name, kind in kinds.items()}
    return Report(**{**values, **lists})
