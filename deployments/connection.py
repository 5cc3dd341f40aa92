"""The tunnel to the VM's Prefect server and the operator's worker: kept alive in the background by one supervisor."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from resonant import remote
from resonant.commands import shell
from resonant.connection import (
    build_api_url,
    build_project_environment,
    build_ssh,
    build_tunnel,
    read_folder,
    render_known_hosts,
    render_project_environment,
)
from resonant.environment import parse_environment
from resonant.errors import HostUnreachable, ResonantError
from resonant.orchestration import HEARTBEAT_SECONDS
from resonant.paths import CURRENT_TLS, WORKER_ENVIRONMENT
from resonant.polling import wait_for
from resonant.remote import Host
from resonant.settings import FILE_VARIABLE, Settings, read_settings
from resonant.source import CHECKOUT
from tasks.host import find_host

ANSWERS_WITHIN_SECONDS = 60
RESTART_AFTER_SECONDS = 1.0
KNOWN_HOSTS, PROJECT_ENVIRONMENT, CA_FILE = "known_hosts", "project.env", "ca.pem"
PID_FILE, LOG_FILE = "supervisor.pid", "supervisor.log"


def connect() -> None:
    """Write the files, start the supervisor unless it runs, and wait until the server answers through the tunnel."""
    settings = read_settings()
    folder = read_folder(settings)
    write_files(settings, find_host.fn(settings), folder)
    remote.close_all()
    if read_supervisor(folder) is None:
        check_port_free(settings)
        start_supervisor(folder)
    wait_for(
        f"the Prefect server at {build_api_url(settings)}",
        lambda: _answers(settings),
        timeout_seconds=ANSWERS_WITHIN_SECONDS,
        poll_seconds=0.3,
        hint=f"See {folder / LOG_FILE}.",
    )


def disconnect() -> None:
    """End the supervisor and with it the tunnel and the worker."""
    folder = read_folder(read_settings())
    process = read_supervisor(folder)
    if process is not None:
        process.terminate()
        with suppress(psutil.TimeoutExpired):
            process.wait(30)
        for left in [process, *process.children(recursive=True)] if process.is_running() else []:
            left.kill()
    (folder / PID_FILE).unlink(missing_ok=True)


def status() -> dict[str, str]:
    """Everything a person needs to reach the site, by name."""
    settings = read_settings()
    folder = read_folder(settings)
    host = find_host.fn(settings)
    return {
        "dashboard": f"https://{_visible_name(settings, host)}/",
        "address": host.address,
        "ca_file": str(folder / CA_FILE),
        "prefect_ui": build_api_url(settings).removesuffix("api"),
        "prefect_api": build_api_url(settings),
        "ssh": shlex.join(build_ssh(host, folder / KNOWN_HOSTS)),
        "project_env": f". {shlex.quote(str(folder / PROJECT_ENVIRONMENT))}",
        "trigger": "prefect deployment run check-site/vm --watch",
    }


def supervise() -> None:
    """Tunnel and worker, each started again when it ends, until SIGTERM or Ctrl-C."""
    settings = read_settings()
    folder = read_folder(settings)
    host = find_host.fn(settings)
    environment = {**os.environ, **parse_exports(folder / PROJECT_ENVIRONMENT), **_worker_environment()}
    commands = {
        "tunnel": build_tunnel(host, folder / KNOWN_HOSTS, settings),
        "worker": [sys.executable, "-m", "deployments.operator_worker"],
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


def write_files(settings: Settings, host: Host, folder: Path) -> None:
    """known_hosts, the served certificate chain, and project.env with the server's password (0600)."""
    kept = parse_environment(remote.run(host, shell.read_file(WORKER_ENVIRONMENT), timeout_seconds=30))
    if not (auth_string := kept.get("PREFECT_API_AUTH_STRING", "")):
        raise ResonantError(f"Prefect is not installed on {host} yet. Run the flow go-live first.")
    chain = remote.run(host, shell.read_file(f"{CURRENT_TLS}/fullchain.pem"), timeout_seconds=30)
    settings_file = Path(os.environ.get(FILE_VARIABLE, ".env")).resolve()
    values = build_project_environment(settings, folder, settings_file, auth_string)
    write_private(folder / KNOWN_HOSTS, render_known_hosts(host))
    write_private(folder / CA_FILE, chain)
    write_private(folder / PROJECT_ENVIRONMENT, render_project_environment(values))


def write_private(path: Path, content: str) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    part.replace(path)


def parse_exports(path: Path) -> dict[str, str]:
    """The values of project.env, read by a shell, which is what it was written for."""
    script = 'set -a; . "$1"; env -0'
    printed = subprocess.run(["sh", "-c", script, "sh", str(path)], capture_output=True, check=True, timeout=10).stdout
    return dict(entry.split("=", 1) for entry in printed.decode().split("\0") if "=" in entry)


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
            [sys.executable, "-m", "deployments", "supervise"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    (folder / PID_FILE).write_text(str(process.pid))


def check_port_free(settings: Settings) -> None:
    """Raise ResonantError naming the process that listens where the tunnel's end must be."""
    port = settings.prefect_port
    listening = [entry for entry in psutil.net_connections("tcp") if entry.status == psutil.CONN_LISTEN]
    pid = next((entry.pid for entry in listening if getattr(entry.laddr, "port", 0) == port), None)
    if pid is not None:
        raise ResonantError(
            f"Port {port} on this machine is used by {psutil.Process(pid).name()} (pid {pid}); the tunnel to the Prefect "
            "server needs it. Stop that process or set RESONANT_PREFECT_PORT."
        )


def _visible_name(settings: Settings, host: Host) -> str:
    """The domain once it points to the VM, until then the address."""
    try:
        return (
            settings.domain
            if settings.domain and socket.gethostbyname(settings.domain) == host.address
            else host.address
        )
    except OSError:
        return host.address


def _answers(settings: Settings) -> bool:
    try:
        return httpx.get(f"{build_api_url(settings)}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError as error:
        raise HostUnreachable(str(error) or type(error).__name__) from error


def _worker_environment() -> dict[str, str]:
    return {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": HEARTBEAT_SECONDS, "PREFECT_WORKER_QUERY_SECONDS": "2"}


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
