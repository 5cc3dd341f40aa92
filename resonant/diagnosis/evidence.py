"""What `resonant/on_vm/evidence.py` printed, as values; whatever is missing or null stays unknown."""

import json
import re
from dataclasses import dataclass
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
ANY_ADDRESS = ("0.0.0.0", "[::]")  # noqa: S104  # read, not bound to


@dataclass(frozen=True)
class Socket:
    """Where a program listens."""

    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return self.address.startswith("127.") or self.address == "[::1]"

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class HealthOutput:
    """One run of the health check that the image or the Compose file brings."""

    exit_code: int
    output: str


@dataclass(frozen=True)
class Mount:
    source: str
    destination: str
    writable: bool
    exists: bool | None
    owner: str
    mode: str
    kind: str


@dataclass(frozen=True)
class Container:
    """`listening` is None where nobody could look; `exits` are the codes with which it ended lately, the oldest first."""

    service: str
    name: str
    exists: bool
    image: str = ""
    architecture: str = ""
    state: str = ""
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    oom_kills: int = 0
    exits: tuple[int, ...] = ()
    restart_count: int = 0
    running_seconds: float | None = None
    health: str = ""
    health_test: str = ""
    health_outputs: tuple[HealthOutput, ...] = ()
    memory_limit: int = 0
    environment: tuple[str, ...] = ()
    empty_environment: tuple[str, ...] = ()
    listening: tuple[Socket, ...] | None = None
    read_only: bool = False
    user: str = ""
    command: str = ""
    processes: tuple[str, ...] = ()
    cpu: float = 0.0
    mounts: tuple[Mount, ...] = ()
    log: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def has_fallen(self) -> bool:
        """It ended by itself, now or before its last restart."""
        return self.state in ("exited", "dead", "restarting") or self.restart_count > 0

    @property
    def code(self) -> int:
        """The exit code of its last end: a container that was started again shows 0 until it ends."""
        return self.exits[-1] if self.exits and (self.is_running or not self.exit_code) else self.exit_code

    @property
    def output(self) -> str:
        """Everything that it said, as one text."""
        return "\n".join([*self.log, self.error, *(one.output for one in self.health_outputs)])


@dataclass(frozen=True)
class Answer:
    """What the health URL answered to the VM; `error` is "" where something like HTTP came back."""

    url: str
    status: int | None = None
    body: str = ""
    ended: bool = True
    location: str = ""
    error: str = ""
    seconds: float = 0.0

    @property
    def is_well(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.ended


@dataclass(frozen=True)
class Database:
    service: str
    accepts: bool | None
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Disk:
    path: str
    free_bytes: int
    total_bytes: int
    free_inodes: int
    total_inodes: int


@dataclass(frozen=True)
class Listener:
    address: str
    process: str
    pid: int

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@dataclass(frozen=True)
class HostState:
    architecture: str = ""
    memory_available_kb: int = 0
    memory_total_kb: int = 0
    disks: tuple[Disk, ...] = ()
    kernel: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    published: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Evidence:
    containers: tuple[Container, ...] = ()
    answers: tuple[tuple[str, Answer], ...] = ()
    database: Database | None = None
    host: HostState = HostState()
    reasons: tuple[tuple[str, str], ...] = ()

    def container(self, service: str) -> Container | None:
        return next((one for one in self.containers if one.service == service), None)

    def answer(self, service: str) -> Answer | None:
        return dict(self.answers).get(service)


def parse_evidence(text: str) -> Evidence:
    """Raises ValueError when it is not the program's JSON."""
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError(f"a JSON object was expected, not {type(told).__name__}")
    return Evidence(
        containers=tuple(_container(name, entry) for name, entry in _items(told, "containers") if entry),
        answers=tuple((name, _answer(entry)) for name, entry in _items(told, "web") if entry),
        database=_database(told.get("database")),
        host=_host(told.get("host") or {}),
        reasons=tuple((name, str(reason)) for name, reason in _items(told, "reasons")),
    )


def _container(service: str, entry: dict[str, Any]) -> Container:
    listening = entry.get("listening")
    return Container(
        service=service,
        name=entry.get("name") or service,
        exists=bool(entry.get("exists")),
        **_texts(entry, "image", "state", "error", "health", "health_test", "user", "command"),
        architecture=entry.get("image_architecture") or "",
        **_numbers(entry, "exit_code", "oom_kills", "restart_count", "memory_limit"),
        oom_killed=bool(entry.get("oom_killed")),
        exits=tuple(entry.get("exits") or ()),
        running_seconds=entry.get("running_seconds"),
        health_outputs=tuple(
            HealthOutput(int(one["exit_code"]), str(one["output"])) for one in entry.get("health_outputs") or ()
        ),
        **_lists(entry, "environment", "empty_environment", "processes"),
        listening=None if listening is None else tuple(_socket(one) for one in listening),
        read_only=bool(entry.get("read_only")),
        cpu=float(entry.get("cpu") or 0),
        mounts=tuple(_mount(one) for one in entry.get("mounts") or ()),
        log=tuple(plain(line) for line in entry.get("log") or ()),
    )


def plain(line: str) -> str:
    """A log line without colours; of a JSON line its message and error.

    >>> plain('{"level":"fatal","msg":"cannot start","err":{"message":"no port"}}')
    'fatal: cannot start: no port'
    """
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    start = line.find("{")
    if start < 0 or not line.rstrip().endswith("}"):
        return line
    try:
        told = json.loads(line[start:])
    except ValueError:
        return line
    names = ("level", "severity", "lvl", "msg", "message", "error", "err", "exception", "stack_trace", "stack")
    parts = [
        told[name].get("message") if isinstance(told[name], dict) else told[name] for name in names if name in told
    ]
    return ": ".join(str(part) for part in parts if part) or line


def _socket(text: str) -> Socket:
    address, _, port = text.rpartition(":")
    return Socket(address, int(port))


def _mount(entry: dict[str, Any]) -> Mount:
    return Mount(**_texts(entry, "source", "destination", "owner", "mode", "kind"), writable=bool(entry.get("writable")),
                 exists=entry.get("exists"))  # fmt: skip


def _answer(entry: dict[str, Any]) -> Answer:
    return Answer(
        **_texts(entry, "url", "body", "location", "error"),
        status=entry.get("status"),
        ended=entry.get("ended") is not False,
        seconds=float(entry.get("seconds") or 0),
    )


def _database(entry: dict[str, Any] | None) -> Database | None:
    return Database(entry["service"], entry.get("accepts"), tuple(entry.get("said") or ())) if entry else None


def _host(entry: dict[str, Any]) -> HostState:
    machine = str(entry.get("architecture") or "")
    return HostState(
        architecture=ARCHITECTURES.get(machine, machine),
        **_numbers(entry, "memory_available_kb", "memory_total_kb"),
        disks=tuple(Disk(**one) for one in entry.get("disks") or ()),
        **_lists(entry, "kernel"),
        listeners=tuple(
            Listener(one["address"], one.get("process") or "", one.get("pid") or 0) for one in entry.get("listeners") or ()
        ),
        published=tuple(_items(entry, "published")),
    )  # fmt: skip


def _items(entry: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    return list((entry.get(name) or {}).items())


def _texts(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: str(entry.get(name) or "") for name in names}


def _numbers(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: int(entry.get(name) or 0) for name in names}


def _lists(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(entry.get(name) or ()) for name in names}
