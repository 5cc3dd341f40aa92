"""The running rehearsal, as the benches see it: through `scripts/rehearse --status` and `project_env`."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from deployments.operator.files import parse_exports

CHECKOUT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 1800


def read_status() -> dict[str, str]:
    """Raises SystemExit when no rehearsal is up."""
    lines = run([str(CHECKOUT / "scripts" / "rehearse"), "--status"], dict(os.environ)).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def read_environment(site: dict[str, str]) -> dict[str, str]:
    """This process's, with what `project_env` gives to a shell."""
    exported = parse_exports(Path(shlex.split(site["project_env"])[1]))
    return {**os.environ, **exported, "PYTHONPATH": str(CHECKOUT)}


def try_run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=LIMIT_SECONDS, check=False,
    )  # fmt: skip


def run(command: list[str], environment: dict[str, str]) -> str:
    done = try_run(command, environment)
    if done.returncode != 0:
        sys.exit(f"bench: {shlex.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
