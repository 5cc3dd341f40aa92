"""Without an engine scripts/test must hear why, and never take a fault of ours for it."""

import os
import subprocess
import sys

from resonant.source import CHECKOUT
from tests.engine import NO_ENGINE


def test_no_engine_is_one_line_and_a_code_of_its_own():
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock", "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "tests.engine", "up"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == NO_ENGINE
    assert "unix:///nowhere.sock" in done.stderr and len(done.stderr.splitlines()) == 1
