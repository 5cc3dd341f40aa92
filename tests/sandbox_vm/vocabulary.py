"""What these tests say about machines."""

import base64
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.cloud.machines import IngressRule
from sandbox.vm.machines import DockerMachines

SSH = IngressRule("6", "0.0.0.0/0", 22, 22)
HTTP = IngressRule("6", "0.0.0.0/0", 80, 80)
BOOT_SECONDS = 60
SSH_OPTIONS = (
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
    *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=3"),
)


@dataclass(frozen=True)
class Machine:
    machines: DockerMachines
    key: Path
    name: str

    @property
    def address(self) -> str:
        return self.machines.read_address(self.name)

    def metadata(self, user_data: str | None) -> dict[str, str]:
        values = {"ssh_authorized_keys": self.key.with_suffix(".pub").read_text()}
        return values if user_data is None else {**values, "user_data": base64.b64encode(user_data.encode()).decode()}

    def ssh(self, command: str, *, address: str | None = None) -> subprocess.CompletedProcess[str]:
        words = self._ssh_command(command, address)
        return subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    def open_session(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self._ssh_command(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ssh_command(self, command: str, address: str | None = None) -> list[str]:
        return ["ssh", "-i", str(self.key), *SSH_OPTIONS, f"ubuntu@{address or self.address}", command]

    def run(self, command: str) -> str:
        """Output of a command that has to succeed."""
        done = self.ssh(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def wait_for_ssh(self) -> None:
        wait_until(lambda: self.ssh("true").returncode == 0, "SSH")

    def boot_time(self) -> str:
        return self.run("systemctl show --property UserspaceTimestamp --value")

    def listen(self, port: int) -> None:
        """Something answers on this port of the machine, if it is let through."""
        self.run(f"sudo systemd-run --unit listen-{port} --quiet python3 -m http.server {port}")
        wait_until(lambda: self.ssh(f"ss -Hltn sport = :{port} | grep -q .").returncode == 0, f"a listener on {port}")

    def accept_in_front_of_reject(self, port: int) -> None:
        self.run(f"sudo iptables -I INPUT -p tcp --dport {port} -j ACCEPT")


def wait_until(holds: Callable[[], bool], what: str, seconds: float = BOOT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.2)


def knock(address: str, port: int) -> str:
    """ "open", "rejected" (an ICMP error or a reset came back) or "silent" (nothing did)."""
    try:
        socket.create_connection((address, port), timeout=1.5).close()
    except TimeoutError:
        return "silent"
    except OSError:
        return "rejected"
    return "open"


def count_traces(label: str) -> dict[str, int]:
    """How many things Docker has with this label."""
    lists = {"container": ["--all", "--quiet"], "volume": ["--quiet"], "network": ["--quiet"]}
    command = ["docker", "{kind}", "ls", "--filter", f"label={label}"]
    return {
        kind: len(subprocess.check_output([word.format(kind=kind) for word in command] + options, text=True).split())
        for kind, options in lists.items()
    }
