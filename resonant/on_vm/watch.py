"""Look at a release's containers: `gate`, before visitors are led to them, and `soak`, for a while after.

`gate {"deadline_seconds", "settle_seconds", "containers": {container: web or {}}}` waits until all have been well for so long or
one cannot be any more; prints {"ok", "container", "why", "seconds"}.
`soak {"seconds", "nginx": container, "new": ["address:port"], "old": […], "switched_at": Unix time, "web": {container: web},
"containers": [names], "max_error_rate", "max_p95_seconds"}` watches what visitors get and ends early when a limit is passed:
errors of the new release count only beyond what the old one had in the minute before; prints {"ok", "container", "why",
"requests", "errors", "p95_seconds", …}. A web is {"address", "port", "health"}.
"""

import http.client
import json
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
from statistics import quantiles
from threading import Event, Thread, Timer
from typing import Any

PAUSE_SECONDS = 0.25
ASK_SECONDS = 3.0
# So that one lucky answer between two restarts does not count.
GOOD_ANSWERS = 2
ASK_ENGINE_TIMES = 5
BASELINE_SECONDS = 60
GAP_BEFORE_SECONDS = 5
PROBE_SECONDS = 1.0
# Fewer answers than these say nothing about a rate.
FEWEST_REQUESTS = 20
FEWEST_ERRORS = 3
# A health check that fails this often in a row is a failure; once is not.
BAD_PROBES = 3
ENDS = ("no", "on-failure", "")


def main(what: str, argument: str) -> None:
    order = json.loads(argument)
    print(json.dumps(gate(order) if what == "gate" else soak(order)))


def gate(order: Any) -> dict[str, Any]:
    began = time.monotonic()
    verdict = wait(order, began)
    return {**verdict, "seconds": round(time.monotonic() - began, 2)}


def soak(order: Any) -> dict[str, Any]:
    seen = Seen(order)
    log = subprocess.Popen(
        ["docker", "logs", "--follow", "--since", f"{order['switched_at'] - BASELINE_SECONDS:.0f}", order["nginx"]],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
    )  # fmt: skip
    Thread(target=seen.follow, args=(log.stdout,), daemon=True).start()
    try:
        verdict = watch(order, seen)
    finally:
        log.kill()
    return {**verdict, **seen.summary()}


def wait(order: Any, began: float) -> dict[str, Any]:
    names = list(order["containers"])
    good = dict.fromkeys(names, 0)
    since = dict.fromkeys(names, 0.0)
    why = dict.fromkeys(names, "has not started yet")
    while time.monotonic() - began < order["deadline_seconds"]:
        for name, state in zip(names, inspect(names), strict=True):
            final, why[name] = judge_container(state)
            if final:
                return {"ok": False, "container": name, "why": why[name]}
            web = order["containers"][name]
            if not why[name] and web:
                why[name] = ask(web)
                good[name] = good[name] + 1 if not why[name] else 0
            since[name] = (since[name] or time.monotonic()) if not why[name] else 0.0
        if all(is_done(order, name, good[name], since[name], why[name]) for name in names):
            return {"ok": True, "container": "", "why": ""}
        time.sleep(PAUSE_SECONDS)
    late = next((name for name in names if why[name]), names[0])
    return {"ok": False, "container": late, "why": f"{why[late] or 'not settled'} after {order['deadline_seconds']} s"}


def is_done(order: Any, name: str, good: int, since: float, why: str) -> bool:
    if why:
        return False
    if order["containers"][name] and good < GOOD_ANSWERS:
        return False
    return time.monotonic() - since >= float(order["settle_seconds"])


def inspect(names: list[str]) -> list[Any]:
    """None for one that does not exist; an engine that is busy for a moment makes none of them gone."""
    if not names:
        return []
    for _ in range(ASK_ENGINE_TIMES):
        done = subprocess.run(["docker", "inspect", *names], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode == 0 or "no such object" in done.stderr.lower():
            found = {entry["Name"].lstrip("/"): entry for entry in json.loads(done.stdout or "[]")}
            return [found.get(name) for name in names]
        time.sleep(PAUSE_SECONDS)
    sys.exit(f"Docker does not answer: {done.stderr.strip()}")


def judge_container(state: Any) -> tuple[bool, str]:
    """(is this final, what is wrong)."""
    if state is None:
        return False, "does not exist"
    policy = state["HostConfig"]["RestartPolicy"]["Name"]
    now = state["State"]
    health = (now.get("Health") or {}).get("Status", "")
    if now["Status"] == "exited" and now["ExitCode"] == 0 and policy in ENDS:
        return False, ""
    if now["Status"] in ("exited", "dead"):
        return True, f"ended with exit code {now['ExitCode']}"
    if state["RestartCount"]:
        return True, f"ended and was started again {state['RestartCount']} times"
    if now["Status"] != "running":
        return False, f"is {now['Status']}"
    if health == "unhealthy":
        return True, "is unhealthy"
    return False, "its health check has not passed yet" if health == "starting" else ""


def ask(web: Any) -> str:
    """What is wrong with the health path's answer; "" when nothing is. All of it has to come within ASK_SECONDS."""
    what, late = f"{web['health']} on port {web['port']}", Event()
    connection = http.client.HTTPConnection(web["address"], web["port"], timeout=ASK_SECONDS)
    try:
        connection.connect()
        # A time-out of the socket starts anew with each byte; this one is for the whole.
        timer = Timer(ASK_SECONDS, hang_up, [connection.sock, late])
        timer.start()
        try:
            status = read_status(connection, web["health"])
        finally:
            timer.cancel()
    except (OSError, ValueError, http.client.HTTPException) as error:
        is_late = late.is_set() or isinstance(error, TimeoutError)
        return f"{what} gave no answer ({'it took too long' if is_late else type(error).__name__})"
    finally:
        connection.close()
    if late.is_set():
        return f"{what} answered {status}, but the answer had not ended after {ASK_SECONDS:g} s"
    return "" if 200 <= status < 400 else f"{web['health']} answered {status}"


def read_status(connection: http.client.HTTPConnection, path: str) -> int:
    """When the answer has ended."""
    connection.request("GET", path, headers={"Host": "localhost", "Connection": "close"})
    answer = connection.getresponse()
    with suppress(http.client.IncompleteRead):
        while answer.read1(65536):
            pass
    return answer.status


def hang_up(plug: socket.socket, late: Event) -> None:
    late.set()
    with suppress(OSError):
        plug.shutdown(socket.SHUT_RDWR)


class Seen:
    """Answers of the new and the old release, from nginx's access log."""

    def __init__(self, order: Any) -> None:
        self._new, self._old = set(order["new"]), set(order["old"])
        # nginx's log tells whole seconds.
        self._switched_at = int(order["switched_at"])
        self.seconds: list[float] = []
        self.errors = self.baseline = self.baseline_errors = 0
        self.first_error = ""
        # The longest time around the switch and after it in which nobody got a good answer.
        self.worst_gap_seconds = 0.0
        self._answered_at = 0.0

    def follow(self, lines: Any) -> None:
        for line in lines:
            try:
                entry = json.loads(line)
                self._count(entry)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue

    def _count(self, entry: Any) -> None:
        upstream = entry["upstream"].rpartition(",")[2].strip()
        is_error = entry["status"] >= 500
        second = datetime.fromisoformat(entry["time"]).timestamp()
        is_before = second < self._switched_at
        # Workers of an earlier release of the stack do not tell milliseconds.
        self._note_gap(float(entry.get("at", second)), is_good=entry["status"] < 400)
        if upstream in self._old and is_before:
            self.baseline += 1
            self.baseline_errors += is_error
        elif upstream in self._new and not is_before:
            # Before, the same address may have been that of a release that was put back a moment ago.
            # A WebSocket's time is its whole life.
            if entry["status"] != 101:
                self.seconds.append(float(entry["seconds"]))
            self.errors += is_error
            if is_error and not self.first_error:
                self.first_error = f"{entry['method']} {entry['uri']} answered {entry['status']}"

    def _note_gap(self, at: float, *, is_good: bool) -> None:
        if not is_good or at < self._switched_at - GAP_BEFORE_SECONDS:
            return
        if self._answered_at:
            self.worst_gap_seconds = max(self.worst_gap_seconds, at - self._answered_at)
        self._answered_at = max(self._answered_at, at)

    @property
    def requests(self) -> int:
        return len(self.seconds)

    @property
    def p95_seconds(self) -> float:
        return quantiles(self.seconds, n=20)[-1] if len(self.seconds) > 1 else 0.0

    @property
    def baseline_error_rate(self) -> float:
        return self.baseline_errors / self.baseline if self.baseline >= FEWEST_REQUESTS else 0.0

    def summary(self) -> dict[str, Any]:
        return {
            "requests": self.requests, "errors": self.errors, "p95_seconds": round(self.p95_seconds, 4),
            "baseline_requests": self.baseline, "baseline_error_rate": round(self.baseline_error_rate, 5),
            "first_error": self.first_error, "worst_gap_seconds": round(self.worst_gap_seconds, 3),
        }  # fmt: skip


def watch(order: Any, seen: Seen) -> dict[str, Any]:
    began = time.monotonic()
    bad = dict.fromkeys(order["web"], 0)
    while True:
        if (fallen := find_fallen(order["containers"])) is not None:
            return {"ok": False, "container": fallen[0], "why": fallen[1]}
        for name, web in order["web"].items():
            why = ask(web)
            bad[name] = bad[name] + 1 if why else 0
            if bad[name] >= BAD_PROBES:
                return {"ok": False, "container": name, "why": why}
        if why := judge_traffic(order, seen):
            return {"ok": False, "container": "", "why": why}
        left = order["seconds"] - (time.monotonic() - began)
        if left <= 0:
            return {"ok": True, "container": "", "why": ""}
        time.sleep(min(PROBE_SECONDS, left))


def judge_traffic(order: Any, seen: Seen) -> str:
    if seen.requests < FEWEST_REQUESTS:
        return ""
    rate = seen.errors / seen.requests
    if seen.errors >= FEWEST_ERRORS and rate > order["max_error_rate"] + seen.baseline_error_rate:
        return (
            f"error rate {rate:.1%} of {seen.requests} requests (limit {order['max_error_rate']:.1%}, the old release had "
            f"{seen.baseline_error_rate:.1%}); first: {seen.first_error}"
        )
    if seen.p95_seconds > order["max_p95_seconds"]:
        return (
            f"p95 latency {seen.p95_seconds:.2f} s of {seen.requests} requests (limit {order['max_p95_seconds']:g} s)"
        )
    return ""


def find_fallen(names: list[str]) -> tuple[str, str] | None:
    for name, state in zip(names, inspect(names), strict=True):
        if state is None:
            return name, "is gone"
        final, why = judge_container(state)
        if final:
            return name, why
    return None


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
