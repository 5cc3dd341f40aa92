"""Real processes, real locks: the lease as the VM keeps it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resonant.commands import lease as commands
from resonant.on_vm import lease
from tests.lease import (
    acquire,
    acquired,
    acquired_later,
    find_marked,
    release,
    renew,
    request,
    run,
    show,
    wait_until,
)

CHECKOUT = Path(__file__).parents[2]
DAMAGED = {
    "empty": b"",
    "cut off": b'{"token": 17, "owner": "an',
    "no object": b"[]",
    "nothing": b"null",
    "another object": b'{"hello": 1}',
    "no text": b"\xff\xfe\x00",
    "a token that is none": b'{"token": "x", "ttl_seconds": 45}',
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site" / "lease"
    monkeypatch.setattr(commands, "LEASE", str(folder))
    yield folder
    for process in find_marked(folder):
        process.kill()


def start_fenced(token: int, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(commands.fenced(token, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_free_site_is_given_and_told(folder: Path):
    token = acquired("ann")
    assert (folder / "token").read_text() == f"{token}\n"
    told = show()
    assert (told["owner"], told["flow_run"], told["what"], told["held"]) == ("ann@laptop", "run-of-ann", "deploy", True)
    assert told["heartbeat_age_seconds"] < 5 and told["acquired_at"].endswith("Z")


def test_a_site_that_is_held_is_refused_with_its_holder():
    token = acquired("ann")
    refused = acquire("bob")
    assert refused.returncode == commands.HELD
    assert json.loads(refused.stderr)["owner"] == "ann@laptop"
    assert (show()["token"], show()["owner"]) == (token, "ann@laptop")


def test_only_root_reads_who_holds_the_site(folder: Path):
    acquired()
    assert folder.stat().st_mode & 0o077 == 0
    assert [file.name for file in folder.iterdir() if file.stat().st_mode & 0o177 and file.name != "lock"] == []


def test_the_token_only_goes_up():
    tokens = []
    for _ in range(5):
        tokens.append(acquired())
        assert release(tokens[-1]) == 0
    assert tokens == sorted(set(tokens))
    assert show()["held"] is False


def test_the_token_goes_up_also_when_the_folder_was_removed(folder: Path):
    before = acquired()
    for file in folder.iterdir():
        file.unlink()
    assert acquired() > before


def test_the_same_request_twice_is_one_lease():
    """As after a connection that broke before the answer came."""
    assert acquired("ann") == acquired("ann")


def test_heartbeats_keep_it_longer_than_its_time():
    token = acquired("ann", ttl_seconds=3)
    for _ in range(8):
        time.sleep(0.5)
        assert renew(token) == 0
    assert acquire("bob").returncode == commands.HELD


def test_who_asks_in_the_moment_of_a_heartbeat_does_not_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "read_boot_clock", lambda: 1000.0006)
    acquired("ann")
    assert acquire("bob").returncode == commands.HELD


def test_a_silent_lease_is_taken_over_and_its_owner_told():
    old = acquired("ann", ttl_seconds=0.3)
    time.sleep(0.4)
    done = acquire("bob")
    told = json.loads(done.stdout)
    assert told["token"] > old and told["taken_over"]["owner"] == "ann@laptop"
    assert (renew(old), release(old)) == (commands.LOST, commands.LOST)
    assert (show()["token"], show()["owner"]) == (told["token"], "bob@laptop")


def test_a_silent_lease_that_nobody_wanted_lives_on():
    token = acquired("ann", ttl_seconds=3)
    time.sleep(3.1)
    assert show()["alive"] is False
    assert renew(token) == 0
    assert show()["alive"] is True


def test_it_runs_as_the_vm_runs_it():
    """As text given to python3, with nothing of ours to import."""
    done = run(commands.acquire(request("ann").render(), 45))
    token = json.loads(done.stdout)["token"]
    assert run(commands.acquire(request("bob").render(), 45)).returncode == commands.HELD
    assert [run(command(token)).returncode for command in (commands.renew, commands.release)] == [0, 0]
    assert run(commands.renew(token)).returncode == commands.LOST
    assert json.loads(run(commands.show()).stdout)["held"] is False


RACE = """
import sys, time
from resonant.commands import lease as commands
from tests.lease import acquire, release
commands.LEASE, name = sys.argv[1], sys.argv[2]
for turn in range(30):
    print("ready", flush=True)
    sys.stdin.readline()
    print(acquire(f"{name}-{turn}").returncode, flush=True)
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_of_many_at_once_exactly_one_gets_it(folder: Path):
    racers = [start(RACE, str(folder), str(number)) for number in range(8)]
    for _ in range(30):
        assert [read_line(racer) for racer in racers] == ["ready"] * 8
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        assert sorted(int(read_line(racer)) for racer in racers) == [0] + [commands.HELD] * 7
        release(show()["token"])
    assert [racer.wait(10) for racer in racers] == [0] * 8


INSIDE = """
import os, sys, time
from resonant.commands import lease as commands
from tests.lease import acquired_later, release
commands.LEASE, name = sys.argv[1], sys.argv[2]
for turn in range(4):
    token = acquired_later(f"{name}-{turn}", 60)
    alone = os.open(commands.LEASE + "/../inside", os.O_CREAT | os.O_EXCL)
    time.sleep(0.01)
    os.unlink(commands.LEASE + "/../inside")
    assert release(token) == 0
    print(token)
"""


def test_never_are_two_inside(folder: Path):
    asking = [start(INSIDE, str(folder), str(number)) for number in range(6)]
    answers = [process.communicate(timeout=120)[0] for process in asking]
    assert [process.returncode for process in asking] == [0] * 6
    tokens = [int(token) for answer in answers for token in answer.split()]
    assert len(tokens) == len(set(tokens)) == 24


def test_the_fence_lets_the_holder_through_as_if_it_were_not_there():
    token, awkward = acquired(), ["a b", "$HOME", "`id`", "it's", '"', "*", "", "ü\nzwei"]
    done = run(commands.fenced(token, ["printf", "<%s>", *awkward]))
    assert done.stdout == "".join(f"<{argument}>" for argument in awkward)
    assert run(commands.fenced(token, ["sh", "-c", "exit 7"])).returncode == 7


def test_the_fence_refuses_everyone_else(folder: Path):
    old = acquired("ann", ttl_seconds=0.1)
    time.sleep(0.2)
    new = acquired("bob")
    for token, why in ((old, f"its lease is {old}, the valid one {new}"), (0, "its lease is 0")):
        refused = run(commands.fenced(token, ["touch", f"{folder}/reached"]))
        assert refused.returncode == commands.LOST
        assert commands.REFUSED in refused.stderr and why in refused.stderr
    release(new)
    assert "the valid one none" in run(commands.fenced(new, ["touch", f"{folder}/reached"])).stderr
    (folder / "token").unlink()
    assert run(commands.fenced(new, ["touch", f"{folder}/reached"])).returncode == commands.LOST
    assert not (folder / "reached").exists()


def test_what_a_killed_owner_left_running_is_ended(folder: Path):
    token = acquired("ann", ttl_seconds=0.5)
    fenced = commands.fenced(token, ["sh", "-c", "sleep 300 & sleep 301; echo"])
    owner = subprocess.Popen([sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *fenced])
    wait_until(lambda: len(find_marked(folder)) == 3)
    orphans = find_marked(folder)
    owner.kill()
    owner.wait()
    assert len(find_marked(folder)) == 3, "the owner's death alone ends nothing"
    started = time.monotonic()
    acquired_later("bob", within_seconds=10)
    assert time.monotonic() - started < 5
    assert [process for process in orphans if is_alive(process)] == []


def test_what_a_broken_connection_left_running_is_ended_after_a_release(folder: Path):
    token = acquired("ann")
    orphan = start_fenced(token, "sleep", "300")
    wait_until(lambda: find_marked(folder))
    release(token)
    told = json.loads(acquire("bob").stdout)
    assert (orphan.wait(5), told["taken_over"]) == (-signal.SIGTERM, None)
    assert told["ended"] == [f"sleep 300 (process {orphan.pid})"]


def test_what_ignores_the_first_signal_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lease, "PATIENCE_SECONDS", 0.5)
    token = acquired("ann", ttl_seconds=0.1)
    stubborn = start_fenced(token, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    wait_until(lambda: len(find_marked(folder)) >= 1)
    time.sleep(0.3)
    assert lease.main(["acquire", str(folder), request("bob").render()]) == 0
    assert stubborn.wait(5) == -signal.SIGKILL


def test_processes_of_another_site_are_left_alone(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as other:
        other.setattr(commands, "LEASE", str(tmp_path / "other"))
        theirs = start_fenced(acquired(), "sleep", "300")
        wait_until(lambda: find_marked(tmp_path / "other"))
    release(acquired("ann"))
    acquired("bob")
    assert theirs.poll() is None
    theirs.kill()
    theirs.wait()


def test_no_command_slips_through_while_the_site_is_taken_over(folder: Path, tmp_path: Path):
    """Commands of the old owner keep starting; once the new owner has its answer, none runs and none starts."""
    log = tmp_path / "log"
    old = acquired("ann", ttl_seconds=1)
    line = commands.fenced(old, ["sh", "-c", f"while :; do echo >> {log}; sleep 0.01; done"])
    spawn = (
        "import subprocess, sys, time\n"
        "while True:\n"
        "    subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL, start_new_session=True)\n"
        "    time.sleep(0.03)\n"
    )
    spawner = subprocess.Popen([sys.executable, "-c", spawn, *line])
    try:
        wait_until(lambda: len(find_marked(folder)) > 5)
        acquired_later("bob", within_seconds=20)
        size = log.stat().st_size
        time.sleep(1)
        assert log.stat().st_size == size > 0
    finally:
        spawner.kill()
        spawner.wait()


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_lease_of_an_earlier_boot_is_dead_at_once():
    """Another process 1 is another boot: that is what a restarted machine is, also in a container."""
    inside = ["sudo", "-n", "unshare", "--pid", "--fork", "--mount-proc"]
    assert run([*inside, *commands.acquire(request("ann").render(), 45)]).returncode == 0
    assert show()["alive"] is False
    assert acquired("bob") == show()["token"]


@pytest.mark.parametrize("wall_seconds", [-(10**6), 10**6])
def test_a_step_of_the_clock_neither_ends_nor_prolongs_a_lease(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wall_seconds: int
):
    token = acquired("ann", ttl_seconds=3)
    real = time.time
    monkeypatch.setattr(lease.time, "time_ns", lambda: int(real() + wall_seconds) * 10**9)
    for file in folder.iterdir():
        os.utime(file, (real() - wall_seconds, real() - wall_seconds))
    assert lease.describe(folder)["alive"] is True
    time.sleep(3.1)
    assert lease.describe(folder)["alive"] is False
    assert acquired("bob") > token


@pytest.mark.parametrize("shift_seconds", ["100000", "-1000"])
def test_a_heartbeat_from_the_future_or_long_ago_is_none(shift_seconds: str):
    acquired("ann")
    later = ["sudo", "-n", "unshare", "--time", "--boottime", shift_seconds]
    if shift_seconds.startswith("-") and lease.read_boot_clock() < 1100:
        later[-1] = "-" + str(int(lease.read_boot_clock()) - 1)
    assert json.loads(run([*later, *commands.show()]).stdout)["alive"] is False


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_does_not_cost_the_holder_its_lease(folder: Path, content: bytes):
    token = acquired("ann")
    (folder / "lease.json").write_bytes(content)
    refused = acquire("bob")
    assert refused.returncode == commands.HELD
    assert "lease.json is damaged" in json.loads(refused.stderr)["owner"]
    assert run(commands.fenced(token, ["true"])).returncode == 0
    assert (renew(token), release(token)) == (0, 0)


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("name", ["lease.json", "token", "heartbeat"])
def test_damaged_files_stand_in_nobodys_way(folder: Path, name: str, content: bytes):
    before = acquired("ann", ttl_seconds=0.1)
    time.sleep(0.2)
    if name == "lease.json":  # it says for how long the lease is good
        release(before)
    (folder / name).write_bytes(content)
    after = acquired("bob")
    assert after > before
    assert (renew(after), show()["owner"]) == (0, "bob@laptop")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    subprocess.run(["sudo", "-n", "mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["sudo", "-n", "umount", folder], check=True)


def fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 512)
        except OSError:
            return


def test_a_full_disk_is_told_in_one_message(small_disk: Path):
    fill(small_disk)
    refused = acquire()
    assert refused.returncode == 1
    assert refused.stderr.startswith("The disk of the VM is full") and "docker image prune" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_disk_that_fills_up_does_not_cost_the_holder_its_lease(small_disk: Path):
    token = acquired("ann", ttl_seconds=6)
    fill(small_disk)
    for _ in range(14):
        time.sleep(0.5)
        assert renew(token) == 0
    assert acquire("bob").returncode == commands.HELD
    assert release(token) == 0
    (small_disk / "ballast").unlink()
    assert acquired("bob") > token
