"""What the VM can tell about containers that did not come up, printed as one JSON object.

Argument: JSON {"containers": {service: container}, "web": {service: {"address", "port", "health"}},
"database": {"service", "container"} or null, "log_lines": 40}.

Each question has 3 seconds, all of them together 8; a question that fails is null and `reasons` says why. Values of variables
never leave: only their names do, and the values are blanked wherever a log or an answer repeats them.
"""

import http.client
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

QUESTION_SECONDS = 3.0
ROUND_SECONDS = 3.6
LONGEST_JSON = 60_000
LONGEST_REASON = 400
LONGEST_LOG = 60_000
LONGEST_BODY = 300
RECENT_SECONDS = 1800
BLANK = "***"
FAILURES = (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError)

Answers = dict[str, Any]
Question = Callable[[], Any]


class Unanswered(ValueError):
    """Why a question has no answer."""


def main(argv: list[str]) -> None:
    print(fit(collect(json.loads(argv[0]))))
    sys.stdout.flush()


def collect(request: Answers) -> Answers:
    """Two rounds: what can be asked at once, then what needs the containers' ids."""
    names: dict[str, str] = dict(request.get("containers") or {})
    database = request.get("database") or {}
    if database and database["service"] not in names:
        names[database["service"]] = database["container"]
    first, reasons = ask_all(
        {
            "containers": partial(inspect, "container", *names.values()),
            "docker_root": partial(run, "docker", "info", "--format", "{{.DockerRootDir}}"),
            "published": partial(run, "docker", "ps", "--format", "{{.Names}}\t{{.Ports}}"),
            "events": read_events,
            "listeners": read_listeners,
            "kernel": read_kernel,
            "processes": read_processes,
            **{f"web.{service}": partial(ask_health, **entry) for service, entry in (request.get("web") or {}).items()},
        }
    )
    inspected = {entry["Name"].lstrip("/"): entry for entry in first["containers"] or []}
    lines = str(min(int(request.get("log_lines") or 40), 200))
    images = {entry["Image"] for entry in inspected.values() if entry.get("Image")}
    second, more = ask_all(
        {
            "images": partial(inspect, "image", *images),
            **{f"log.{name}": partial(read_log, name, lines) for name in inspected},
            **({"database": partial(ask_database, database["container"])} if database else {}),
        }
    )
    known = {**first, **second}
    answer: Answers = {
        "containers": {service: describe(inspected.get(name), name, known) for service, name in names.items()},
        "web": {service: first[f"web.{service}"] for service in request.get("web") or {}},
        "database": {**database, **(second.get("database") or {})} if database else None,
        "host": describe_host(first),
        "reasons": {**reasons, **more},
    }
    if names and first["containers"] is None:
        withhold(answer)
    told: Answers = redact(answer, secrets_of(inspected.values()))
    for entry in filter(None, told["web"].values()):
        entry["body"] = entry["body"] and entry["body"][:LONGEST_BODY]
    return told


# Asking


def ask_all(questions: Mapping[str, Question]) -> tuple[Answers, dict[str, str]]:
    """(answers, reasons for those that are null); threads that hang are left behind."""
    answers: Answers = dict.fromkeys(questions)
    reasons = dict.fromkeys(questions, f"no answer within {ROUND_SECONDS:g} s")

    def ask(name: str, question: Question) -> None:
        try:
            answers[name] = question()
            reasons.pop(name)
        except FAILURES as error:
            reasons[name] = f"{type(error).__name__}: {error}"[:LONGEST_REASON]

    threads = [threading.Thread(target=ask, args=entry, daemon=True) for entry in questions.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ROUND_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers), dict(reasons)


def run(*command: str, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, capture_output=True, timeout=QUESTION_SECONDS, stdin=subprocess.DEVNULL, check=False)
    if done.returncode not in codes:
        raise Unanswered(done.stderr.decode(errors="replace").strip()[-LONGEST_REASON:] or f"exit {done.returncode}")
    return done.stdout.decode(errors="replace").strip()


def inspect(kind: str, *names: str) -> list[Answers]:
    """What exists of them; that one is missing is an answer too."""
    if not names:
        return []
    command = ("docker", kind, "inspect", *names)
    done = subprocess.run(command, capture_output=True, timeout=QUESTION_SECONDS, check=False)
    if done.returncode and b"no such" not in done.stderr.lower():
        raise Unanswered(done.stderr.decode(errors="replace").strip()[-LONGEST_REASON:])
    found: list[Answers] = json.loads(done.stdout or b"[]")
    return found


def read_log(name: str, lines: str) -> list[str]:
    text = run("sh", "-c", 'docker logs --tail "$1" "$2" 2>&1 | tail -c "$3"', "log", lines, name, str(LONGEST_LOG))
    whole = text.splitlines()[1:] if len(text.encode()) >= LONGEST_LOG - 4 else text.splitlines()  # the first is cut
    return [clean(line) for line in whole if line.strip()][-int(lines) :]


def read_events() -> list[Answers]:
    """Ends of containers that `inspect` has forgotten because they were started again."""
    filters = ("--filter", "type=container", "--filter", "event=die", "--filter", "event=oom")
    # In figures: Docker takes "0s" for the last whole second, and what fell a moment ago would be left out.
    until = f"{time.time():.6f}"
    text = run(
        "docker", "events", "--since", f"{RECENT_SECONDS}s", "--until", until, *filters, "--format", "{{json .}}"
    )
    return [json.loads(line) for line in text.splitlines()][-100:]


def read_listeners() -> list[Answers]:
    """Who listens on 80 and 443 of the host."""
    text = run("ss", "-ltnpH", "( sport = :80 or sport = :443 )")
    rows = [(line.split()[3], re.search(r'\(\("([^"]+)",pid=(\d+)', line)) for line in text.splitlines()]
    return [
        {"address": address, "process": found[1] if found else None, "pid": int(found[2]) if found else None}
        for address, found in rows
    ]


def read_kernel() -> list[str]:
    """The kernel's recent words about processes that it killed for want of memory."""
    now = float(Path("/proc/uptime").read_text().split()[0])
    lines = run("sh", "-c", "dmesg 2>/dev/null || journalctl -kq --no-pager -o short-monotonic -n 400").splitlines()
    dated = [
        (re.match(r"\[\s*([\d.]+)\]", line), line) for line in lines if re.search(r"oom-kill|Killed process", line)
    ]
    return [clean(line) for found, line in dated if found and now - float(found[1]) < RECENT_SECONDS][-10:]


def read_processes() -> dict[str, Answers]:
    """By container id: command lines, and the share of a processor used while we looked."""
    before = scan_processes()
    time.sleep(0.5)
    after = scan_processes()
    found: dict[str, Answers] = {}
    for pid, (container, command, ticks) in after.items():
        entry = found.setdefault(container, {"commands": [], "cpu": 0.0})
        used = (ticks - before.get(pid, ("", "", ticks))[2]) / os.sysconf("SC_CLK_TCK") / 0.5
        entry["cpu"] = round(entry["cpu"] + used, 2)
        entry["commands"] = [*entry["commands"], clean(command)][:8]
    return found


def scan_processes() -> dict[str, tuple[str, str, int]]:
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, IndexError):
            ids = re.findall(r"[0-9a-f]{64}", (folder / "cgroup").read_text()) if folder.name.isdigit() else []
            if ids:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                found[folder.name] = (ids[-1], command, int(fields[11]) + int(fields[12]))
    return found


def ask_health(address: str, port: int, health: str, host: str = "") -> Answers:
    """One GET, bounded as a whole: `error` is refused, timeout, no answer, reset, not http … and `ended` says whether the body did."""
    began = time.monotonic()
    url = f"http://{address}:{port}{health}"
    answer: Answers = {"url": url, "status": None, "body": None, "ended": None, "location": None, "error": None}
    try:
        plug = socket.create_connection((address, int(port)), timeout=QUESTION_SECONDS)
    except OSError as error:
        answer["error"] = connect_error(error)
    else:
        with plug:
            read_answer(plug, health, host or f"{address}:{port}", answer)
    return {**answer, "seconds": round(time.monotonic() - began, 2)}


def connect_error(error: OSError) -> str:
    names = {ConnectionRefusedError: "refused", TimeoutError: "timeout", socket.gaierror: "unknown name"}
    return next((word for kind, word in names.items() if isinstance(error, kind)), f"unreachable ({error.strerror})")


def read_answer(plug: socket.socket, path: str, host: str, answer: Answers) -> None:
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        with suppress(OSError):
            plug.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(QUESTION_SECONDS, hang_up)
    timer.daemon = True
    timer.start()
    response = http.client.HTTPResponse(plug, method="GET")
    try:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: resonant-evidence\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        plug.sendall(request.encode())
        response.begin()
        answer.update(status=response.status, location=response.headers.get("Location"))
        read_body(response, answer, late)
    except http.client.BadStatusLine as error:
        closed = isinstance(error, http.client.RemoteDisconnected)
        answer["error"] = "no answer" if late.is_set() else "closed without an answer" if closed else "not http"
        answer["body"] = None if closed else str(error)
    except (OSError, ValueError, http.client.HTTPException) as error:
        answer["error"] = "no answer" if late.is_set() or isinstance(error, TimeoutError) else "reset"
    finally:
        timer.cancel()


def read_body(response: http.client.HTTPResponse, answer: Answers, late: threading.Event) -> None:
    """The first characters are kept; the rest is read to see whether it ends."""
    kept, size, ended = b"", 0, False
    with suppress(OSError, ValueError, http.client.HTTPException):
        while size < 2_000_000:
            part = response.read1(65536)
            if not part:
                ended = not late.is_set()
                break
            kept, size = (kept + part)[: 4 * LONGEST_BODY], size + len(part)
    answer.update(body=kept.decode(errors="replace"), ended=ended)


PING = """
if command -v pg_isready >/dev/null; then
  pg_isready -t 2 -h 127.0.0.1 -U "${POSTGRES_USER:-postgres}"; echo "exit $?"
  psql -XAtq -h /var/run/postgresql -U "${POSTGRES_USER:-postgres}" -d postgres -c "select 'connections ' || count(*)
    || ' of ' || current_setting('max_connections') from pg_stat_activity" -c "select 'transaction ' || state || ', open for '
    || extract(epoch from now() - xact_start)::int || ' s, application ''' || application_name || ''''
    from pg_stat_activity where now() - xact_start > interval '5 s' and backend_type = 'client backend' order by xact_start limit 5"
elif command -v mariadb-admin >/dev/null; then mariadb-admin ping; echo "exit $?"
elif command -v mysqladmin >/dev/null; then mysqladmin ping; echo "exit $?"
elif command -v redis-cli >/dev/null; then redis-cli ping; echo "exit $?"
else echo "nothing to ask it with"; fi
"""


def ask_database(container: str) -> Answers:
    text = run("docker", "exec", container, "sh", "-c", PING, codes=(0, 1, 2))
    code = re.search(r"^exit (\d+)$", text, re.MULTILINE)
    said = [clean(line) for line in text.splitlines() if line.strip() and not line.startswith("exit ")]
    return {"accepts": None if code is None else code[1] == "0", "said": said[:8]}


# Describing


def describe(entry: Answers | None, name: str, known: Answers) -> Answers | None:
    if entry is None:
        return None if known["containers"] is None else {"name": name, "exists": False}
    state, config, host = entry["State"], entry["Config"], entry["HostConfig"]
    image: Answers = next((one for one in known["images"] or [] if one["Id"] == entry["Image"]), {})
    health = state.get("Health") or {}
    variables = [line.partition("=") for line in config.get("Env") or []]
    processes = (known["processes"] or {}).get(entry["Id"], {})
    return {
        "name": name,
        "exists": True,
        "image": config.get("Image"),
        "image_id": entry["Image"],
        "image_architecture": image.get("Architecture"),
        "image_os": image.get("Os"),
        "state": state["Status"],
        "exit_code": state["ExitCode"],
        "error": clean(state.get("Error") or ""),
        "oom_killed": state.get("OOMKilled"),
        "oom_kills": count_oom_kills(entry["Id"], state.get("Pid"), known),
        "exits": [int(one["Actor"]["Attributes"].get("exitCode", -1)) for one in ends(entry["Id"], "die", known)],
        "restart_count": entry.get("RestartCount", 0),
        "started_at": state.get("StartedAt"),
        "finished_at": state.get("FinishedAt"),
        "running_seconds": seconds_since(state.get("StartedAt")) if state["Status"] == "running" else None,
        "health": health.get("Status"),
        "health_test": clean(" ".join((config.get("Healthcheck") or {}).get("Test") or [])),
        "health_outputs": [
            {"exit_code": one["ExitCode"], "output": clean(one["Output"].strip()[:3000])}
            for one in (health.get("Log") or [])[-3:]
        ],
        "memory_limit": host.get("Memory") or None,
        "environment": sorted(key for key, _, _ in variables)[:200],
        "empty_environment": sorted(key for key, _, value in variables if not value.strip()),
        "listening": read_listening(state.get("Pid")),
        "network_mode": host.get("NetworkMode"),
        "read_only": host.get("ReadonlyRootfs"),
        "user": config.get("User") or "root",
        "command": clean(" ".join([entry.get("Path") or "", *(entry.get("Args") or [])])),
        "processes": processes.get("commands"),
        "cpu": processes.get("cpu"),
        "mounts": [describe_mount(mount) for mount in (entry.get("Mounts") or [])[:20]],
        "log": known.get(f"log.{name}"),
    }


def ends(container_id: str, action: str, known: Answers) -> list[Answers]:
    return [one for one in known["events"] or [] if one.get("Action") == action and one["Actor"]["ID"] == container_id]


def count_oom_kills(container_id: str, pid: int | None, known: Answers) -> int:
    """The kernel's lines, Docker's events and the control group say it, each only for a while."""
    told = [line for line in known["kernel"] or [] if container_id in line]
    return max(len(told), len(ends(container_id, "oom", known)), read_oom_counter(pid))


def read_oom_counter(pid: int | None) -> int:
    with suppress(OSError, ValueError, IndexError):
        rows = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()] if pid else []
        for _, controllers, path in rows:
            if controllers in ("", "memory"):
                root = "/sys/fs/cgroup/memory" if controllers else "/sys/fs/cgroup"
                text = Path(f"{root}{path}/{'memory.oom_control' if controllers else 'memory.events'}").read_text()
                found = re.search(r"^oom_kill (\d+)", text, re.MULTILINE)
                return int(found[1]) if found else 0
    return 0


def read_listening(pid: int | None) -> list[str] | None:
    """Address and port of each TCP socket that listens in the container's network; Docker's own name server is left out."""
    if not pid:
        return None
    found = set()
    for family in ("tcp", "tcp6"):
        with suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == "0A":
                    found.add(render_address(local))
    return sorted(entry for entry in found if not entry.startswith("127.0.0.11:"))


def render_address(text: str) -> str:
    """
    >>> render_address("0100007F:0BB8"), render_address("00000000000000000000000000000000:1F40")
    ('127.0.0.1:3000', '[::]:8000')
    """
    digits, _, port = text.partition(":")
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    shown = mapped or address
    return f"{shown}:{int(port, 16)}" if shown.version == 4 else f"[{shown}]:{int(port, 16)}"


def describe_mount(mount: Answers) -> Answers:
    source = str(mount.get("Source") or "")
    told = {"source": source, "destination": mount.get("Destination"), "writable": mount.get("RW"), "exists": None}
    with suppress(OSError):
        told["exists"] = bool(source) and os.path.lexists(source)  # a dangling link is there as well
        status = Path(source).stat()
        told |= {"owner": f"{status.st_uid}:{status.st_gid}", "mode": f"{status.st_mode & 0o7777:04o}"}
        told["kind"] = "folder" if Path(source).is_dir() else "file"
    return told


def describe_host(first: Answers) -> Answers:
    root = first["docker_root"] or "/var/lib/docker"
    memory = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE))
    published = [line.split("\t") for line in (first["published"] or "").splitlines()]
    return {
        "architecture": os.uname().machine,
        "cpus": os.cpu_count(),
        "load": list(os.getloadavg()),
        "memory_total_kb": int(memory.get("MemTotal", 0)),
        "memory_available_kb": int(memory.get("MemAvailable", 0)),
        "disks": describe_disks("/", root, "/opt/resonant/site", "/opt/resonant/site/releases", "/tmp"),  # noqa: S108
        "kernel": first["kernel"],
        "listeners": first["listeners"],
        "published": {name: ports for name, _, ports in (entry for entry in map(tab_pair, published)) if ports},
        "has_ss": shutil.which("ss") is not None,
    }


def tab_pair(entry: list[str]) -> tuple[str, str, str]:
    return entry[0], "", entry[1] if len(entry) > 1 and re.search(r":(80|443)->", entry[1]) else ""


def describe_disks(*paths: str) -> list[Answers]:
    """Each file system once, by the first of the paths that lies on it."""
    found: dict[int, Answers] = {}
    for path in paths:
        with suppress(OSError):
            found.setdefault(Path(path).stat().st_dev, describe_disk(path))
    return list(found.values())


def describe_disk(path: str) -> Answers:
    status = os.statvfs(path)
    return {
        "path": path,
        "free_bytes": status.f_bavail * status.f_frsize,
        "total_bytes": status.f_blocks * status.f_frsize,
        "free_inodes": status.f_favail,
        "total_inodes": status.f_files,
    }


def seconds_since(moment: str | None) -> float | None:
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", moment or "")
    if not found or found[1].startswith("0001"):
        return None
    started = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return round((datetime.now(UTC) - started).total_seconds(), 1)


def clean(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).replace("\0", "").rstrip()


def shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit * 2 // 3]} … {text[-limit // 3 :]}"


# Keeping secrets

SECRET_NAME = re.compile(
    r"PASS|PWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|SALT|(^|_)(API)?KEY(S|_|$)|APIKEY|(^|_)(AUTH|DSN)(_|$)|_URLS?$|_URI$",
    re.I,
)
HARMLESS = re.compile(r"(true|false|yes|no|on|off|none|null|\d{1,3})", re.I)
# Free text, and how much of it is kept once the secrets in it are blanked: cut earlier, a part of one could stay.
LIMITS = {"log": 400, "error": 800, "output": 400, "body": 1200, "location": 400, "command": 400, "processes": 120, "said": 400,
          "health_test": 400, "kernel": 600, "reasons": 400}  # fmt: skip
PRINTED_SECRETS = (
    (re.compile(r"(://[^\s:/@\"']*):[^\s/@\"']+@"), rf"\1:{BLANK}@"),
    (re.compile(r"((?:password|passwd|pwd|secret|token|api_?key)=)[^\s&;,\"')]+", re.I), rf"\1{BLANK}"),
    (re.compile(r"\b(Bearer|Basic) [A-Za-z0-9._~+/=-]{8,}"), rf"\1 {BLANK}"),
)


def secrets_of(inspected: Iterable[Answers]) -> list[str]:
    """Every text to be blanked, the longest first, so that one that holds another goes whole."""
    found: set[str] = set()
    for entry in inspected:
        for line in entry["Config"].get("Env") or []:
            name, _, value = line.partition("=")
            found |= secret_parts(name, value)
    return sorted(found, key=len, reverse=True)


def secret_parts(name: str, value: str) -> set[str]:
    """The value as it is, line by line, and as a URL spells it; of a URL only what stands before the @."""
    if "://" in value:
        login = re.search(r"://([^/@]*):([^/]*)@", value)
        return {login[2], quote(login[2]), login[2].replace("%40", "@")} if login and login[2] else set()
    if not value.strip() or HARMLESS.fullmatch(value) or not (SECRET_NAME.search(name) or looks_random(value)):
        return set()
    parts = {value, *(line.strip() for line in value.splitlines() if len(line.strip()) >= 8)}
    return parts | {quote(part, safe="") for part in parts} | {json.dumps(part)[1:-1] for part in parts}


def looks_random(value: str) -> bool:
    """
    >>> looks_random("x7f3k9q2"), looks_random("aGhTyKlQ"), looks_random("postgres16"), looks_random("/usr/bin/env")
    (True, True, False, False)
    """
    if not re.fullmatch(r"[A-Za-z0-9+_=][A-Za-z0-9+/_=.-]{7,}", value) or not re.search(r"[A-Za-z]", value):
        return False
    kinds = [0 if one.isdigit() else 1 if one.islower() else 2 if one.isupper() else 3 for one in value]
    changes = sum(before != after for before, after in pairwise(kinds)) / len(value)
    return changes >= (0.3 if any(one.isdigit() for one in value) else 0.4)


def redact(value: Any, secrets: list[str], limit: int = 0) -> Any:
    """Blanks the secrets in every free text below `value` and cuts it; names and numbers stay as they are."""
    if isinstance(value, dict):
        return {key: redact(one, secrets, limit or LIMITS.get(key, 0)) for key, one in value.items()}
    if isinstance(value, list):
        return [redact(one, secrets, limit) for one in value]
    return shorten(blank(value, secrets), limit) if limit and isinstance(value, str) else value


def blank(text: str, secrets: Iterable[str] = ()) -> str:
    for secret in secrets:
        # A short one is blanked where it stands alone: inside other words it is those words' own letters.
        pattern = re.escape(secret) if len(secret) >= 4 else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, BLANK, text)
    for pattern_, replacement in PRINTED_SECRETS:
        text = pattern_.sub(replacement, text)
    return text


def withhold(answer: Answers) -> None:
    """Without the list of secrets nothing that an application said may leave."""
    for entry in answer["web"].values():
        if entry:
            entry["body"] = entry["location"] = None


def fit(answer: Answers) -> str:
    """As JSON, with the older log lines left out until it is small enough."""
    text = json.dumps(answer)
    while len(text.encode()) > LONGEST_JSON:
        logs = [entry for entry in answer["containers"].values() if entry and entry.get("log")]
        longest = max(logs, key=lambda entry: len(json.dumps(entry["log"])), default=None)
        if longest is None or len(longest["log"]) <= 1:
            for entry in answer["containers"].values():
                if entry:
                    entry.update(environment=entry.get("environment", [])[:20], mounts=[], processes=None)
            return json.dumps(answer)
        longest["log"] = longest["log"][-(len(longest["log"]) // 2) :]
        text = json.dumps(answer)
    return text


if __name__ == "__main__":
    main(sys.argv[1:])
