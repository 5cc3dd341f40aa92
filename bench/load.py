"""k6 beside what is measured: 500 kept connections that think (closed model), and newcomers at a fixed rate (open model)."""

import csv
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx

from bench import tools

SCRIPTS = Path(__file__).parent / "k6"
LIMIT_SECONDS = 900
STOP_SECONDS = 60
CLEAN_CODES = {"1000", "1001", "1012", "1013"}
# HTTP/1.1 for the kept connections, where a server may close an idle one; HTTP/2 for the newcomers.
MODELS = {"closed": {"GODEBUG": "http2client=0"}, "open": {}}


@dataclass
class Seen:
    """What both models saw; times in seconds."""

    requests: int = 0
    failed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    worst_gap: float = 0.0
    p99: float = 0.0
    websocket_ends: Counter[str] = field(default_factory=Counter)
    not_sent: int = 0
    """Newcomers for whom k6 itself had no room: they say nothing about the site."""

    def __str__(self) -> str:
        ends = ", ".join(f"{count} × {code}" for code, count in sorted(self.websocket_ends.items())) or "none ended"
        kinds = "".join(f"; {count} × {kind}" for kind, count in self.kinds.most_common(5))
        return (
            f"{self.requests} requests, {self.failed} failed{kinds}; worst gap {self.worst_gap:.2f} s, "
            f"p99 {self.p99 * 1000:.0f} ms; WebSockets: {ends}"
        )


class Load:
    """`seen` is there when the block has ended."""

    seen: Seen

    def __init__(self, ports: dict[str, int]) -> None:
        self._ports = ports

    def count(self) -> int:
        """Requests so far."""
        return sum(self._count(port) for port in self._ports.values())

    def go_on_until(self, requests: int) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.count() < requests and time.monotonic() < deadline:
            time.sleep(0.5)

    def stop(self) -> None:
        stopped = {"data": {"type": "status", "id": "default", "attributes": {"stopped": True}}}
        for port in self._ports.values():
            httpx.patch(f"http://127.0.0.1:{port}/v1/status", json=stopped, timeout=30, trust_env=False)

    def _count(self, port: int) -> int:
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/metrics/http_reqs", timeout=30, trust_env=False)
        return int(answer.json()["data"]["attributes"]["sample"]["count"]) if answer.is_success else 0


@contextmanager
def load(site: dict[str, str], **environment: object) -> Iterator[Load]:
    """Both models while the block runs; `environment` is for the scripts (VISITORS, NEW_PER_SECOND, PATHS …)."""
    tools.ensure_tools()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder, ports = Path(temporary), {model: find_free_port() for model in MODELS}
        processes = [start(model, site, ports[model], folder, environment) for model in MODELS]
        try:
            running = Load(ports)
            wait_until_sending(running, folder)
            yield running
            running.stop()
            for process in processes:
                process.wait(STOP_SECONDS)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        running.seen = read(*(folder / f"{model}.csv" for model in MODELS))


def start(
    model: str, site: dict[str, str], port: int, folder: Path, environment: dict[str, object]
) -> subprocess.Popen[bytes]:
    told = {name: str(value) for name, value in environment.items()}
    own = {"ADDRESS": site["address"], "SSL_CERT_FILE": site["ca_file"], "K6_CSV_TIME_FORMAT": "unix_micro"}
    command = [
        tools.find("k6"), "run", "--quiet", "--no-usage-report", "--no-color", "--no-summary", "--address", f"127.0.0.1:{port}",
        "--out", f"csv={folder / model}.csv", str(SCRIPTS / f"{model}.js"),
    ]  # fmt: skip
    words = {**os.environ, "LIMIT": f"{LIMIT_SECONDS}s", **own, **MODELS[model], **told}
    with (folder / f"{model}.log").open("wb") as log:
        return subprocess.Popen(command, env=words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def wait_until_sending(running: Load, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if running.count() > 0:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > deadline:
            logs = "".join(log.read_text()[-1500:] for log in folder.glob("*.log"))
            sys.exit(f"bench: k6 sends nothing: {logs}")
        time.sleep(0.2)


def read(*files: Path) -> Seen:
    """k6 writes a line for each value of each request, with the moment at which the answer was complete."""
    seen = Seen()
    durations: list[float] = []
    answered: list[float] = []
    for file in files:
        with file.open(newline="") as text:
            for row in csv.DictReader(text):
                note(row, seen, durations, answered)
    seen.p99 = sorted(durations)[int(len(durations) * 0.99)] if durations else 0.0
    answered.sort()
    seen.worst_gap = max((later - earlier for earlier, later in pairwise(answered)), default=0.0)
    return seen


def note(row: dict[str, str], seen: Seen, durations: list[float], answered: list[float]) -> None:
    value = float(row["metric_value"] or 0)
    if row["metric_name"] == "http_req_failed":
        seen.requests += 1
        seen.failed += bool(value)
        if value:
            seen.kinds[row["error"] or f"status {row['status']}"] += 1
        else:
            answered.append(int(row["timestamp"]) / 1e6)
    elif row["metric_name"] == "http_req_duration":
        durations.append(value / 1000)
    elif row["metric_name"] == "dropped_iterations":
        seen.not_sent += int(value)
    elif row["metric_name"] == "websocket_ends":
        told = dict(pair.split("=", 1) for pair in row["extra_tags"].split("&") if "=" in pair)
        seen.websocket_ends[name_end(told.get("code", "0"), row["status"])] += 1


def name_end(code: str, status: str) -> str:
    if status != "101":
        return f"refused with status {status}"
    return f"clean close {code}" if code in CLEAN_CODES else f"cut ({code})"


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
