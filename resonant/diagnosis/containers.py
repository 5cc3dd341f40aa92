"""Rules about containers that ended, or that say what they lack."""

import re
from collections.abc import Iterator

from resonant.diagnosis.case import Case, Diagnosis, Stage, times
from resonant.diagnosis.evidence import Container
from resonant.diagnosis.patterns import (
    COMPOSE_WORDS,
    DATABASE_WORDS,
    FILE_WORDS,
    INVALID_VARIABLE,
    NGINX_WORDS,
    PERMISSION_WORDS,
    PORT_WORDS,
    PROGRAM_WORDS,
    SCHEMA,
    UNREACHABLE,
    Found,
    Pattern,
    find_all,
)
from resonant.diagnosis.said import port_holder
from resonant.diagnosis.variables import find_missing_variables
from resonant.diagnosis.words import telling_line

SIGNALS = {129: "SIGHUP", 130: "SIGINT", 131: "SIGQUIT", 132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 137: "SIGKILL",
           139: "SIGSEGV", 143: "SIGTERM"}  # fmt: skip
DATABASE_PORTS = {"5432", "6432", "3306", "1433", "1521", "27017", "26257"}
DATABASE_NAME = re.compile(
    r"postgres|pgsql|mysql|maria|mongo|cockroach|sql|(?:^|[-_.])(?:db|database|pg)(?:$|[-_.\d])", re.IGNORECASE
)
OWN = ("localhost", "127.0.0.1", "::1", "[::1]", "0.0.0.0")  # noqa: S104  # read, not bound to


def words_of_containers(case: Case) -> Diagnosis | None:
    """The first unwell container whose last words name what it lacks."""
    return next((found for one in case.unwell for found in _words(case, one)), None)


def _words(case: Case, one: Container) -> Iterator[Diagnosis]:
    text = case.text(one)
    if found := next(find_all(NGINX_WORDS, text), None):
        yield case.found(found.cause, one.service, found.summary, f"log: {found.line}")
    if names := find_missing_variables(text, one.environment, one.empty_environment):
        yield case.found("missing variable", one.service, _missing(names, one))
    database = case.evidence.database
    is_database = database is not None and database.service == one.service  # its log has the errors of its clients
    if not is_database and (found := next(find_all(DATABASE_WORDS, text), None)):
        yield case.found(found.cause, one.service, found.summary, f"log: {found.line}", *_connections(case))
    tables: tuple[Pattern, ...] = (INVALID_VARIABLE, *COMPOSE_WORDS[1:2])
    if found := next(find_all(tables, text), None):
        yield case.found(found.cause, one.service, found.summary, f"log: {found.line}")
    if found := next(find_all(PORT_WORDS, text), None):
        holder = (
            port_holder(case, found.group("port")) or " inside its own container"
            if found.cause == "port taken"
            else f" (user {one.user or 'root'})"
        )
        yield case.found(found.cause, one.service, found.summary + holder, f"log: {found.line}")
    if found := next(find_all(PROGRAM_WORDS, text), None):
        yield case.found(found.cause, one.service, found.summary, f"log: {found.line}")
    if found := next(find_all(PERMISSION_WORDS, text), None):
        yield case.found(
            found.cause, one.service, found.summary + _mounted(one, found.group("path")), f"log: {found.line}"
        )
    if not is_database and (found := UNREACHABLE.find(text)):
        yield _unreachable(case, one, found)
    if not is_database and (found := SCHEMA.find(text)):
        yield case.found(found.cause, one.service, found.summary)
    if one.has_fallen and (found := FILE_WORDS.find(text)):
        yield case.found(
            found.cause, one.service, found.summary + _mounted(one, found.group("path")), f"log: {found.line}"
        )


def _missing(names: tuple[str, ...], one: Container) -> str:
    empty = [name for name in names if name in one.empty_environment]
    more = f" ({', '.join(empty)} is there, but empty)" if empty else ""
    return f"it misses the variable{'s' if len(names) > 1 else ''} {', '.join(names[:6])}{more}"


def _connections(case: Case) -> list[str]:
    database = case.evidence.database
    return (
        [f"database {database.service}: {line}" for line in database.said if line.startswith("connections")]
        if database
        else []
    )


def _mounted(one: Container, path: str) -> str:
    inside = [
        mount
        for mount in one.mounts
        if mount.destination and f"{path}/".startswith(f"{mount.destination.rstrip('/')}/")
    ]
    if not inside:
        return f" (not a mount; the program runs as user {one.user or 'root'}{', read_only is set' if one.read_only else ''})"
    mount = max(inside, key=lambda entry: len(entry.destination))
    how = "" if mount.writable else ", mounted read-only"
    return f" (mounted from {mount.source}, owner {mount.owner or '?'}, mode {mount.mode or '?'}{how}; it runs as user {one.user})"


def _unreachable(case: Case, one: Container, found: Found) -> Diagnosis:
    host, port = found.group("host").strip("[]"), found.group("port")
    database = case.evidence.database
    is_other = ((port and port not in DATABASE_PORTS) or (not port and host)) and not DATABASE_NAME.search(host)
    cause = (
        "dependency unreachable" if is_other and not (database and host == database.service) else "database unreachable"
    )
    where = f"{host}{f':{port}' if port else ''}" if host else ""
    what = "the database" if cause == "database unreachable" else "a service that it needs"
    own = f"; {host} is its own container" if host in OWN else ""
    other = case.evidence.container(host)
    state = f"; the container {other.name} is {other.state or 'missing'}" if other and not case.is_well(other) else ""
    accepts = ""
    if cause == "database unreachable" and database and database.accepts is not None:
        accepts = f"; {database.service} itself {'accepts' if database.accepts else 'does not accept'} connections"
    summary = f"it does not reach {what}{f' at {where}' if where else ''}: {found.line}{own}{state}{accepts}"
    return case.found(cause, one.service, summary)


def database_is_down(case: Case) -> Diagnosis | None:
    """A database that stands still explains everything else, unless its own words say more."""
    database = case.evidence.database
    one = case.evidence.container(database.service) if database else None
    if not database or one is None or (one.is_running and database.accepts is not False):
        return None
    said = next(_words(case, one), None)
    if said:
        return said
    line = telling_line(one.log)
    state = f"it is {one.state or 'missing'}" if not one.is_running else "it runs but takes no connections"
    return case.found(
        "database down",
        one.service,
        f"{state}{f', exit code {one.exit_code}' if one.exit_code else ''}: {line or 'no output'}",
    )


def ended(case: Case) -> Diagnosis | None:
    """Exit codes, where no words were understood."""
    fallen = [one for one in case.unwell if one.exists and (one.has_fallen or one.error)]
    fallen.sort(key=lambda one: one.code == 0 and not case.must_stay(one))
    return _ended(case, fallen[0]) if fallen else None


def _ended(case: Case, one: Container) -> Diagnosis:
    line, again = telling_line(one.log), f"; restarted {times(one.restart_count)}" if one.restart_count else ""
    last = f": {line}" if line else "; it printed nothing"
    if one.error and not one.log:
        return _refused_by_docker(case, one)
    if one.is_running and not one.exits:
        return case.found("crash", one.service, f"its program ended, with which exit code is not known{again}{last}")
    if one.code == 0:
        loop = "restart loop" if one.restart_count > 1 and not line else "exits at once"
        return case.found(loop, one.service, f"its program ends by itself with exit code 0{again}{last}")
    if one.code in (126, 127):
        cause = "not executable" if one.code == 126 else "command not found"
        return case.found(cause, one.service, f"`{one.command}` ended with exit code {one.code}{last}{again}")
    if one.code in (137, 143):
        summary = (
            f"it was ended by {SIGNALS[one.code]} (exit code {one.code}) without an out-of-memory flag{again}{last}"
        )
        return case.found("killed", one.service, summary)
    signal = f" ({SIGNALS[one.code]})" if one.code in SIGNALS else ""
    cause = "restart loop" if one.restart_count > 1 and not line else "crash"
    return case.found(cause, one.service, f"its program ended with exit code {one.code}{signal}{again}{last}")


def _refused_by_docker(case: Case, one: Container) -> Diagnosis:
    causes = {126: "not executable", 127: "command not found"}
    return case.found(causes.get(one.exit_code, "crash"), one.service, f"Docker could not start it: {one.error}")


def fell_and_came_back(case: Case) -> Diagnosis | None:
    """Well when looked at, but not without having been started again: visitors meet that, too."""
    fallen = [one for one in case.evidence.containers if one.exists and one.restart_count]
    return next(_words(case, fallen[0]), None) or _ended(case, fallen[0]) if fallen else None


def container_is_missing(case: Case) -> Diagnosis | None:
    missing = [one for one in case.evidence.containers if not one.exists]
    if not missing or case.stage not in (Stage.START, Stage.SWITCH, Stage.SOAK):
        return None
    said = telling_line(case.said.splitlines())
    return case.found(
        "container missing", missing[0].service, f"there is no container {missing[0].name}{f': {said}' if said else ''}"
    )
