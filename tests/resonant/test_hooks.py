"""The command of a hook, run for real."""

import subprocess
from pathlib import Path

import pytest

from resonant.commands.hooks import run_hook

AWKWARD = 'it\'s a $HOME `id` "site"'


def run(hook: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = run_hook(hook, str(folder), variables)
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)


@pytest.mark.parametrize(
    "hook", ["false | cat", 'echo "$nobody_set_this"', "false; true", "no-such-command", "kill -9 $$"]
)
def test_the_shell_is_strict(tmp_path: Path, hook: str):
    assert run(hook, tmp_path).returncode != 0
    assert run("true", tmp_path).returncode == 0


def test_words_stay_as_they_are_written(tmp_path: Path):
    done = run("""printf '%s|' "$RESONANT_SITE" 'it'"'"'s' "a  b" $#""", tmp_path, RESONANT_SITE=AWKWARD)
    assert done.stdout == f"{AWKWARD}|it's|a  b|0|"


def test_several_lines_are_one_script(tmp_path: Path):
    assert run("for word in one two; do\n  echo $word\ndone", tmp_path).stdout == "one\ntwo\n"


def test_both_streams_come_in_the_order_they_were_printed(tmp_path: Path):
    done = run("echo 1; echo 2 >&2; echo 3", tmp_path)
    assert (done.stdout, done.stderr) == ("1\n2\n3\n", "")


def test_one_that_asks_gets_no_answer(tmp_path: Path):
    assert run("read -r answer", tmp_path).returncode == 1


def test_a_folder_that_is_gone_is_said(tmp_path: Path):
    done = run("true", tmp_path / "gone")
    assert done.returncode == 1 and "No such file or directory" in done.stderr
