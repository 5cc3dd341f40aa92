"""One background process that keeps the tunnel and the operator's worker alive, and ends both with itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from deployments.operator.files import KNOWN_HOSTS, PROJECT_ENVIRONMENT, parse_exports
from resonant.connection import build_tunnel, read_folder
from resonant.errors import ResonantError
from resonant.settings import Settings, read_settings
from resonant.source import CHECKOUT
from tasks.host import find_host

RESTART_AFTER_SECONDS = 1.0
PID_FILE, LOG_FILE = "supervisor.pid", "supervisor.log"


def supervise() -> None:
    """Tunnel and worker, each started again when it ends, until SIGTERM or Ctrl-C."""
    settings = read_settings()
    folder = read_folder(settings)
    host = find_host.fn(settings)
    environment = {**os.environ, **parse_exports(folder / PROJECT_ENVIRONMENT), "PREFECT_WORKER_QUERY_SECONDS": "2"}
    commands = {
        "tunnel": build_tunnel(host, folder / KNOWN_HOSTS, settings),
        "worker": [sys.executable, "-m", "deployments.operator.worker"],
    }
    signal.signal(signal.SIGTERM, _interrupt)
    with suppress(KeyboardInterrupt):
        keep_running(commands, environment)


def keep_running(commands: dict[str, list[str]], environment: dict[str, str]) -> None:
    children: dict[str, subprocess.Popen[bytes]] = {}
    with _ended(children):
        while True:
            for name, command in commands.items():
                child = children.get(name)
                if child is None or child.poll() is not None:
                    if child is not None:
                        print(f"{name} ended with {child.returncode}; starting it again", flush=True)
                        time.sleep(RESTART_AFTER_SECONDS)
                    children[name] = subprocess.Popen(command, env=environment, cwd=CHECKOUT, stdin=subprocess.DEVNULL)
            time.sleep(0.5)


def read_supervisor(folder: Path) -> psutil.Process | None:
    """The running supervisor of this folder; a number that now belongs to another process is not one."""
    try:
        process = psutil.Process(int((folder / PID_FILE).read_text()))
        is_ours = "supervise" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return None
    return process if is_ours else None


def start_supervisor(folder: Path) -> None:
    with (folder / LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.operator", "supervise"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    (folder / PID_FILE).write_text(str(process.pid))


def check_port_free(settings: Settings) -> None:
    """Raise ResonantError naming the process that listens where the tunnel's end must be."""
    port = settings.prefect_port
    listening = [entry for entry in psutil.net_connections("tcp") if entry.status == psutil.CONN_LISTEN]
    taken = next((entry for entry in listening if getattr(entry.laddr, "port", 0) == port), None)
    if taken is not None:
        # Of another user's process the system tells the port alone.
        owner = f"{psutil.Process(taken.pid).name()} (pid {taken.pid})" if taken.pid else "another user's process"
        raise ResonantError(
            f"Port {port} on this machine is used by {owner}; the tunnel to the Prefect server needs it. Stop that process "
            "or set RESONANT_PREFECT_PORT."
        )


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _ended(children: dict[str, subprocess.Popen[bytes]]) -> Iterator[None]:
    """Whatever happens, no child outlives the supervisor."""
    try:
        yield
    finally:
        for child in reversed(children.values()):
            child.terminate()
        for child in children.values():
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
