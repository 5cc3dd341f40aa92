"""What is true on the VM, read in one round trip, so that "nothing to do" is decided in one place."""

import json
from dataclasses import dataclass
from typing import Any

from resonant.commands.shell import Command, script
from resonant.paths import (
    BOOTSTRAP_TLS,
    CURRENT_ACTIVATION,
    CURRENT_PROJECT,
    CURRENT_TLS,
    CURRENT_VENV,
    FIREWALL_FILE,
    MAINTENANCE,
    SITE_SETTINGS,
)
from resonant.release import Release, parse_placement, parse_release
from resonant.slots import Placement

SERVER_UNIT = "resonant-prefect-server.service"
WORKER_UNIT = "resonant-prefect-worker.service"

# name -> a shell command whose output is the fact; a failure means "nothing there"
QUESTIONS = {
    "os_id": ". /etc/os-release && echo $ID",
    "os_name": ". /etc/os-release && echo $PRETTY_NAME",
    "architecture": "uname -m",
    "booted_at": "systemctl show -p UserspaceTimestamp --value",
    "disk_free_kb": "df --output=avail -k / | tail -n 1",
    "memory_total_kb": "awk '/MemTotal/ {print $2}' /proc/meminfo",
    "packages": "dpkg-query -W -f '${db:Status-Status} ${Package}\\n' | awk '$1 == \"installed\" {print $2}'",
    "docker": "docker version --format '{{.Server.Version}}'",
    "compose": "docker compose version --short",
    "containers": "docker ps --all --filter name=^resonant- --format "
    "'{{.Names}}\t{{.Label \"com.docker.compose.service\"}}\t{{.State}}\t{{.Status}}\t{{.Image}}'",
    "placement": f"cat {CURRENT_ACTIVATION}/placement.json",
    "release": f"cat {CURRENT_ACTIVATION}/release/release.json",
    "accepted": f"test -e {CURRENT_ACTIVATION}/accepted && echo yes",
    "guard": "cat /opt/resonant/bin/settle.py /etc/systemd/system/resonant-settle.service | sha256sum | cut -d' ' -f1",
    "maintenance": f"test -e {MAINTENANCE}/on && echo on",
    "volumes": "docker volume ls --quiet --filter label=com.docker.compose.project=resonant",
    "tls": f"basename $(readlink {CURRENT_TLS})",
    # Two calls: in one, openssl prints its verdict on the date after the names.
    "bootstrap_names": f"cd {BOOTSTRAP_TLS} && openssl x509 -in fullchain.pem -noout -checkend 172800 >/dev/null && "
    "openssl x509 -in fullchain.pem -noout -ext subjectAltName | tail -n 1",
    "input_rules": "iptables -w 10 -S INPUT",
    "rules_file": f"cat {FIREWALL_FILE}",
    "project": f"basename $(readlink {CURRENT_PROJECT})",
    "registered": f"cat {CURRENT_PROJECT}/.registered",
    "venv": f"basename $(readlink {CURRENT_VENV})",
    "python": "python3 -c 'import sys; print(\"%d.%d.%d\" % sys.version_info[:3])'",
    "units": f"systemctl is-active {SERVER_UNIT} {WORKER_UNIT} || true",
    "settings_sha256": f"sha256sum < {SITE_SETTINGS} | cut -d' ' -f1",
}


@dataclass(frozen=True)
class Container:
    """One container of ours; `status` is Docker's text ("Up 2 hours (healthy)")."""

    name: str
    service: str
    state: str
    status: str
    image: str

    @property
    def is_well(self) -> bool:
        return self.state == "running" and "unhealthy" not in self.status and "starting" not in self.status


@dataclass(frozen=True)
class Facts:
    """Everything as text, exactly as the VM printed it; "" where there is nothing."""

    values: tuple[tuple[str, str], ...]

    def __getitem__(self, name: str) -> str:
        return dict(self.values)[name]

    @property
    def containers(self) -> tuple[Container, ...]:
        rows = (line.split("\t") for line in self["containers"].splitlines())
        return tuple(Container(*row) for row in rows)

    @property
    def packages(self) -> frozenset[str]:
        return frozenset(self["packages"].split())

    @property
    def placement(self) -> Placement:
        """What the front door leads to; empty before the first release."""
        return parse_placement(self["placement"])

    @property
    def release(self) -> Release | None:
        return parse_release(self["release"])

    @property
    def well(self) -> frozenset[str]:
        """Names of the containers that are as they must be."""
        return frozenset(entry.name for entry in self.containers if entry.is_well)

    @property
    def is_accepted(self) -> bool:
        """False while a release is on trial, also when the run that watched it was killed."""
        return self["accepted"] == "yes"


def build_read() -> Command:
    """Prints one JSON object, a string for each question; needs python3 on the VM and nothing else."""
    ask = (
        "import json, subprocess, sys\n"
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "def ask(q):\n"
        "    done = subprocess.run(['sh', '-c', q], capture_output=True, text=True, timeout=50)\n"
        "    return done.stdout.strip() if done.returncode == 0 else ''\n"
        "questions = json.loads(sys.argv[1])\n"
        "with Pool(8) as pool:\n"
        "    print(json.dumps(dict(zip(questions, pool.map(ask, questions.values())))))\n"
    )
    return script('python3 -c "$1" "$2"', arguments=[ask, json.dumps(QUESTIONS)])


def parse(text: str) -> Facts:
    values: dict[str, Any] = json.loads(text)
    return Facts(tuple((name, str(values.get(name, ""))) for name in QUESTIONS))
