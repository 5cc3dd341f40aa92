"""Docker's command line, run to its end: the one way in which the sandbox speaks to the engine."""

import json
import subprocess
from typing import Any

from sandbox.errors import DockerFailed, SandboxError

DEFAULT_TIMEOUT_SECONDS = 120.0


def run_docker_raw(
    *arguments: str, stdin: bytes | None = None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
) -> bytes:
    """Standard output of the command; DockerFailed with standard error when it comes back with another code than 0."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except (FileNotFoundError, PermissionError):
        raise SandboxError(
            "The `docker` command is missing, or not for this user. Install Docker, or run `python -m sandbox up` as root."
        ) from None
    except subprocess.TimeoutExpired:
        raise DockerFailed(list(arguments), 124, f"no answer within {timeout_seconds:.0f} seconds") from None
    if done.returncode:
        raise DockerFailed(list(arguments), done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout


def run_docker(*arguments: str, stdin: bytes | None = None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> str:
    """Standard output as text, without the final line break."""
    return run_docker_raw(*arguments, stdin=stdin, timeout_seconds=timeout_seconds).decode(errors="replace").strip()


def inspect(kind: str, name: str) -> dict[str, Any] | None:
    """What Docker knows of one container, image, network or volume; None when there is no such thing."""
    try:
        found: list[dict[str, Any]] = json.loads(run_docker(kind, "inspect", name))
    except DockerFailed as failure:
        if "no such" in failure.stderr.lower() or "not found" in failure.stderr.lower():
            return None
        raise
    return found[0]


def names_of(kind: str, *filters: str) -> list[str]:
    """Names of the containers (running or not), networks or volumes that match every filter."""
    everything = ["--all"] if kind == "container" else []
    field = "{{.Names}}" if kind == "container" else "{{.Name}}"
    selection = [word for condition in filters for word in ("--filter", condition)]
    return run_docker(kind, "ls", *everything, *selection, "--format", field).split()
