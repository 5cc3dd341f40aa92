"""Connect to the site and say how to reach it."""

import shlex
import socket
from contextlib import suppress

import httpx
import psutil

from deployments.operator.files import CA_FILE, KNOWN_HOSTS, PROJECT_ENVIRONMENT, write_files
from deployments.operator.supervisor import LOG_FILE, PID_FILE, check_port_free, read_supervisor, start_supervisor
from resonant import remote
from resonant.connection import build_api_url, build_ssh, read_folder
from resonant.errors import HostUnreachable
from resonant.polling import wait_for
from resonant.remote import Host
from resonant.settings import Settings, read_settings
from tasks.host import find_host

ANSWERS_WITHIN_SECONDS = 60


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
