"""A real Prefect server on loopback, for the tests that need one; its database is thrown away."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import httpx
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_HOME, temporary_settings

from resonant.orchestration import QUIET
from resonant.source import CHECKOUT
from tests.sshd import choose_free_port

READY_WITHIN_SECONDS = 120


class PrefectServer:
    def __init__(self, folder: Path) -> None:
        self._port = choose_free_port()
        self._log = folder / "server.log"
        self._environment = {"PREFECT_HOME": str(folder / "home"), "PREFECT_SERVER_UI_ENABLED": "false", **QUIET}
        self.api_url = f"http://127.0.0.1:{self._port}/api"

    @property
    def client_environment(self) -> dict[str, str]:
        """What another process needs to speak to this server, and to no other."""
        ours = {"PREFECT_API_URL": self.api_url, "PYTHONPATH": str(CHECKOUT)}
        return {**os.environ, **self._environment, **ours}

    @contextmanager
    def running(self) -> Iterator["PrefectServer"]:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self._port)]
        with self._log.open("wb") as log:
            process = subprocess.Popen(command, env={**os.environ, **self._environment}, stdout=log, stderr=log)
        try:
            self._wait_until_healthy()
            yield self
        finally:
            send_what_is_queued()
            process.terminate()
            process.wait(30)

    @contextmanager
    def as_api(self) -> Iterator[None]:
        """This process, and those that it starts, speak to the server. No heartbeats: their thread costs each flow run a second."""
        settings = {
            PREFECT_API_URL: self.api_url,
            PREFECT_HOME: Path(self._environment["PREFECT_HOME"]),
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
        with patch.dict(os.environ, self.client_environment), temporary_settings(settings):
            yield

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.api_url}/health", timeout=5, trust_env=False).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(f"the Prefect server does not answer: {self._log.read_text()[-2000:]}")


def send_what_is_queued() -> None:
    """Logs and events are sent in the background; left to the end of the process they would wait for a server that is gone."""
    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=10)
