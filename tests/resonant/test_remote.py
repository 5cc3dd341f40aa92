"""Against a real sshd."""

import stat
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from resonant import remote
from resonant.errors import HostError, HostKeyChanged, HostUnreachable, RemoteCommandFailed, SshRefused
from tests.sshd import Sshd, choose_free_port


@pytest.fixture(autouse=True)
def fresh_connections():
    yield
    remote.close_all()


def run(sshd: Sshd, *command: str, timeout_seconds: float = 20, on_line: Callable[[str], None] | None = None) -> str:
    return remote.run(sshd.host, command, timeout_seconds=timeout_seconds, on_line=on_line)


def running(argument: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cmdline"]) if argument in (process.info["cmdline"] or [])]


def assert_gone(argument: str) -> None:
    deadline = time.monotonic() + 5
    while running(argument):
        assert time.monotonic() < deadline, f"{argument} still runs"
        time.sleep(0.05)


def test_runs_as_root(sshd: Sshd):
    assert run(sshd, "id", "-u") == "0\n"


def test_arguments_arrive_as_they_are(sshd: Sshd):
    awkward = ("a b", "$HOME", "`id`", "it's", '"', "*", "", "ü\nzwei")
    assert run(sshd, "printf", "<%s>", *awkward) == "".join(f"<{argument}>" for argument in awkward)


def test_a_failure_tells_command_code_host_and_the_end_of_stderr(sshd: Sshd):
    with pytest.raises(RemoteCommandFailed) as caught:
        run(sshd, "sh", "-c", "seq 1000 >&2; echo 'no such volume' >&2; exit 7")
    failure = caught.value
    assert (failure.exit_code, failure.where) == (7, str(sshd.host))
    assert failure.stderr_tail.splitlines()[-2:] == ["1000", "no such volume"]
    assert len(failure.stderr_tail.splitlines()) == remote.TAIL_LINES
    assert str(failure).startswith("`sh -c") and "exit code 7" in str(failure)


def test_a_silent_failure_shows_what_it_printed(sshd: Sshd):
    with pytest.raises(RemoteCommandFailed, match="told on stdout"):
        run(sshd, "sh", "-c", "echo told on stdout; exit 1")


@pytest.mark.parametrize(
    ("command", "exit_code"), [(["sleep", "{}"], 124), (["bash", "-c", "trap '' TERM; sleep {}; sleep {}"], 137)]
)
def test_a_time_out_ends_the_remote_process(
    sshd: Sshd, command: list[str], exit_code: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "KILL_AFTER_SECONDS", 1)
    duration = f"300.{choose_free_port()}"
    with pytest.raises(RemoteCommandFailed, match="out of time") as caught:
        run(sshd, *(part.replace("{}", duration) for part in command), timeout_seconds=0.5)
    assert caught.value.exit_code == exit_code
    assert_gone(duration)


def test_lines_come_while_the_command_runs(sshd: Sshd):
    seen: list[tuple[str, float]] = []
    run(
        sshd,
        "sh",
        "-c",
        "echo one; echo; sleep 0.6; printf two; echo ' and a half'",
        on_line=lambda line: seen.append((line, time.monotonic())),
    )
    assert [line for line, _ in seen] == ["one", "two and a half"]
    assert seen[1][1] - seen[0][1] > 0.4


def test_many_commands_share_one_connection(sshd: Sshd):
    ports = {run(sshd, "sh", "-c", 'echo "$SSH_CLIENT"') for _ in range(3)}
    assert len(ports) == 1


def test_a_key_that_was_not_let_in(sshd: Sshd):
    with pytest.raises(SshRefused, match="refused the key"):
        remote.run(sshd.host_with("stranger"), ["true"], timeout_seconds=5)


def test_another_host_key_than_the_pinned_one(sshd: Sshd):
    imposter = replace(sshd.host, host_key=sshd.public_key("other_host"))
    with pytest.raises(HostKeyChanged, match="run the flow provision again"):
        remote.run(imposter, ["true"], timeout_seconds=5)


def test_nobody_listens(sshd: Sshd):
    with pytest.raises(HostUnreachable) as caught:
        remote.run(replace(sshd.host, port=choose_free_port()), ["true"], timeout_seconds=5)
    assert caught.value.transient


def test_a_connection_that_breaks_is_no_failure_of_the_command(sshd: Sshd):
    threading.Timer(0.5, sshd.cut_connections).start()
    with pytest.raises(HostUnreachable, match="broke during `sleep`"):
        run(sshd, "sleep", "5")
    assert run(sshd, "echo", "back") == "back\n"


def test_a_connection_with_an_open_file_transfer_breaks_in_no_other_way(sshd: Sshd, tmp_path: Path):
    """The goodbye of its SFTP session fails, too; at once after the cut, before anybody has noticed it."""
    ends = []
    for _ in range(10):
        remote.put(sshd.host, b"content", str(tmp_path / "file"))
        sshd.cut_connections()
        try:
            ends.append(run(sshd, "echo", "again"))
        except HostUnreachable:
            ends.append("unreachable")
    assert set(ends) <= {"again\n", "unreachable"} and "unreachable" in ends


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_put_writes_owner_mode_and_bytes(sshd: Sshd, tmp_path: Path, mode: int):
    target, content = tmp_path / "new folder" / "it's here", bytes(range(256)) * 4000
    remote.put(sshd.host, content, str(target), mode=mode)
    assert target.read_bytes() == content
    assert (stat.S_IMODE(target.stat().st_mode), target.owner()) == (mode, "root")


def test_put_replaces_in_one_step(sshd: Sshd, tmp_path: Path):
    """Whoever has the old file open keeps it whole: the name moves to a new file."""
    target = tmp_path / "settings"
    target.write_text("old")
    with target.open() as before:
        remote.put(sshd.host, b"new", str(target), mode=0o600)
        assert before.read() == "old"
    assert target.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["settings"]


def test_put_leaves_nothing_behind_when_it_fails(sshd: Sshd, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RemoteCommandFailed):
        remote.put(sshd.host, b"secret", str(tmp_path / "file" / "below"))
    assert list(Path.home().glob(".resonant-upload-*")) == []


def test_lines_are_whole_whatever_the_pieces():
    seen: list[str] = []
    stream = remote.LineStream(seen.append)
    for piece in ("a", "b\nc", "\r\n\n", "d\n", "rest"):
        stream.write(piece)
    assert seen == ["ab", "c", "d"]


def test_a_shown_command_is_one_short_line():
    assert remote.shown(["sh", "-c", "a\n  b"]) == "sh -c 'a b'"
    assert len(remote.shown(["echo", "x" * 500])) <= 160


def test_an_interrupted_run_ends_what_its_threads_do_and_lets_them_begin_nothing(sshd: Sshd):
    ended: list[BaseException] = []

    def work() -> None:
        try:
            run(sshd, "sleep", "30")
        except HostError as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    remote.abort()
    thread.join(5)
    assert [(type(error), error.transient) for error in ended] == [(HostError, False)]
    with pytest.raises(HostError, match="interrupted"):
        run(sshd, "true")
    remote.close_all()
    assert run(sshd, "echo", "again") == "again\n"
