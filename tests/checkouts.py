"""A second checkout: this working tree as it is, with the same Python packages and nothing that runs."""

import shutil
import subprocess
from pathlib import Path

from resonant.source import CHECKOUT


def copy_checkout(folder: Path) -> Path:
    """Tracked and new files, and an environment that shares the packages but no state."""
    listing = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(listing, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, listed):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg", ".locked"):
        (folder / ".venv" / part).symlink_to(CHECKOUT / ".venv" / part)
    return folder
