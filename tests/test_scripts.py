"""What the scripts answer when something is not as they need it: one clear message, a telling exit code, no traceback."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonant.settings import PREFIX
from tests.checkouts import copy_checkout


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A checkout in which nothing was ever started; another user may look into it."""
    with tempfile.TemporaryDirectory(prefix="resonant-checkout-") as folder:
        Path(folder).chmod(0o755)
        yield copy_checkout(Path(folder))


def run(checkout: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.run(
        command, cwd=checkout, env=outer | environment, capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def rehearse(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run(checkout, "scripts/rehearse", *options)


def assert_message(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("script", "words"),
    [("rehearse", "unknown option"), ("test", "no part"), ("check", "no arguments"), ("ui", "Usage: scripts/ui")],
)
def test_an_unknown_option_is_told(checkout: Path, script: str, words: str):
    assert_message(run(checkout, f"scripts/{script}", "--upside-down"), words)


@pytest.mark.parametrize("options", [["--upside-down"], ["--status", "--down"]])
def test_the_rehearsal_shows_its_options_and_does_nothing(checkout: Path, options: list[str]):
    assert_message(rehearse(checkout, *options), "Usage: scripts/rehearse", " ".join(options))
    assert not (checkout / ".rehearsal").exists()


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_shown_without_setting_anything_up(checkout: Path, option: str):
    done = rehearse(checkout, option)
    assert (done.returncode, done.stdout.startswith("Usage: scripts/rehearse")) == (0, True)


def test_the_status_of_nothing_is_one_line(checkout: Path):
    done = rehearse(checkout, "--status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "rehearse: no rehearsal is up. Start one with scripts/rehearse.\n"
    assert not (checkout / ".rehearsal").exists()


def test_a_settings_file_that_is_missing_is_told(checkout: Path):
    done = run(checkout, "scripts/ui", RESONANT_SETTINGS_FILE="nowhere.env")
    assert done.returncode == 1
    assert done.stderr == (
        "operator: RESONANT_SETTINGS_FILE names nowhere.env, which does not exist. Copy .env.example to start one.\n"
    )


def test_every_wrong_setting_is_told_in_one_message(checkout: Path):
    (checkout / "wrong.env").write_text("RESONANT_OCPUS=many\nRESONANT_PREFECT_PORT=80\nRESONANT_COLOUR=red\n")
    done = run(checkout, "scripts/ui", RESONANT_SETTINGS_FILE="wrong.env")
    assert done.returncode == 1
    first, *told = done.stderr.splitlines()
    assert first == "operator: Settings to correct, in the environment or in wrong.env:"
    assert sorted(line.split(":")[0].strip() for line in told) == [
        "RESONANT_ANTHROPIC_API_KEY",
        "RESONANT_COLOUR",
        "RESONANT_OCPUS",
        "RESONANT_PREFECT_PORT",
    ]


@pytest.fixture
def up_as_nobody(checkout: Path, tmp_path: Path) -> Iterator[list[str]]:
    """`sandbox up` as an ordinary user, who may write the state folder."""
    state = checkout / ".rehearsal"
    state.mkdir()
    up = [sys.executable, "-m", "sandbox", "--checkout", str(checkout), "up"]
    if getpass.getuser() == "root":
        shutil.chown(state, "nobody")
        up = ["/usr/bin/setpriv", "--reuid", "nobody", "--clear-groups", *up]
    yield up
    shutil.rmtree(state)


def test_an_ordinary_user_without_docker_is_told_what_to_do(checkout: Path, up_as_nobody: list[str], tmp_path: Path):
    """An empty PATH stands for a machine without Docker."""
    done = run(checkout, *up_as_nobody, PATH=str(tmp_path), PYTHONPATH=str(checkout))
    assert_message(done, "only root may start one", "sudo systemctl start docker")
