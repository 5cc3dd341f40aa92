"""The cloud's API as a background process of the host."""

import sys
import time

import httpx

from sandbox.engine.logged import read_tail
from sandbox.engine.ports import check_port
from sandbox.engine.process import find_process, start_background, stop_process
from sandbox.errors import SandboxError
from sandbox.lifecycle.settings import api_url
from sandbox.place import Ground

RECORD = "cloud.json"
LOG = "cloud.log"
READY_SECONDS = 30.0


def ensure_cloud(ground: Ground, image: str, mirror: str | None) -> None:
    """Left alone when it runs already: it alone knows what was built in it."""
    if find_process(ground.place.state / RECORD) is None:
        check_port(ground.allotment.api_port, "cloud API")
        start_background(_serve_command(ground, image, mirror), ground.place.logs / LOG, ground.place.state / RECORD)
    _wait_until_ready(ground)


def _serve_command(ground: Ground, image: str, mirror: str | None) -> list[str]:
    command = [sys.executable, "-m", "sandbox", "--checkout", str(ground.place.checkout), "serve", "--image", image]
    return [*command, *(["--mirror", mirror] if mirror else [])]


def stop_cloud(ground: Ground) -> bool:
    return stop_process(ground.place.state / RECORD, timeout_seconds=15)


def is_cloud_running(ground: Ground) -> bool:
    return find_process(ground.place.state / RECORD) is not None


def _wait_until_ready(ground: Ground) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and is_cloud_running(ground):
        try:
            httpx.get(api_url(ground), timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    log = ground.place.logs / LOG
    raise SandboxError(f"The cloud API did not start; the end of {log}:\n{read_tail(log)}")
