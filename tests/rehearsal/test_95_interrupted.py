"""A second checkout beside the first: its rehearsal is interrupted at every stage, ends up served, and goes without a trace."""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from resonant.settings import FILE_VARIABLE
from sandbox.place import Place
from tests.checkouts import copy_checkout
from tests.rehearsal.vocabulary import parse_names, read_own_environment, run
from tests.sandbox_vm.vocabulary import count_traces

# What is printed at that moment. The order is that of a rehearsal: each run gets further than the one before.
MOMENTS = {
    "while the sandbox comes up": "cloud API on port",
    "while it looks for capacity": "attempt 1, ",
    "while packages are installed": "installing ",
    "while images are built": "RUN pip install",
    "while Prefect is installed": "Task run 'Prefect server",
}
OBEYED_WITHIN_SECONDS = 20


class Rehearsal:
    """`scripts/rehearse` of the second checkout, as a person starts it in a terminal."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.place = Place(checkout)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return run("scripts/rehearse", *options, checkout=self.checkout, timeout_seconds=900)

    def interrupt_at(self, words: str) -> tuple[str, float]:
        """Press Ctrl-C once these words are printed: what came afterwards, and how long that took."""
        with subprocess.Popen(
            ["scripts/rehearse"], cwd=self.checkout, env=read_own_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        ) as process:  # fmt: skip
            assert process.stdout
            before = []
            for line in process.stdout:
                before.append(line)
                if words in line:
                    break
            else:
                raise AssertionError(f"ended before {words!r}: {''.join(before)[-3000:]}")
            pressed = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            afterwards = process.stdout.read()
        assert process.returncode != 0
        return afterwards, time.monotonic() - pressed

    def processes(self) -> list[str]:
        """Command lines of all that this checkout has started, but for the sandbox's cloud."""
        alive = [describe(process) for process in psutil.process_iter()]
        cloud = (" serve ", "docker events ")
        return [line for line in alive if str(self.checkout) in line and not any(words in line for words in cloud)]

    def down(self) -> None:
        """As `--down`, but the images stay: the first checkout uses them, too."""
        settings = {FILE_VARIABLE: str(self.place.state / "settings.env"), "PYTHONPATH": str(self.checkout)}
        for module, command in (("deployments.operator", "disconnect"), ("sandbox", "down")):
            done = run(sys.executable, "-m", module, command, checkout=self.checkout, **settings)
            assert done.returncode == 0, done.stdout


def describe(process: psutil.Process) -> str:
    try:
        return f"{process.cwd()}: {' '.join(process.cmdline())} "
    except psutil.Error:
        return ""


@pytest.fixture(scope="module")
def second() -> Iterator[Rehearsal]:
    folder = Path(tempfile.mkdtemp(prefix="resonant-second-"))
    rehearsal = Rehearsal(copy_checkout(folder))
    try:
        yield rehearsal
    finally:
        if rehearsal.place.state.exists():
            rehearsal.down()
        shutil.rmtree(folder)


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_is_obeyed_and_said_in_plain_words(second: Rehearsal, moment: str):
    said, seconds = second.interrupt_at(MOMENTS[moment])
    assert seconds < OBEYED_WITHIN_SECONDS, said
    assert "goes on" in said
    assert "Traceback" not in said
    assert second.processes() == []


def test_the_next_run_ends_served(second: Rehearsal):
    done = second.run()
    assert done.returncode == 0, done.stdout
    status = parse_names(done.stdout)
    trusted = ssl.create_default_context(cafile=status["ca_file"])
    with httpx.Client(verify=trusted, trust_env=False) as visitor:
        assert visitor.get(f"https://{status['address']}/api/health").json()["status"] == "ok"


def test_it_goes_without_a_trace(second: Rehearsal):
    assert second.processes() != []
    second.down()
    assert count_traces(second.place.label) == {"container": 0, "volume": 0, "network": 0}
    assert second.processes() == []
    assert not second.place.state.exists()
    assert second.run("--status").stdout == "rehearse: no rehearsal is up. Start one with scripts/rehearse.\n"
