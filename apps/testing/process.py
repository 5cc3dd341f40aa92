"""An application as the real process that its image runs."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

APPS = Path(__file__).parent.parent

T = TypeVar("T")


def choose_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, read: Callable[[], T | None], seconds: float = 15) -> T:
    """The first true value that `read` returns."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = read()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


class Process:
    def __init__(self, module: str, environment: dict[str, str], port: int, log: Path) -> None:
        self.port = port
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=APPS / module,
                env={"PATH": os.environ["PATH"], **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def get_status(self, path: str) -> int | None:
        """The HTTP status; None while nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def wait_until_healthy(self, path: str) -> None:
        wait_for(f"200 at {path}", lambda: self.get_status(path) == 200)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def terminate(self, seconds: float = 15) -> tuple[int, float]:
        """SIGTERM; the exit code and how long it took."""
        start = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds), time.monotonic() - start

    def wait(self, seconds: float = 15) -> int:
        return self._process.wait(seconds)

    def stop(self) -> None:
        if self._process.poll() is None:
            self.kill()
