"""Files on the operator's machine that make the site reachable; each can be fetched again from the VM."""

import os
import subprocess
from pathlib import Path

from resonant import remote
from resonant.commands import shell
from resonant.connection import build_project_environment, render_known_hosts, render_project_environment
from resonant.environment import parse_environment
from resonant.errors import ResonantError
from resonant.paths import CURRENT_TLS, WORKER_ENVIRONMENT
from resonant.remote import Host
from resonant.settings import FILE_VARIABLE, Settings

KNOWN_HOSTS, PROJECT_ENVIRONMENT, CA_FILE = "known_hosts", "project.env", "ca.pem"


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
