"""Rules about containers that run: where they listen and what they answer."""

import re

from resonant.diagnosis.case import Case, Diagnosis, ExpectedWeb, Stage
from resonant.diagnosis.evidence import Answer, Container
from resonant.diagnosis.words import telling_line

BUSY_CPU = 0.3
BROKEN_CHECK = re.compile(
    r"executable file not found|not found|no such file or directory|permission denied", re.IGNORECASE
)
ON_ITS_WAY = re.compile(
    r"\b(?:starting|waiting|loading|warming|initiali[sz]ing|compiling|building|migrating|connecting|booting|importing|preparing|downloading|indexing)\b",
    re.IGNORECASE,
)


def listens_on_loopback(case: Case) -> Diagnosis | None:
    for one, web in _running(case):
        own = [socket for socket in one.listening or () if socket.port == web.port]
        if own and all(socket.is_loopback for socket in own):
            where = ", ".join(map(str, own))
            return case.found(
                "listens on loopback only",
                one.service,
                f"it listens on {where} only: nobody outside its container reaches it",
            )
    return None


def listens_elsewhere(case: Case) -> Diagnosis | None:
    for one, web in _running(case):
        if one.listening and web.port not in [socket.port for socket in one.listening]:
            where = ", ".join(map(str, one.listening))
            loopback = (
                ", which nobody outside its container reaches"
                if all(socket.is_loopback for socket in one.listening)
                else ""
            )
            return case.found(
                "wrong port",
                one.service,
                f"it runs but nothing listens on port {web.port}; it listens on {where} only{loopback}",
            )
    return None


def health_answers_badly(case: Case) -> Diagnosis | None:
    for one, web in _running(case):
        answer = case.answer(one)
        if answer and not answer.is_well and (told := _judge(answer, web, one)):
            return case.found(told[0], one.service, told[1])
    return None


def _judge(answer: Answer, web: ExpectedWeb, one: Container) -> tuple[str, str] | None:
    path, body = f"{web.health} on port {web.port}", " ".join(answer.body.split())
    line, shown = telling_line(one.log), f": {body[:160]}" if body else ""
    listening = any(socket.port == web.port for socket in one.listening or ())
    match answer.error:
        case "no answer":
            return "health hangs", f"{path} takes the connection and has not answered after {answer.seconds:.0f} s"
        case "not http":
            return "not HTTP", f"what answers on port {web.port} is not plain HTTP{shown}"
        case "closed without an answer" | "reset":
            return (
                "health connection closed",
                f"{path}: the connection was closed without an answer{f'; {line}' if line else ''}",
            )
        case "refused" if not listening or one.listening is None:
            return None
        case "refused" | "timeout" | "unknown name":
            return (
                "not reachable",
                f"it listens on port {web.port}, but {answer.url} is not reached from the VM ({answer.error})",
            )
        case error if error:
            return "not reachable", f"{answer.url}: {error}"
    return _judge_status(answer, path, shown, line)


def _judge_status(answer: Answer, path: str, shown: str, line: str) -> tuple[str, str] | None:
    status = answer.status or 0
    if not answer.ended:
        return (
            "health body never ends",
            f"{path} answers {status}, but its body had not ended after {answer.seconds:.0f} s{shown}",
        )
    if 300 <= status < 400:
        return "health redirects", f"{path} answers {status} and sends to {answer.location or 'nowhere'}"
    if status == 404:
        return "health path not found", f"{path} answers 404{shown}"
    says = f"; its log says: {line}" if line else ""
    return "health refused" if 400 <= status < 500 else "health fails", f"{path} answers {status}{shown}{says}"


def health_check_is_broken(case: Case) -> Diagnosis | None:
    """The check that the image brings, where the program itself answers or was not asked by us."""
    for one in case.unwell:
        answer = case.answer(one)
        if one.health != "unhealthy" or not one.is_running or not one.health_outputs or (answer and not answer.is_well):
            continue
        last = one.health_outputs[-1]
        said = f"`{one.health_test}` ends with exit code {last.exit_code}: {last.output.strip() or 'no output'}"
        if last.exit_code in (126, 127) or (last.exit_code == -1 and BROKEN_CHECK.search(last.output)) or answer:
            works = f"; {answer.url} answers {answer.status}" if answer else ""
            return case.found("health check broken", one.service, f"its own health check cannot pass: {said}{works}")
    return None


def own_check_fails(case: Case) -> Diagnosis | None:
    for one in case.unwell:
        if one.health == "unhealthy" and one.is_running and one.health_outputs and not case.answer(one):
            last = one.health_outputs[-1]
            summary = (
                f"its own health check fails with exit code {last.exit_code}: {last.output.strip() or 'no output'}"
            )
            return case.found("health fails", one.service, summary)
    return None


def starts_slowly(case: Case) -> Diagnosis | None:
    """On its way at the deadline: it answers by now, is at work, or says so; else nothing listens."""
    if case.stage not in (Stage.START, Stage.SWITCH):
        return None
    for one, web in _running(case):
        age = f"{one.running_seconds:.0f} s after its start" if one.running_seconds is not None else "at the deadline"
        if one.listening == ():
            return _silent(case, one, web, age)
    return _well_by_now(case)


def _silent(case: Case, one: Container, web: ExpectedWeb, age: str) -> Diagnosis:
    last = one.log[-1].strip() if one.log else ""
    signs = [
        f"it used {one.cpu:.1f} processors while looked at" if one.cpu >= BUSY_CPU else "",
        f"its last line is `{last}`" if ON_ITS_WAY.search(last) else "",
        *(f"it runs `{command}`" for command in one.processes if re.search(r"(?:^|/)sleep \d", command)),
    ]
    told = "; ".join(filter(None, signs))
    if told:
        summary = (
            f"{age} nothing listens on port {web.port} yet; {told}; the deadline is {case.expected.deadline_seconds} s"
        )
        return case.found("slow start", one.service, summary)
    words = f"its last line is `{last}`" if last else "it printed nothing"
    return case.found(
        "nothing listens", one.service, f"it runs, but {age} nothing listens on port {web.port} or any other; {words}"
    )


def _well_by_now(case: Case) -> Diagnosis | None:
    """Everything answers when looked at: it came too late."""
    if case.said and not re.search(r"unhealthy|not ready|deadline|time|healthy|starting", case.said, re.IGNORECASE):
        return None
    late = [one for one in case.unwell if one.health == "starting"]
    web = [one for one in case.evidence.containers if (answer := case.answer(one)) and answer.is_well]
    chosen = late or ([] if case.unwell else web)
    if not chosen:
        return None
    answer, age = case.answer(chosen[0]), chosen[0].running_seconds
    now = (
        f"{answer.url} answers {answer.status} by now"
        if answer and answer.is_well
        else "its health check still says starting"
    )
    after = f", {age:.0f} s after its start" if age is not None else ""
    return case.found(
        "slow start", chosen[0].service, f"{now}{after}; the deadline is {case.expected.deadline_seconds} s"
    )


def soak_went_badly(case: Case) -> Diagnosis | None:
    if case.stage is not Stage.SOAK:
        return None
    soak = case.expected.soak
    if soak and soak.error_rate > soak.max_error_rate:
        summary = (
            f"{soak.error_rate:.1%} of {soak.requests} requests failed with 5xx; the limit is {soak.max_error_rate:.1%}"
        )
        return case.found("error rate", _talker(case), summary)
    if soak and soak.p95_seconds > soak.max_p95_seconds:
        summary = f"95 % of {soak.requests} requests took up to {soak.p95_seconds:.2f} s; the limit is {soak.max_p95_seconds:g} s"
        return case.found("latency", _talker(case), summary)
    if re.search(r"p95|latency|percentile|slow", case.said, re.IGNORECASE):
        return case.found("latency", _talker(case), telling_line(case.said.splitlines()))
    if re.search(r"5xx|error rate|\b50\d\b|failed", case.said, re.IGNORECASE):
        return case.found("error rate", _talker(case), telling_line(case.said.splitlines()))
    return None


def _talker(case: Case) -> str:
    """The web service whose log speaks of errors, when there is one."""
    for web in case.expected.web:
        one = case.evidence.container(web.service)
        if one and re.search(r"error|exception|traceback|panic", "\n".join(one.log), re.IGNORECASE):
            return one.service
    return ""


def _running(case: Case) -> list[tuple[Container, ExpectedWeb]]:
    pairs = [(one, case.expected.of(one.service)) for one in case.unwell if one.is_running]
    return [(one, web) for one, web in pairs if web]
