"""The lease program in a folder of the test's own: in this process, or as the VM runs it."""

import contextlib
import io
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from resonant.commands import lease as commands
from resonant.commands.shell import Command
from resonant.lease import Request
from resonant.on_vm import lease
from resonant.on_vm.lease import VARIABLE


def request(name: str = "ann", what: str = "deploy") -> Request:
    return Request(f"id-of-{name}", f"{name}@laptop", f"run-of-{name}", f"run-id-of-{name}", what)


def run(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def run_here(command: Command) -> subprocess.CompletedProcess[str]:
    """What the command says, without a process: those of many tests would take minutes."""
    out, err = io.StringIO(), io.StringIO()
    arguments = command[3:]  # after python3 -c TEXT
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = lease.main(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def acquire(name: str = "ann", ttl_seconds: float = 45) -> subprocess.CompletedProcess[str]:
    return run_here(commands.acquire(request(name).render(), ttl_seconds))


def acquired(name: str = "ann", ttl_seconds: float = 45) -> int:
    """The token; fails when the lease was not given."""
    done = acquire(name, ttl_seconds)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["token"])


def acquired_later(name: str, within_seconds: float) -> int:
    """Asks until the lease is given, as a waiting run does."""
    started = time.monotonic()
    while (done := acquire(name)).returncode == commands.HELD:
        assert time.monotonic() - started < within_seconds, done.stderr
        time.sleep(0.05)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["token"])


def renew(token: int) -> int:
    return run_here(commands.renew(token)).returncode


def release(token: int) -> int:
    return run_here(commands.release(token)).returncode


def show() -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run_here(commands.show()).stdout)
    return shown


def find_marked(folder: Path) -> list[psutil.Process]:
    """Processes that carry a lease of this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(VARIABLE, "").endswith(f"@{folder}"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(is_so: Callable[[], object], within_seconds: float = 10) -> None:
    deadline = time.monotonic() + within_seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
