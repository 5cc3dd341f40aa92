"""Run commands and move files on a host: over SSH, and nowhere else is fabric imported."""

import base64
import io
import logging
import posixpath
import shlex
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, get_ident

import paramiko
from fabric import Config, Connection
from invoke.exceptions import CommandTimedOut

from resonant.commands.lease import LOST, REFUSED, fenced
from resonant.errors import (
    HostError,
    HostKeyChanged,
    HostUnreachable,
    LeaseLost,
    RemoteCommandFailed,
    ResonantError,
    SshRefused,
)
from resonant.lease import render_lost

CONNECT_TIMEOUT_SECONDS = 10
KILL_AFTER_SECONDS = 5
TAIL_LINES = 15
# For whoever looks for the cause: what it was doing stands above a long trace.
SAID_LINES = 300
# What paramiko says when the channel closed without an exit code: killed by a signal, or the connection is gone.
NO_EXIT_CODE = -1
KILLED = 137

OnLine = Callable[[str], None]
# Every failure is raised as well, and told in our words; these are the same once more, with a traceback each.
logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Host:
    """Where commands run. `address` empty: this machine; `host_key` is pinned ("ssh-ed25519 AAAA…"), no other is accepted.

    `lease` is the fencing token: 0 changes nothing, any other is checked on the host right before each command.
    """

    address: str = ""
    user: str = "root"
    port: int = 22
    private_key_file: Path | None = None
    host_key: str = ""
    lease: int = 0

    @property
    def is_local(self) -> bool:
        return not self.address

    @property
    def unleased(self) -> "Host":
        """The same machine, for what needs no lease: receipts, and the lease itself."""
        return replace(self, lease=0)

    def __str__(self) -> str:
        return f"{self.user}@{self.address}:{self.port}" if self.address else "this machine"


def run(host: Host, command: Sequence[str], *, timeout_seconds: float, on_line: OnLine | None = None) -> str:
    """Run the command on the host as root and return its standard output.

    The remote process is ended by `timeout` there, so nothing goes on after a time-out here (exit code 124).
    Raises RemoteCommandFailed, LeaseLost, HostUnreachable, SshRefused or HostKeyChanged.
    """
    connection = _connect(host)
    line = build_remote_line(build_leased(host, command), timeout_seconds)
    try:
        result = connection.run(
            line,
            hide="stderr" if on_line else True,
            out_stream=LineStream(on_line) if on_line else None,
            warn=True,
            in_stream=False,
            timeout=timeout_seconds + 2 * KILL_AFTER_SECONDS,
        )
    except (OSError, EOFError, paramiko.SSHException, CommandTimedOut) as error:
        _forget(host)
        _stop_if_aborted()
        raise HostUnreachable(f"The SSH connection to {host} broke during `{command[0]}`: {_why(error)}") from error
    if result.return_code == NO_EXIT_CODE and not connection.is_connected:
        _forget(host)
        _stop_if_aborted()
        raise HostUnreachable(f"The SSH connection to {host} broke during `{command[0]}`.")
    if result.return_code != 0:
        exit_code = KILLED if result.return_code == NO_EXIT_CODE else result.return_code
        raise build_failure(host, command, exit_code, result.stderr or result.stdout)
    return str(result.stdout)


def build_leased(host: Host, command: Sequence[str]) -> list[str]:
    return fenced(host.lease, command) if host.lease else list(command)


def build_failure(host: Host, command: Sequence[str], exit_code: int, output: str) -> ResonantError:
    """LeaseLost when the fence refused the command, otherwise what the command itself did."""
    tail = render_tail(output)
    if host.lease and exit_code == LOST and REFUSED in tail:
        return LeaseLost(render_lost(host.lease, shown(command), str(host)))
    return RemoteCommandFailed(shown(command), exit_code, tail, str(host), render_tail(output, SAID_LINES))


def build_remote_line(command: Sequence[str], timeout_seconds: float) -> str:
    return f"sudo -n timeout -k {KILL_AFTER_SECONDS} {timeout_seconds:g} {shlex.join(command)}"


def put(host: Host, content: bytes, path: str, *, mode: int = 0o644) -> None:
    """Write a file owned by root, atomically, by SFTP and a rename; it never has wider rights than `mode`."""
    upload = f".resonant-upload-{uuid.uuid4().hex}"
    try:
        sftp = _connect(host).sftp()
        with sftp.open(upload, "wb") as file:
            file.chmod(0o600)
            file.set_pipelined(True)
            file.write(content)
    except (OSError, EOFError, paramiko.SSHException) as error:
        _forget(host)
        raise HostUnreachable(f"Could not send {path} to {host}: {_why(error)}") from error
    part = posixpath.join(posixpath.dirname(path), f".{upload}")
    move = f"""trap 'rm -f "$1" "$2"' EXIT; install -D -m {mode:o} "$1" "$2" && mv -f "$2" "$3\""""
    home = f"/home/{host.user}" if host.user != "root" else "/root"
    try:
        run(host, ["sh", "-c", move, "put", f"{home}/{upload}", part, path], timeout_seconds=60)
    except LeaseLost:
        with suppress(OSError, EOFError, paramiko.SSHException):
            sftp.remove(upload)
        raise


def close(host: Host) -> None:
    """Close this thread's connection to the host, if there is one."""
    _forget(host)


def close_all() -> None:
    """Close every connection of this process; new ones may be opened."""
    _ABORTED.clear()
    _close()


def abort() -> None:
    """Break every connection and refuse new ones, so that other threads of an interrupted run end instead of trying again."""
    _ABORTED.set()
    _close()


def _why(error: Exception) -> str:
    """paramiko's EOFError has no words."""
    return str(error) or "it was closed"


class LineStream(io.TextIOBase):
    """What fabric writes into while a command runs; hands whole lines on."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).replace("\r", "\n").split("\n")
        for line in filter(str.strip, lines):
            self._on_line(line.rstrip())
        return len(text)


def render_tail(text: str, lines: int = TAIL_LINES) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def shown(command: Sequence[str]) -> str:
    """The command as a person reads it: one line, not too long."""
    line = " ".join(shlex.join(command).split())
    return line if len(line) <= 160 else line[:157] + "…"


# One for each thread: flows that run side by side do not break each other's connection.
_CONNECTIONS: dict[tuple[Host, int], Connection] = {}
_ABORTED = Event()


def _key(host: Host) -> tuple[Host, int]:
    return host.unleased, get_ident()


def _close() -> None:
    while _CONNECTIONS:
        _shut(_CONNECTIONS.popitem()[1])


def _stop_if_aborted() -> None:
    if _ABORTED.is_set():
        raise HostError("The run was interrupted.")


def _connect(host: Host) -> Connection:
    key = _key(host)
    connection = _CONNECTIONS.get(key)
    if connection is not None and connection.is_connected:
        return connection
    _stop_if_aborted()
    connection = _build_connection(host)
    try:
        connection.open()
    except paramiko.BadHostKeyException as error:
        raise HostKeyChanged(
            f"{host} shows another host key than the one that was pinned when it was created. If the machine was replaced "
            "on purpose, run the flow provision again; otherwise do not connect: somebody may be in between."
        ) from error
    except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
        raise SshRefused(
            f"{host} refused the key {host.private_key_file}. Is it the key that the machine was created with, and "
            f"{host.user} its login?"
        ) from error
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise HostUnreachable(f"No SSH connection to {host}: {_why(error)}") from error
    _CONNECTIONS[key] = connection
    return connection


def _build_connection(host: Host) -> Connection:
    connection = Connection(
        host.address,
        user=host.user,
        port=host.port,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        config=Config(overrides={"load_ssh_configs": False}),
        connect_kwargs={
            "key_filename": str(host.private_key_file),
            "look_for_keys": False,
            "allow_agent": False,
            "banner_timeout": CONNECT_TIMEOUT_SECONDS,
            "auth_timeout": CONNECT_TIMEOUT_SECONDS,
        },
    )
    client = connection.client
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    kind, key = host.host_key.split()[:2]
    name = host.address if host.port == 22 else f"[{host.address}]:{host.port}"
    client.get_host_keys().add(name, kind, paramiko.PKey.from_type_string(kind, base64.b64decode(key)))
    return connection


def _forget(host: Host) -> None:
    connection = _CONNECTIONS.pop(_key(host), None)
    if connection is not None:
        _shut(connection)


def _shut(connection: Connection) -> None:
    """Never hides why it is closed: a connection that broke a moment ago breaks again when its SFTP session says goodbye."""
    for close in (connection.close, connection.client.close):
        with suppress(OSError, EOFError, paramiko.SSHException):
            close()
