"""Bringing up a Docker engine: the one that answers is used as it is; one of our own is started only by root, and only we stop it."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from sandbox.engine.command import names_of, run_docker
from sandbox.engine.logged import read_tail, run_logged
from sandbox.engine.process import find_process, start_background, stop_process
from sandbox.errors import DockerFailed, SandboxError

SOCKET = Path("/var/run/docker.sock")
STALE_PID_FILES = {
    Path("/var/run/docker.pid"): "dockerd",
    Path("/var/run/docker/containerd/containerd.pid"): "containerd",
}
LOCK = Path("/var/lock/resonant-docker.lock")
RECORD = "dockerd.json"
READY_SECONDS = 60.0
INSTALL_TIMEOUT_SECONDS = 600.0


def ensure_engine(state: Path) -> str:
    """What was done: "answers", or how it was started."""
    if does_engine_answer():
        return "answers"
    _check_may_start()
    with _alone():
        if does_engine_answer():
            return "answers"
        _ensure_packages(state / "logs" / "packages.log", "dockerd", ["docker.io", "iptables"])
        if _has_systemd():
            subprocess.run(["systemctl", "start", "docker"], check=False, capture_output=True)
            _wait_until_ready("Look at: journalctl -u docker")
            return "started by systemd"
        _start_daemon(state)
        return "started"


def ensure_bootstrap_tools(state: Path) -> None:
    """mmdebstrap, which bases are built with where no image registry answers."""
    if shutil.which("mmdebstrap") is None:
        if os.geteuid() != 0:
            raise SandboxError(
                "mmdebstrap is missing, and no image registry answers. Run: sudo apt-get install mmdebstrap"
            )
        with _alone():
            _ensure_packages(state / "logs" / "packages.log", "mmdebstrap", ["mmdebstrap", "debian-archive-keyring"])


def stop_own_engine(state: Path) -> bool:
    """Only the daemon that `ensure_engine` started for this checkout, and only when nobody's container needs it any more."""
    if find_process(state / RECORD) is None or (does_engine_answer() and names_of("container")):
        return False
    return stop_process(state / RECORD, timeout_seconds=30)


def does_engine_answer() -> bool:
    try:
        run_docker("version", "--format", "{{.Server.Version}}", timeout_seconds=20)
    except DockerFailed as failure:
        if "permission denied" in failure.stderr.lower():
            raise SandboxError(
                "Docker's socket refuses this user. Join the group: sudo usermod -aG docker $USER, then log in again; or run as root."
            ) from None
        return False
    except SandboxError:
        return False
    return True


def _check_may_start() -> None:
    if "DOCKER_HOST" in os.environ:
        raise SandboxError(
            f"No Docker engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}. Start it, or unset the variable."
        )
    if os.geteuid() != 0:
        raise SandboxError(
            "No Docker engine answers, and only root may start one. Start Docker (sudo systemctl start docker), or run as root."
        )


@contextmanager
def _alone() -> Iterator[None]:
    """Two checkouts must not install packages or start engines at once."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_packages(log: Path, program: str, packages: list[str]) -> None:
    if shutil.which(program):
        return
    if shutil.which("apt-get") is None:
        raise SandboxError(
            f"{program} is missing, and this is no Debian or Ubuntu. Install: {' '.join(packages)} (or their like)."
        )
    noninteractive = {"DEBIAN_FRONTEND": "noninteractive"}
    waiting = ["-o", "DPkg::Lock::Timeout=120"]
    what = f"Installing {' '.join(packages)}"
    run_logged(["apt-get", "update", *waiting], log, what=what, timeout_seconds=INSTALL_TIMEOUT_SECONDS)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *waiting, *packages]
    run_logged(command, log, what=what, timeout_seconds=INSTALL_TIMEOUT_SECONDS, environment=noninteractive)


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _start_daemon(state: Path) -> None:
    for file, program in STALE_PID_FILES.items():
        if file.exists() and not _runs(file, program):
            file.unlink()
    _ensure_cgroups()
    log = state / "logs" / "dockerd.log"
    start_background(["dockerd"], log, state / RECORD)
    _wait_until_ready(f"The end of {log}:", log, state / RECORD)


def _ensure_cgroups() -> None:
    """A bare container or VM may have none mounted; what is mounted is never touched."""
    root = Path("/sys/fs/cgroup")
    mounted = [fields.split()[1] for fields in Path("/proc/mounts").read_text().splitlines()]
    if not any(Path(mount).is_relative_to(root) for mount in mounted):
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(root)], check=False, capture_output=True)


def _runs(pid_file: Path, program: str) -> bool:
    """Where /run survives a restart, the file may name somebody else's process, and the engine would refuse to start."""
    try:
        return psutil.Process(int(pid_file.read_text())).name() == program
    except (ValueError, psutil.NoSuchProcess):
        return False


def _wait_until_ready(hint: str, log: Path | None = None, record: Path | None = None) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if does_engine_answer():
            return
        if record and find_process(record) is None:
            break
        time.sleep(0.2)
    raise SandboxError(f"The Docker engine did not start. {hint}\n{read_tail(log) if log else ''}".rstrip())
