"""The tools that the benches measure with, in an environment of their own; set up on demand as scripts/ does it."""

import shlex
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / ".venv-bench"
LOCK = CHECKOUT / "bench" / "requirements.lock"
SETUP_SECONDS = 600


def ensure_tools() -> None:
    """k6, ansible-playbook and pyinfra, exactly as locked; nothing to do when the lock has not changed."""
    words = f'. {shlex.quote(str(CHECKOUT / "scripts/setup.sh"))}; ensure_venv "$1" "$2"'
    subprocess.run(["bash", "-euo", "pipefail", "-c", words, "bench", FOLDER, LOCK], check=True, timeout=SETUP_SECONDS)


def find(tool: str) -> str:
    return str(FOLDER / "bin" / tool)
