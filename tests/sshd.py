"""A real sshd on loopback, with keys of its own; it lets this very user in, who must be root or have `sudo -n`."""

import getpass
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil

from resonant.remote import Host

CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/login.pub
PidFile {folder}/pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
"""


class Sshd:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = choose_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("host", "other_host", "login", "stranger"):
            create_key(folder / name)
        (folder / "config").write_text(CONFIGURATION.format(port=self.port, folder=folder))

    def start(self) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "config")]
            self._process = subprocess.Popen(command, stderr=log)
        self._wait_until_listening()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def cut_connections(self) -> None:
        """As when the machine loses its power: no farewell."""
        assert self._process
        for session in psutil.Process(self._process.pid).children():
            session.kill()

    @property
    def host(self) -> Host:
        """As the flows know a machine: its address, login, and pinned key."""
        return Host("127.0.0.1", getpass.getuser(), self.port, self.folder / "login", self.public_key("host"))

    def host_with(self, key: str) -> Host:
        return replace(self.host, private_key_file=self.folder / key)

    def public_key(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text().strip()

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"sshd does not listen: {(self.folder / 'log').read_text()}")


def create_key(file: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", str(file)], check=True)


def choose_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
