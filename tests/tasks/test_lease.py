"""The lease as flows take it, on this machine and over SSH: equal in everything that a flow can see."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect import flow

from resonant import remote
from resonant.commands import lease as commands
from resonant.errors import LeaseHeld, LeaseLost, RemoteCommandFailed, ResonantError
from resonant.remote import Host
from tasks import lease, shell
from tests.lease import acquire, acquired, find_marked, release, show, wait_until
from tests.prefect_server import PrefectServer
from tests.sshd import Sshd
from tests.vocabulary import settings

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "lease"
    monkeypatch.setattr(commands, "LEASE", str(folder))
    yield folder
    for process in find_marked(folder):
        process.kill()
    remote.close_all()


@pytest.fixture(params=["here", "there"])
def host(request: pytest.FixtureRequest, sshd: Sshd) -> Host:
    return Host() if request.param == "here" else sshd.host


@pytest.fixture
def lost(host: Host) -> Host:
    """Its lease was taken over while it was silent."""
    old = acquired("ann", ttl_seconds=0.1)
    time.sleep(0.2)
    acquired("bob")
    return replace(host, lease=old)


def in_flow(story: Callable[[], None]) -> None:
    flow(name="test-lease")(story)()


def test_a_leased_host_runs_commands_as_any_other(host: Host):
    leased = replace(host, lease=acquired())
    assert shell.run(leased, ["printf", "<%s>", "a b", "it's"]) == "<a b><it's>"
    with pytest.raises(RemoteCommandFailed, match=r"^`sh -c 'echo why >&2; exit 7'`") as caught:
        shell.run(leased, ["sh", "-c", "echo why >&2; exit 7"])
    assert (caught.value.exit_code, caught.value.stderr_tail) == (7, "why")


def test_a_command_that_ends_like_the_fence_is_not_taken_for_it(host: Host):
    with pytest.raises(RemoteCommandFailed) as caught:
        shell.run(replace(host, lease=acquired()), ["sh", "-c", f"exit {commands.LOST}"])
    assert caught.value.exit_code == commands.LOST


@pytest.mark.parametrize("mode", [0o600, 0o755])
def test_a_leased_host_gets_files_as_any_other(host: Host, tmp_path: Path, mode: int):
    target, content = tmp_path / "new" / "file", os.urandom(10_000)
    leased = replace(host, lease=acquired())
    for sent in (b"old", content):
        shell.put(leased, sent, str(target), mode=mode)
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (content, mode)
    assert [entry.name for entry in target.parent.iterdir()] == ["file"]


def test_a_lost_lease_runs_nothing_and_says_so(lost: Host, tmp_path: Path):
    with pytest.raises(LeaseLost, match=r"`touch .*reached` was not run on .*: another run took the site over"):
        shell.run(lost, ["touch", str(tmp_path / "reached")])
    assert not (tmp_path / "reached").exists()


def test_a_lost_lease_writes_no_file_and_leaves_nothing_behind(lost: Host, tmp_path: Path):
    target = tmp_path / "new" / "file"
    with pytest.raises(LeaseLost):
        shell.put(lost, b"secret", str(target))
    assert list(tmp_path.rglob("*file*")) == []
    assert list(Path.home().glob(".resonant-upload-*")) == []


def test_a_time_out_ends_a_leased_command(host: Host, folder: Path):
    with pytest.raises(RemoteCommandFailed) as caught:
        shell.run(replace(host, lease=acquired()), ["sleep", "300"], timeout_seconds=0.5)
    assert caught.value.exit_code == 124
    assert find_marked(folder) == []


def test_a_host_and_its_leased_self_share_one_connection(sshd: Sshd):
    ask = ["sh", "-c", 'echo "$SSH_CLIENT"']
    ports = {remote.run(entry, ask, timeout_seconds=20) for entry in (sshd.host, replace(sshd.host, lease=acquired()))}
    assert len(ports) == 1


def test_a_change_holds_the_site_and_gives_it_back(host: Host, prefect_api: object):
    def story() -> None:
        with lease.site_lease(host, settings(), "deploy") as leased:
            assert leased == replace(host, lease=show()["token"])
            assert shell.run(leased, ["echo", "changed"]) == "changed\n"
            held = show()
            assert (held["what"], held["held"]) == ("deploy", True)
            assert "@" in held["owner"] and held["flow_run"] and len(held["flow_run_id"]) == 36
            with lease.site_lease(leased, settings(), "something inside") as same:
                assert same == leased
            assert show()["held"] is True
        assert show()["held"] is False

    in_flow(story)


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()], ids=["error", "cancelled"])
def test_a_change_that_ends_early_gives_it_back_too(host: Host, prefect_api: object, error: BaseException):
    def story() -> None:
        with pytest.raises(type(error)) as caught, lease.site_lease(host, settings(), "deploy"):
            raise error
        assert caught.value is error
        assert show()["held"] is False

    in_flow(story)


def test_a_release_that_fails_does_not_hide_why_the_change_failed(
    host: Host, prefect_api: object, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commands, "release", lambda token: ["sh", "-c", "echo broken >&2; exit 1"])

    def story() -> None:
        with pytest.raises(ResonantError, match="the real cause"), lease.site_lease(host, settings(), "deploy"):
            raise ResonantError("the real cause")

    in_flow(story)


def test_a_connection_that_broke_does_not_hide_why_the_change_failed(sshd: Sshd, prefect_api: object):
    def story() -> None:
        with pytest.raises(ResonantError, match="the real cause"), lease.site_lease(sshd.host, settings(), "deploy"):
            remote.abort()
            raise ResonantError("the real cause")

    in_flow(story)


def test_who_may_not_wait_is_told_at_once_by_whom_the_site_is_held(host: Host, prefect_api: object):
    acquired("ann")

    def story() -> None:
        told = "deploy by ann@laptop, flow run run-of-ann"
        with (
            pytest.raises(LeaseHeld, match=told),
            lease.site_lease(host, settings(lease_wait_seconds=0), "rollback"),
        ):
            pytest.fail("two at once")

    in_flow(story)


def test_who_waits_gets_the_site_when_it_is_given_back(
    host: Host, prefect_api: object, monkeypatch: pytest.MonkeyPatch
):
    token, told = acquired("ann"), []

    def tell_and_release(answers: list[object]) -> None:
        told.append(str(answers[-1]))
        release(token)

    monkeypatch.setattr(lease, "_tell_once", tell_and_release)

    def story() -> None:
        with lease.site_lease(host, settings(poll_seconds=0.1), "rollback"):
            assert show()["what"] == "rollback"

    in_flow(story)
    assert "ann@laptop" in told[0]


def test_a_long_change_keeps_its_lease(host: Host, prefect_api: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "TTL_SECONDS", 4.0)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.5)

    def story() -> None:
        with lease.site_lease(host, settings(), "deploy"):
            for _ in range(12):
                time.sleep(0.5)
                assert acquire("bob").returncode == commands.HELD

    in_flow(story)


def test_a_change_that_was_silent_too_long_cannot_go_on(
    host: Host, prefect_api: object, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lease, "TTL_SECONDS", 0.5)

    def story() -> None:
        with pytest.raises(LeaseLost), lease.site_lease(host, settings(), "deploy") as leased:
            time.sleep(0.6)
            acquired("bob")
            shell.run(leased, ["true"])
        assert show()["owner"] == "bob@laptop"

    in_flow(story)


def test_the_heartbeat_ends_when_it_is_told_that_the_lease_is_lost(host: Host, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    old = acquired("ann", ttl_seconds=0.1)
    time.sleep(0.2)
    acquired("bob")
    with lease._renewing(replace(host, lease=old)):
        wait_until(lambda: "site-lease" not in {thread.name for thread in threading.enumerate()})


KILLED = """
import sys
from pathlib import Path
from prefect import flow
from resonant.commands import lease as commands
from resonant.remote import Host
from tasks import lease, shell
from tests.vocabulary import settings
commands.LEASE, lease.TTL_SECONDS = sys.argv[1], float(sys.argv[7])
host = Host(sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]), sys.argv[6]) if sys.argv[2] else Host()

@flow(name="test-killed")
def story():
    with lease.site_lease(host, settings(), "deploy") as leased:
        shell.run(leased, ["sh", "-c", "sleep 600 & sleep 601"], timeout_seconds=700)

story()
"""


@pytest.mark.parametrize(("host", "ttl_seconds"), [("there", lease.TTL_SECONDS), ("here", 5.0)], indirect=["host"])
def test_the_site_of_a_killed_run_is_free_within_a_minute(
    host: Host, ttl_seconds: float, folder: Path, prefect_api: PrefectServer
):
    """Once with the real times: 45 s after the last heartbeat, and what the run had started does not go on."""
    arguments = [folder, host.address, host.user, host.port, host.private_key_file, host.host_key, ttl_seconds]
    owner = subprocess.Popen(
        [sys.executable, "-c", KILLED, *map(str, arguments)], env=prefect_api.client_environment, cwd=CHECKOUT
    )
    wait_until(lambda: len(find_marked(folder)) >= 3, within_seconds=60)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    started = time.monotonic()
    assert len(find_marked(folder)) >= 3, "what it started goes on without it"

    def story() -> None:
        with lease.site_lease(host, settings(), "deploy") as leased:
            assert find_marked(folder) == []
            assert shell.run(leased, ["echo", "free"]) == "free\n"

    in_flow(story)
    taken_seconds = time.monotonic() - started
    print(f"free after {taken_seconds:.1f} s")
    assert taken_seconds < ttl_seconds + 15


def test_a_lease_that_cannot_be_written_is_told_in_plain_words(host: Host, folder: Path, prefect_api: object):
    folder.write_text("a file where the folder must be")

    def story() -> None:
        with (
            pytest.raises(
                ResonantError, match=r"does not give its lease: Could not acquire the lease in .*: File exists"
            ),
            lease.site_lease(host, settings(), "deploy"),
        ):
            pytest.fail("without a lease")

    in_flow(story)


def test_a_heartbeat_that_fails_once_is_tried_again_soon(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(lease, "RENEW_AGAIN_SECONDS", 0.05)
    token, real, failed = acquired("ann"), commands.renew, []

    def renew(token: int) -> list[str]:
        failed.append(token)
        return ["sh", "-c", "echo disk trouble >&2; exit 1"] if len(failed) == 1 else real(token)

    monkeypatch.setattr(commands, "renew", renew)
    with lease._renewing(replace(host, lease=token)):
        wait_until(lambda: len(failed) > 2)
    assert caplog.messages == ["The lease of the site was not renewed: disk trouble"]
