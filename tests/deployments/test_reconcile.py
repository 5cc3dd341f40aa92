"""What a worker's start and its drain do to the runs of its pool, on a real server."""

import os
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Completed, Pending, Running, Scheduled, State

from deployments.drain import drain_pool
from deployments.reconcile import reconcile_pool
from resonant.errors import NotReady
from tests.prefect_server import PrefectServer

POOL, OTHER_POOL = "reconciled", "somebody-elses"


@flow(name="test-reconcile")
def story() -> None: ...


@task
def calls_a_subflow() -> None: ...


class Runs:
    """Runs on the server, put into the states that a crash leaves them in."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client = client
        flow_id = client.create_flow(story)
        for pool in (POOL, OTHER_POOL):
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        self.deployments = {
            pool: client.create_deployment(flow_id, f"of-{pool}", work_pool_name=pool) for pool in (POOL, OTHER_POOL)
        }

    def remove(self) -> None:
        for pool, deployment in self.deployments.items():
            self.client.delete_deployment(deployment)
            self.client.delete_work_pool(pool)

    def in_state(self, state: State, pool: str = POOL) -> UUID:
        run = self.client.create_flow_run_from_deployment(self.deployments[pool])
        self.client.set_flow_run_state(run.id, state, force=True)
        return run.id

    def child_of(self, parent: UUID, state: State) -> UUID:
        call = self.client.create_task_run(calls_a_subflow, parent, dynamic_key=str(time.time()))
        run = self.client.create_flow_run(story, parent_task_run_id=call.id)
        self.client.set_flow_run_state(run.id, state, force=True)
        return run.id

    def state_of(self, run: UUID) -> str:
        found: FlowRun = self.client.read_flow_run(run)
        return found.state.name


@pytest.fixture
def runs(prefect_api: PrefectServer) -> Iterator[Runs]:
    with get_client(sync_client=True) as client:
        runs = Runs(client)
        yield runs
        runs.remove()


@pytest.mark.parametrize("left", [Running(), Pending(), Pending(name="Submitting")], ids=str)
def test_a_run_whose_worker_died_is_crashed_at_once(runs: Runs, left: State):
    run = runs.in_state(left)
    reconcile_pool(POOL)
    assert runs.state_of(run) == "Crashed"


def test_its_subflows_and_theirs_end_with_it(runs: Runs):
    parent = runs.in_state(Running())
    child = runs.child_of(parent, Running())
    grandchild, done = runs.child_of(child, Running()), runs.child_of(parent, Completed())
    reconcile_pool(POOL)
    assert [runs.state_of(run) for run in (parent, child, grandchild, done)] == [
        "Crashed",
        "Crashed",
        "Crashed",
        "Completed",
    ]


def test_a_run_that_was_being_cancelled_is_cancelled(runs: Runs):
    run = runs.in_state(Cancelling())
    reconcile_pool(POOL)
    assert runs.state_of(run) == "Cancelled"


def test_what_waits_or_belongs_to_another_pool_is_left_alone(runs: Runs):
    waiting, done, foreign = (
        runs.in_state(Scheduled()),
        runs.in_state(Completed()),
        runs.in_state(Running(), OTHER_POOL),
    )
    reconcile_pool(POOL)
    assert [runs.state_of(run) for run in (waiting, done, foreign)] == ["Scheduled", "Completed", "Running"]


def test_runs_may_be_those_of_a_worker_on_another_machine(runs: Runs, capsys: pytest.CaptureFixture[str]):
    runs.client.send_worker_heartbeat(POOL, "another-machine", heartbeat_interval_seconds=30)
    run = runs.in_state(Running())
    reconcile_pool(POOL)
    assert runs.state_of(run) == "Running"
    assert "another-machine" in capsys.readouterr().out


def test_a_pool_that_is_not_there_yet_has_nothing_to_end(prefect_api: PrefectServer):
    reconcile_pool("never-made")


@pytest.fixture
def stopped_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `systemctl` that writes down what it was asked."""
    log, program = tmp_path / "asked", tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    program.chmod(0o755)
    log.touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return log


def test_a_drain_waits_for_the_run_under_way_and_hands_out_no_other(runs: Runs, stopped_units: Path):
    run = runs.in_state(Running())
    # Prefect's settings belong to the context of a thread.
    drain = threading.Thread(target=copy_context().run, args=(drain_pool, POOL, "worker.service", 30))
    drain.start()
    time.sleep(2)
    assert runs.client.read_work_pool(POOL).is_paused and stopped_units.read_text() == ""
    runs.client.set_flow_run_state(run, Completed(), force=True)
    drain.join(20)
    assert stopped_units.read_text() == "stop worker.service\n"
    assert not runs.client.read_work_pool(POOL).is_paused


def test_a_drain_that_takes_too_long_stops_nothing(runs: Runs, stopped_units: Path):
    runs.in_state(Running())
    with pytest.raises(NotReady, match="Cancel them in the UI"):
        drain_pool(POOL, "worker.service", 1)
    assert stopped_units.read_text() == ""
    assert not runs.client.read_work_pool(POOL).is_paused
