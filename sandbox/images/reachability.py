"""Whether genuine images can be had: decided by trying once, remembered until `down`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.engine.command import inspect, run_docker
from sandbox.errors import DockerFailed

SMALLEST_IMAGE = "hello-world"
TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Reachability:
    """`reason` is what Docker said when no registry answered."""

    answers: bool
    reason: str = ""


def read_reachability(state: Path) -> Reachability:
    """The answer of the first call, from the file that it left."""
    file = state / "image-registry.json"
    if file.exists():
        return Reachability(**json.loads(file.read_text()))
    found = _try_registry()
    file.write_text(json.dumps(asdict(found)) + "\n")
    return found


def _try_registry() -> Reachability:
    had_it = inspect("image", SMALLEST_IMAGE) is not None
    try:
        run_docker("pull", "--quiet", SMALLEST_IMAGE, timeout_seconds=TIMEOUT_SECONDS)
    except DockerFailed as failure:
        return Reachability(False, failure.stderr.rpartition(": ")[2])
    if not had_it:
        run_docker("image", "rm", SMALLEST_IMAGE)
    return Reachability(True)
