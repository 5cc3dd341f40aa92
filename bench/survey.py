"""What is true on the site now, read once over SSH: what the peers are told to make so, and so find as it must be."""

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonant.packages import choose_packages
from resonant.paths import CONFIGURATION, CURRENT_PROJECT, CURRENT_TLS, FIREWALL_FILE, RELEASES, SITE, TLS

UNITS = ("resonant-prefect-server.service", "resonant-prefect-worker.service")
DIRECTORIES = (SITE, RELEASES, TLS, CONFIGURATION)
LINKS = (CURRENT_TLS, CURRENT_PROJECT)
FILES = (FIREWALL_FILE, *(f"/etc/systemd/system/{unit}" for unit in UNITS))
SECRETS = (f"{CONFIGURATION}/prefect-server.env", f"{CONFIGURATION}/worker.env", f"{CONFIGURATION}/settings.env")
CONTAINER = "{{.Name}} {{.State.Status}} {{.State.Health.Status}} {{.Image}}"
NGINX_CONTAINER = "resonant-nginx-1"


@dataclass(frozen=True)
class Machine:
    ssh: str

    def run(self, command: str) -> str:
        words = [*shlex.split(self.ssh), "-o", "BatchMode=yes", f"sudo -n sh -c {shlex.quote(command)}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr.strip()}")
        return done.stdout

    def is_there(self, path: str) -> bool:
        return self.run(f"test -e {shlex.quote(path)} && echo yes || true").strip() == "yes"


def read(site: dict[str, str], folder: Path, page_contains: str) -> dict[str, Any]:
    """Contents of files that are no secret go into the folder."""
    machine = Machine(site["ssh"])
    os_id = machine.run(". /etc/os-release && echo $ID").strip()
    return {
        "packages": list(choose_packages(os_id)),
        "directories": [read_owner(machine, path) for path in DIRECTORIES if machine.is_there(path)],
        "files": [copy_file(machine, path, folder) for path in (*FILES, *find_nginx_files(machine))],
        "secrets": [read_checksum(machine, path) for path in SECRETS if machine.is_there(path)],
        "links": [{"path": path, "target": machine.run(f"readlink {path}").strip()} for path in LINKS],
        "units": list(UNITS),
        "containers": read_containers(machine),
        "nginx_test": ["docker", "exec", NGINX_CONTAINER, *read_nginx_command(machine), "-t"],
        "certificate": f"{CURRENT_TLS}/fullchain.pem",
        "folder": str(folder),
        "url": site["dashboard"],
        "ca_file": site["ca_file"],
        "page_contains": page_contains,
    }


def read_owner(machine: Machine, path: str) -> dict[str, str]:
    owner, mode = machine.run(f"stat -c '%U %a' {path}").split()
    return {"path": path, "owner": owner, "mode": mode.zfill(4)}


def copy_file(machine: Machine, path: str, folder: Path) -> dict[str, str]:
    name = path.strip("/").replace("/", "_")
    (folder / name).write_text(machine.run(f"cat {path}"))
    return {**read_owner(machine, path), "name": name}


def read_checksum(machine: Machine, path: str) -> dict[str, str]:
    return {"path": path, "sha256": machine.run(f"sha256sum < {path}").split()[0]}


def find_nginx_files(machine: Machine) -> list[str]:
    """The configuration that nginx runs with, wherever its release lies."""
    mounts = json.loads(machine.run(f"docker inspect --format '{{{{json .Mounts}}}}' {NGINX_CONTAINER}"))
    folders = [
        mount["Source"] for mount in mounts if mount["Destination"].startswith("/etc/nginx") and mount["Type"] == "bind"
    ]
    found = machine.run(f"find -L {shlex.join(folders)} -name '*.conf' -type f | sort")
    return found.split()[:4]


def read_nginx_command(machine: Machine) -> list[str]:
    """`nginx -c …` as the container was started."""
    command: list[str] = json.loads(
        machine.run(f"docker inspect --format '{{{{json .Config.Cmd}}}}' {NGINX_CONTAINER}")
    )
    return command[: command.index("-g")] if "-g" in command else ["nginx"]


def read_containers(machine: Machine) -> list[dict[str, str]]:
    """Those that run and have a health check."""
    names = sorted(
        machine.run("docker ps --filter name=^resonant- --filter health=healthy --format '{{.Names}}'").split()
    )
    return [
        {"name": name, "line": machine.run(f"docker inspect --format '{CONTAINER}' {name}").strip()} for name in names
    ]
