"""What a diagnosis is made from and what it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from resonant.diagnosis.causes import NEXT_STEPS
from resonant.diagnosis.evidence import Answer, Container, Evidence
from resonant.diagnosis.words import fresh_lines, quote, telling_lines


class Stage(StrEnum):
    """What the release was doing when it failed."""

    FETCH = "fetch"
    BUILD = "build"
    PULL = "pull"
    MIGRATE = "migrate"
    START = "start"
    SWITCH = "switch"
    SOAK = "soak"
    HOOK = "hook"


@dataclass(frozen=True)
class ExpectedWeb:
    """Where the description of the application says that a service answers."""

    service: str
    port: int
    health: str


@dataclass(frozen=True)
class Soak:
    """What was measured after the switch, and its limits."""

    requests: int
    error_rate: float
    max_error_rate: float
    p95_seconds: float
    max_p95_seconds: float


@dataclass(frozen=True)
class Expectation:
    web: tuple[ExpectedWeb, ...] = ()
    deadline_seconds: int = 0
    daemons: tuple[str, ...] = ()
    soak: Soak | None = None

    def of(self, service: str) -> ExpectedWeb | None:
        return next((one for one in self.web if one.service == service), None)


@dataclass(frozen=True)
class Diagnosis:
    """`cause` is a key of NEXT_STEPS; `service` is "" where it is the machine's or the whole application's."""

    stage: Stage
    cause: str
    service: str
    summary: str
    next_step: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One failure with everything that is known about it."""

    stage: Stage
    said: str
    evidence: Evidence
    expected: Expectation

    @property
    def unwell(self) -> list[Container]:
        """The likeliest to be the origin first: a database before those who need it, nginx after those it needs."""
        return sorted((one for one in self.evidence.containers if not self.is_well(one)), key=self._rank)

    def is_well(self, one: Container) -> bool:
        answer = self.answer(one)
        answers = answer is not None and answer.is_well
        if not one.exists or not one.is_running or one.oom_killed or one.oom_kills:
            return False
        web = self.expected.of(one.service)
        if (
            web
            and not answer
            and one.listening is not None
            and web.port not in [socket.port for socket in one.listening]
        ):
            return False
        if one.health in ("unhealthy", "starting") or (answer and not answers):
            return False
        return answers or one.health == "healthy" or not one.restart_count

    def _rank(self, one: Container) -> int:
        database = self.evidence.database
        if database and one.service == database.service:
            return 0
        if not one.exists or (one.state == "created" and not one.error):
            return 4
        if one.state == "exited" and one.code == 0 and not self.must_stay(one):
            return 5
        return 3 if "nginx: [emerg] host not found" in one.output else 1 if one.has_fallen or one.error else 2

    def must_stay(self, one: Container) -> bool:
        return one.service in self.expected.daemons or self.expected.of(one.service) is not None

    def answer(self, one: Container) -> Answer | None:
        """Nothing where it does not run: something else would have answered at its address."""
        return self.evidence.answer(one.service) if one.is_running else None

    @property
    def named(self) -> str:
        """The service whose container the failed command speaks of."""
        return next(
            (one.service for one in self.evidence.containers if re.search(rf"\b{re.escape(one.name)}\b", self.said)), ""
        )

    def text(self, one: Container) -> str:
        """What it said that can still matter: of one that runs, only what came after it was ready, and its answer."""
        if not one.is_running or one.restart_count:
            return one.output
        answer = self.answer(one)
        return "\n".join([*fresh_lines(one.log), one.error, answer.body if answer and not answer.is_well else ""])

    def found(self, cause: str, service: str, summary: str, *seen: str) -> Diagnosis:
        one = self.evidence.container(service)
        lines = [*seen, *(self._facts(one) if one else self._said()), *self._machine(), *self._others(service)]
        evidence = tuple(quote(line, 300) for line in dict.fromkeys(lines) if line)
        return Diagnosis(self.stage, cause, service, quote(summary, 400), NEXT_STEPS[cause], evidence)

    def _said(self) -> list[str]:
        return [f"said: {line}" for line in telling_lines(self.said.splitlines())]

    def _facts(self, one: Container) -> list[str]:
        answer = self.answer(one)
        return [
            f"container {one.name}: {describe_state(one)}",
            describe_listening(one) if one.is_running else "",
            describe_answer(answer) if answer else "",
            describe_health_check(one) if one.health in ("unhealthy", "starting") else "",
            *(f"log: {line}" for line in telling_lines(list(one.log))),
            *(f"docker: {line}" for line in telling_lines(one.error.splitlines())),
        ]

    def _machine(self) -> Iterator[str]:
        for disk in self.evidence.host.disks:
            if disk.free_bytes < disk.total_bytes * 0.05:
                yield f"disk {disk.path}: {disk.free_bytes / 1e9:.2f} of {disk.total_bytes / 1e9:.1f} GB free"
        database = self.evidence.database
        if database and database.accepts is not True:
            words = "; ".join(database.said[:2]) or dict(self.evidence.reasons).get("database", "it could not be asked")
            yield f"database {database.service}: {words}"
        if "containers" in dict(self.evidence.reasons):
            yield f"docker inspect: {dict(self.evidence.reasons)['containers']}"

    def _others(self, service: str) -> list[str]:
        # One that does not exist has not been started yet: that is no fault.
        unwell = [one for one in self.unwell if one.service != service and one.exists]
        others = [f"{one.service} ({describe_state(one)})" for one in unwell]
        return [f"also unwell: {'; '.join(others[:4])}"] if others else []


def describe_state(one: Container) -> str:
    if not one.exists:
        return "does not exist"
    code = "" if one.is_running or one.state == "created" else f", exit code {one.exit_code}"
    lately = f", last exit code {one.code}" if one.is_running and one.exits else ""
    since = f" for {one.running_seconds:.0f} s" if one.running_seconds is not None else ""
    again = f", restarted {times(one.restart_count)}" if one.restart_count else ""
    memory = ", out-of-memory flag set" if one.oom_killed else ""
    health = f", health check {one.health}" if one.health else ""
    return f"{one.state}{since}{code}{lately}{again}{memory}{health}"


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def describe_listening(one: Container) -> str:
    if one.listening is None:
        return ""
    return f"listens on {', '.join(map(str, one.listening)) or 'no TCP port'}"


def describe_answer(answer: Answer) -> str:
    body = " ".join(answer.body.split())
    told = (
        f"answered {answer.status}{' (body does not end)' if not answer.ended else ''}"
        if answer.status
        else answer.error
    )
    to = f", redirected to {answer.location}" if answer.location else ""
    return f"GET {answer.url}: {told}{to} after {answer.seconds:.1f} s{f': {quote(body, 160)}' if body else ''}"


def describe_health_check(one: Container) -> str:
    if not one.health_outputs:
        return f"health check `{quote(one.health_test, 120)}`: not run yet"
    last = one.health_outputs[-1]
    return f"health check `{quote(one.health_test, 120)}`: exit code {last.exit_code}: {' '.join(last.output.split())}"
