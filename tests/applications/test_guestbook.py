"""The second application's own tests, where node is."""

import shutil
import subprocess
from pathlib import Path

import pytest

GUESTBOOK = Path(__file__).parent / "guestbook"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_guestbook_passes_its_own_tests():
    done = subprocess.run(["node", "--test"], cwd=GUESTBOOK, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
