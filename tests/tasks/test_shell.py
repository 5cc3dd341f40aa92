"""The same command list here, by prefect-shell, and over SSH: equal in everything that a caller can see."""

import os
import stat
from pathlib import Path

import psutil
import pytest

from resonant import remote
from resonant.commands import shell as commands
from resonant.commands.shell import Command
from resonant.errors import RemoteCommandFailed, ResonantError
from resonant.remote import Host
from tasks import shell
from tests.sshd import Sshd, choose_free_port

HERE = Host()

SAME_OUTPUT = {
    "plain": ["echo", "hello"],
    "no line break at the end": ["printf", "a\nb"],
    "empty lines": ["printf", "a\n\n\nb\n"],
    "spaces at the ends of lines": ["printf", "  a  \n\tb \n"],
    "carriage returns": ["printf", "50 %%\r100 %%\r\n"],
    "nothing": ["true"],
    "awkward arguments": ["printf", "<%s>", "a b", "$HOME", "`id`", "it's", '"', "*", "", "ü\nzwei"],
    "stderr is not output": ["sh", "-c", "echo told; echo warned >&2"],
    "a script with arguments": commands.script('printf "%s|" "$@"', arguments=["one", "two words"]),
    "many lines": ["seq", "2000"],
    "who": ["id", "-u"],
}
SAME_FAILURE = {
    "exit code": ["sh", "-c", "echo out; echo why >&2; exit 7"],
    "pipefail": commands.script("false | cat", "echo not reached"),
    "unset variable": commands.script('echo "$nobody_set_this"'),
    "no such command": ["no-such-command-here"],
    "killed": ["sh", "-c", "kill -9 $$"],
    "only stdout": ["sh", "-c", "echo told on stdout; exit 1"],
}


@pytest.fixture(autouse=True)
def same_ground(monkeypatch: pytest.MonkeyPatch):
    """A short wait before SIGKILL, and messages of programs in the language that sshd gives."""
    monkeypatch.setattr(remote, "KILL_AFTER_SECONDS", 1)
    monkeypatch.setenv("LC_ALL", "C")
    yield
    remote.close_all()


def failure_of(host: Host, command: Command, timeout_seconds: float = 20) -> RemoteCommandFailed:
    with pytest.raises(RemoteCommandFailed) as caught:
        shell.run(host, command, timeout_seconds=timeout_seconds)
    return caught.value


@pytest.mark.parametrize("command", SAME_OUTPUT.values(), ids=SAME_OUTPUT.keys())
def test_the_same_output_both_ways(sshd: Sshd, command: Command):
    assert shell.run(HERE, command) == shell.run(sshd.host, command)


def test_streaming_changes_nothing_of_the_output(sshd: Sshd):
    command, ignore = ["printf", "a\n\n  b\nc"], lambda line: None
    assert shell.run(HERE, command, on_line=ignore) == shell.run(sshd.host, command, on_line=ignore) == "a\n\n  b\nc"


@pytest.mark.parametrize("command", SAME_FAILURE.values(), ids=SAME_FAILURE.keys())
def test_the_same_failure_both_ways(sshd: Sshd, command: Command):
    here, there = failure_of(HERE, command), failure_of(sshd.host, command)
    assert (here.command, here.exit_code, here.stderr_tail) == (there.command, there.exit_code, there.stderr_tail)


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_time_out_ends_the_process(sshd: Sshd, where: str):
    duration = f"300.{choose_free_port()}"
    failure = failure_of(HERE if where == "here" else sshd.host, ["sleep", duration], timeout_seconds=0.5)
    assert failure.exit_code == 124
    assert [entry for entry in psutil.process_iter(["cmdline"]) if duration in (entry.info["cmdline"] or [])] == []


@pytest.mark.parametrize("where", ["here", "there"])
@pytest.mark.parametrize("mode", [0o600, 0o755])
def test_the_same_file_both_ways(sshd: Sshd, tmp_path: Path, where: str, mode: int):
    target, content = tmp_path / "new" / "file", os.urandom(100_000)
    shell.put(HERE if where == "here" else sshd.host, b"old", str(target))
    shell.put(HERE if where == "here" else sshd.host, content, str(target), mode=mode)
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (content, mode)
    assert [entry.name for entry in target.parent.iterdir()] == ["file"]


def test_a_file_that_cannot_be_written_here_says_why(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResonantError, match="Could not write"):
        shell.put(HERE, b"", str(tmp_path / "file" / "below"))


def test_a_stale_part_of_a_killed_run_is_no_obstacle(tmp_path: Path):
    (tmp_path / f".file.{os.getpid()}.part").write_text("half")
    shell.put(HERE, b"whole", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"whole"
