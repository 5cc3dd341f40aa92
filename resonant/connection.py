"""The operator's side of the site: files and commands to reach the VM and its Prefect server. All can be made again."""

import shlex
import sys
from pathlib import Path

from resonant.orchestration import HEARTBEAT_SECONDS, QUIET
from resonant.remote import Host
from resonant.settings import FILE_VARIABLE, Settings
from resonant.source import CHECKOUT

SERVER_PORT = 4200


def build_api_url(settings: Settings) -> str:
    """Of the VM's Prefect server, through the tunnel."""
    return f"http://127.0.0.1:{settings.prefect_port}/api"


def read_folder(settings: Settings) -> Path:
    """This site's folder on the operator's machine; only its owner may read it."""
    folder = settings.operator_folder.expanduser() / settings.site
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def render_known_hosts(host: Host) -> str:
    name = host.address if host.port == 22 else f"[{host.address}]:{host.port}"
    return f"{name} {host.host_key}\n"


def build_ssh(host: Host, known_hosts: Path, *arguments: str) -> list[str]:
    """OpenSSH that accepts the pinned host key and no other."""
    options = {
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": str(known_hosts),
        "StrictHostKeyChecking": "yes",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ConnectTimeout": "10",
    }
    pairs = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    target = f"{host.user}@{host.address}"
    return ["ssh", "-F", "none", "-i", str(host.private_key_file), "-p", str(host.port), *pairs, *arguments, target]


def build_tunnel(host: Host, known_hosts: Path, settings: Settings) -> list[str]:
    forward = f"127.0.0.1:{settings.prefect_port}:127.0.0.1:{SERVER_PORT}"
    return build_ssh(host, known_hosts, "-N", "-o", "ExitOnForwardFailure=yes", "-o", "BatchMode=yes", "-L", forward)


def build_project_environment(
    settings: Settings, folder: Path, settings_file: Path, auth_string: str
) -> dict[str, str]:
    """What a process needs to speak to the VM's server and to run this checkout's flows."""
    return {
        "PREFECT_API_URL": build_api_url(settings),
        "PREFECT_API_AUTH_STRING": auth_string,
        "PREFECT_HOME": str(folder / "prefect"),
        # The server's automation takes a run for dead that sends none for 90 seconds; Prefect's default is 180.
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": HEARTBEAT_SECONDS,
        "PYTHONPATH": str(CHECKOUT),
        FILE_VARIABLE: str(settings_file),
        **QUIET,
    }


def render_project_environment(values: dict[str, str]) -> str:
    """To be sourced by a POSIX shell."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH", *exports, ""])
