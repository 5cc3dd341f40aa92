"""Long commands: their output goes to a log file, and its end into the error."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.errors import SandboxError


def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    what: str,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Runs to the end; SandboxError says what failed and shows the end of the log."""
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SandboxError(f"{what} did not end within {timeout_seconds:.0f} seconds; see {log}.") from None
    if done.returncode:
        raise SandboxError(f"{what} failed with {done.returncode}; the end of {log}:\n{read_tail(log)}")


def read_tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
