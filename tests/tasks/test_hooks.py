"""Hooks here and over SSH: their order, their environment, and what is said of one that fails."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from prefect import flow
from prefect.client.schemas.objects import State

from resonant import remote
from resonant.errors import HookFailed
from resonant.remote import Host
from tasks.hooks import run_hooks
from tests.flows.test_failures import read_log
from tests.sshd import Sshd, choose_free_port

pytestmark = pytest.mark.usefixtures("prefect_api")
VARIABLES = {
    "RESONANT_RELEASE": "3f2a9c1-8d01aa",
    "RESONANT_COMMIT": "3f2a9c1",
    "RESONANT_PREVIOUS_RELEASE": "",
    "RESONANT_SITE": 'it\'s a $HOME `id` "site"',
}


@pytest.fixture(params=["here", "there"])
def host(request: pytest.FixtureRequest, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(remote, "KILL_AFTER_SECONDS", 3)
    yield Host() if request.param == "here" else sshd.host
    remote.close_all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release = tmp_path / "a release"
    release.mkdir()
    return release


def run(host: Host, folder: Path, *hooks: str, timeout_seconds: float = 20) -> State:
    @flow(name="test-hooks")
    def story() -> None:
        run_hooks(host, hooks, "pre-release", str(folder), VARIABLES, timeout_seconds)

    state: State = story(return_state=True)
    return state


def failure_of(state: State) -> str:
    error = state.result(raise_on_failure=False)
    assert isinstance(error, HookFailed), error
    return str(error)


def test_they_run_in_order_in_the_releases_folder_as_root(host: Host, folder: Path):
    assert run(host, folder, "pwd > told; id -u >> told", "echo second >> told").is_completed()
    assert (folder / "told").read_text() == f"{folder}\n0\nsecond\n"


def test_they_know_the_release_and_their_words_stay_their_own(host: Host, folder: Path):
    hook = 'printf "%s|" "$RESONANT_RELEASE" "$RESONANT_COMMIT" "${RESONANT_PREVIOUS_RELEASE?}" "$RESONANT_SITE" > told'
    assert run(host, folder, hook).is_completed()
    assert (folder / "told").read_text() == f"3f2a9c1-8d01aa|3f2a9c1||{VARIABLES['RESONANT_SITE']}|"


def test_both_streams_are_in_the_runs_log_line_by_line(host: Host, folder: Path):
    state = run(host, folder, "echo to stdout; echo to stderr >&2; echo and again")
    lines = read_log(state, waiting_for="\nand again").splitlines()
    assert [line for line in lines if line in ("to stdout", "to stderr", "and again")] == [
        "to stdout",
        "to stderr",
        "and again",
    ]


def test_the_first_that_fails_is_named_and_the_last_that_ran(host: Host, folder: Path):
    state = run(host, folder, "true", "echo the disk is full >&2; exit 3", "touch reached")
    assert failure_of(state) == (
        "The pre-release hook 2 of 3, `echo the disk is full >&2; exit 3`, failed with exit code 3. Its last lines:\n"
        "the disk is full"
    )
    assert list(folder.iterdir()) == []


def test_one_that_prints_nothing_is_said_to(host: Host, folder: Path):
    assert failure_of(run(host, folder, "exit 124")).endswith(
        "failed with exit code 124. Its last lines:\n(it printed nothing)"
    )


@pytest.mark.parametrize("before", ["", "trap '' TERM; "])
def test_one_that_hangs_is_ended_with_all_its_children(host: Host, folder: Path, before: str):
    duration = f"300.{choose_free_port()}"
    started = time.monotonic()
    state = run(host, folder, f"{before}echo begun; sleep {duration} | cat", timeout_seconds=1)
    assert time.monotonic() - started < 20
    assert "was not done after 1 s. Its last lines:\nbegun" in failure_of(state)
    assert [entry for entry in psutil.process_iter(["cmdline"]) if duration in (entry.info["cmdline"] or [])] == []


def test_no_hooks_no_work(folder: Path):
    assert run(Host("203.0.113.1"), folder).is_completed()
