"""Rules about what the failed command itself said: fetching, building, pulling, migrating, Compose."""

import re
from collections.abc import Sequence

from resonant.diagnosis.case import Case, Diagnosis, Stage
from resonant.diagnosis.patterns import (
    ARCHITECTURE_WORDS,
    COMPOSE_WORDS,
    DATABASE_WORDS,
    FETCH_WORDS,
    LOCKED,
    NGINX_WORDS,
    PERMISSION_WORDS,
    PORT_WORDS,
    PROGRAM_WORDS,
    REGISTRY_WORDS,
    UNREACHABLE,
    Found,
    Pattern,
    find_all,
)
from resonant.diagnosis.variables import find_missing_variables
from resonant.diagnosis.words import telling_line

STEP = re.compile(r"process \"(?P<command>(?:[^\"\\]|\\.)*)\" did not complete successfully: (?P<why>.*)")
PLACE = re.compile(r"^(?P<file>\S*Dockerfile\S*|\S+):(?P<number>\d+)\s*$\n-{5,}", re.MULTILINE)
MARKED = re.compile(r"^\s*(?P<number>\d+) \| >>> (?P<text>.*)$", re.MULTILINE)
TARGET = re.compile(
    r"(?:target|service) \"?(?P<service>[\w.-]+?)\"?: failed to (?:solve|build)|"
    r"^(?:#\d+| >) \[(?P<other>[a-z][\w.-]*) (?:\S+ )?(?:\d+/\d+|internal)\]",
    re.MULTILINE,
)
DOCKERFILE = (
    r"dockerfile parse error(?: on)? line (?P<number>\d+): (?P<why>.*)", r"(?P<why>(?:unknown instruction|unknown flag)\S* .*)",
    r"(?P<why>failed to read dockerfile: .*)", r"(?P<why>target stage \S+ could not be found.*)",
    r"(?P<why>the Dockerfile cannot be empty.*)",
    r"(?P<why>failed to parse stage name .*)", r"(?P<why>no build stage in current context.*)", r"(?P<why>invalid from flag value .*)",
    r"(?P<why>dockerfile parse error.*)", r"(?P<why>unable to evaluate symlinks in Dockerfile path.*)",
)  # fmt: skip
CONTEXT = (
    r"(?:failed to compute cache key|failed to calculate checksum|failed to walk).*?\"?(?P<path>/[^\s\"]+)\"?: (?:not found|no such file)",
    r"unable to prepare context: path \"?(?P<path>[^\s\"]+)\"? not found", r"COPY failed: .*?(?P<path>/\S+): (?:no such file|not found)",
    r"lstat (?P<path>\S+): no such file or directory", r"resolve : lstat (?P<path>[^:]+): no such file",
)  # fmt: skip
BUILD_MEMORY = re.compile(
    r"exit code: 137|signal: killed|Killed signal terminated|JavaScript heap out of memory|cannot allocate memory|^#\d+ [\d.]+ Killed$|"
    r"OutOfMemoryError|MemoryError|ResourceExhausted|virtual memory exhausted",
    re.MULTILINE,
)
FAILED_REVISION = re.compile(
    r"Running upgrade (?P<alembic>\S+ -> [^,\n]+)|Applying (?P<django>[\w.]+)\.\.\.|== \d+ (?P<rails>\w+): migrating|"
    r"Migration name: (?P<prisma>\S+)|Migration (?P<flyway>V\S+\.sql) failed|Migrat(?:ing|ion):? +(?P<other>\S*\d{4}\S*)"
)


def fetch_failed(case: Case) -> Diagnosis | None:
    return _first(case, FETCH_WORDS) if case.stage is Stage.FETCH else None


def docker_is_silent(case: Case) -> Diagnosis | None:
    found = COMPOSE_WORDS[0].find("\n".join([case.said, *dict(case.evidence.reasons).values()]))
    return case.found(found.cause, "", found.summary) if found else None


def compose_misses_a_variable(case: Case) -> Diagnosis | None:
    names = find_missing_variables("\n".join(re.findall(r"^.*required variable .*$", case.said, re.MULTILINE)))
    return case.found("missing variable", "", f"the Compose file requires {_listed(names)}") if names else None


def build_failed(case: Case) -> Diagnosis | None:
    """BuildKit's own words first: they are about the Dockerfile; a registry's only where no step ran."""
    if case.stage is not Stage.BUILD:
        return None
    service, said = _target(case), case.said
    step = STEP.search(said)
    killed = BUILD_MEMORY.search(said)
    oom_kills = [line for line in case.evidence.host.kernel if "Killed process" in line]
    if killed or (oom_kills and re.search(r"\bEOF\b|code = Unavailable|closing transport", said)):
        what = f"the step `{step['command']}` was killed" if step else "the build was killed"
        sure = "" if oom_kills or "memory" in said.lower() else " (exit code 137), most likely"
        sure += " for want of memory"
        return case.found("build out of memory", service, f"{what}{_at(said)}{sure}", *oom_kills[-1:])
    for expression in CONTEXT:
        if found := re.search(expression, said):
            summary = f"{found['path']} is not among the files that are sent to the build{_at(said)}"
            return case.found("build file missing", service, summary)
    for expression in DOCKERFILE:
        if found := re.search(expression, said):
            number = found.groupdict().get("number")
            return case.found(
                "Dockerfile error", service, f"{f'line {number}: ' if number else ''}{found['why']}{_at(said)}"
            )
    if step:
        cause = "wrong architecture" if ARCHITECTURE_WORDS.find(said) else "build step failed"
        summary = f"`{step['command']}` ended with {step['why']}{_at(said)}: {_step_line(said)}"
        return case.found(cause, service, summary)
    return None


def registry_refused(case: Case) -> Diagnosis | None:
    if case.stage not in (Stage.BUILD, Stage.PULL, Stage.START):
        return None
    return _first(case, REGISTRY_WORDS, _target(case))


def compose_refused(case: Case) -> Diagnosis | None:
    return _first(case, COMPOSE_WORDS) if case.stage in (Stage.BUILD, Stage.PULL, Stage.START, Stage.SWITCH) else None


def port_is_taken(case: Case) -> Diagnosis | None:
    """Docker's own refusal: who holds the port is known for 80 and 443."""
    created = [one for one in case.unwell if "port" in one.error.lower()]
    text = "\n".join([case.said, *(one.error for one in created)])
    found = next(find_all(PORT_WORDS, text), None) if case.stage is not Stage.MIGRATE else None
    if not found:
        return None
    holder = port_holder(case, found.group("port"))
    return case.found(found.cause, created[0].service if created else case.named, found.summary + holder)


def port_holder(case: Case, port: str) -> str:
    own = {one.name for one in case.evidence.containers}
    for name, ports in case.evidence.host.published:
        if f":{port}->" in ports and name not in own:
            return f" by the container {name}"
    for one in case.evidence.host.listeners:
        if str(one.port) == port and one.process:
            return f" by {one.process} (process {one.pid}, {one.address})"
    return ""


def nginx_refused(case: Case) -> Diagnosis | None:
    return _first(case, NGINX_WORDS, "nginx") if "nginx" in case.said or "[emerg]" in case.said else None


def migration_failed(case: Case) -> Diagnosis | None:
    """The database's refusals first: a migration cannot have begun."""
    if case.stage is not Stage.MIGRATE:
        return None
    if found := next(find_all(DATABASE_WORDS, case.said), None):
        return case.found(found.cause, "", f"while migrating, {found.summary}")
    if found := LOCKED.find(case.said):
        return case.found("migration locked", "", f"{_revision(case.said)}{found.summary}", *_open_transactions(case))
    if found := UNREACHABLE.find(case.said):
        return case.found("database unreachable", "", f"while migrating: {telling_line(case.said.splitlines())}")
    if names := find_missing_variables(case.said):
        return case.found("missing variable", "", f"the migration misses {_listed(names)}")
    if found := next(find_all((*PROGRAM_WORDS, *PERMISSION_WORDS), case.said), None):
        return case.found(found.cause, "", f"the migration did not begin: {found.summary}")
    line = migration_line(case.said)
    if re.search(r"ran out of time|exit code 124|timed? ?out", case.said):
        return case.found(
            "out of time", "", f"{_revision(case.said)}the migration ran out of time: {line}", *_open_transactions(case)
        )
    return case.found("migration failed", "", f"{_revision(case.said)}{line or 'it printed no error'}")


def migration_line(said: str) -> str:
    """The database's own error where it is told, else the line that tells most."""
    exact = (
        r"^Message +: .*$", r"(?<=^Database error:\n)ERROR:.*$", r"^(?:[\w.]+\.)?errors?\.\w+: .*$|^psycopg2?\.\S+: .*$",
        r"^(?:\(\w+\.\w+\)|sqlalchemy\.exc\.\w+:) .*$", r"^django\.(?:db\.)?\S+: .*$", r"^PG::\w+: .*$", r"^ERROR: .*$",
        r"^Error: P\d+.*$", r"^FAILED: .*$",
    )  # fmt: skip
    for expression in exact:
        if lines := [found[0] for found in re.finditer(expression, said, re.MULTILINE)]:
            return str(lines[-1])
    return telling_line(said.splitlines())


def hook_failed(case: Case) -> Diagnosis | None:
    if case.stage is not Stage.HOOK:
        return None
    return case.found(
        "hook failed", "", f"the hook failed: {telling_line(case.said.splitlines()) or 'it printed no error'}"
    )


def _first(case: Case, patterns: Sequence[Pattern], service: str = "") -> Diagnosis | None:
    found: Found | None = next(find_all(patterns, case.said), None)
    return case.found(found.cause, service or case.named, found.summary, f"said: {found.line}") if found else None


def _target(case: Case) -> str:
    found = TARGET.search(case.said)
    return (found["service"] or found["other"]) if found else ""


def _at(said: str) -> str:
    """(Dockerfile:5 `RUN …`)"""
    place, marked = PLACE.search(said), MARKED.search(said)
    where = f"{place['file']}:{place['number']}" if place else f"line {marked['number']}" if marked else ""
    text = f" `{marked['text'].strip()}`" if marked else ""
    return f" ({where}{text})" if where else ""


def _step_line(said: str) -> str:
    """What the step printed: its lines begin with BuildKit's number and seconds."""
    printed = [found[1] for found in re.finditer(r"^(?:#\d+ )?\d+\.\d+ (.*)$", said, re.MULTILINE)]
    return telling_line(printed) or telling_line(said.splitlines())


def _revision(said: str) -> str:
    found = list(FAILED_REVISION.finditer(said))
    names = [value for value in found[-1].groups() if value] if found else []
    return f"in {names[0].strip()}: " if names else ""


def _open_transactions(case: Case) -> list[str]:
    database = case.evidence.database
    return (
        [f"database {database.service}: {line}" for line in database.said if line.startswith("transaction")]
        if database
        else []
    )


def _listed(names: tuple[str, ...]) -> str:
    return f"the variable{'s' if len(names) > 1 else ''} {', '.join(names[:6])}"
