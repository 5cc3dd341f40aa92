"""When a worker starts, no run of its pool can be alive on this machine: those still called running are ended at once."""

import socket
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from deployments.server import open_server

UNDER_WAY = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
MESSAGE = "The worker that ran it stopped (restart, reboot or power cut). Start it again: every flow can be run twice."


def reconcile_pool(pool: str) -> None:
    with open_server() as client:
        if not is_there(client, pool):
            return
        if others := read_other_workers(client, pool):
            print(f"runs of pool {pool} are left to the heartbeat automation: also served by {', '.join(others)}")
            return
        for run in read_under_way(client, pool):
            end(client, run)


def is_there(client: SyncPrefectClient, pool: str) -> bool:
    """False before the first registration: then there are no runs either."""
    try:
        client.read_work_pool(pool)
    except ObjectNotFound:
        return False
    return True


def read_other_workers(client: SyncPrefectClient, pool: str) -> list[str]:
    """Workers of the pool on other machines that are alive: the runs may be theirs."""
    ours = socket.gethostname()
    workers = client.read_workers_for_work_pool(pool)
    return [worker.name for worker in workers if worker.status == WorkerStatus.ONLINE and worker.name != ours]


def read_under_way(client: SyncPrefectClient, pool: str) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=_under_way()),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
    )


def read_children(client: SyncPrefectClient, parent: UUID) -> list[FlowRun]:
    wanted = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent]), state=_under_way())
    return client.read_flow_runs(flow_run_filter=wanted)


def end(client: SyncPrefectClient, run: FlowRun) -> None:
    """Crashed, or Cancelled when that was already asked for; its subflows first."""
    for child in read_children(client, run.id):
        end(client, child)
    is_cancelling = run.state_type == StateType.CANCELLING
    state: State[Any] = Cancelled(message=MESSAGE) if is_cancelling else Crashed(message=MESSAGE)
    client.set_flow_run_state(run.id, state, force=True)
    print(f"ended {run.name}: {MESSAGE}")


def _under_way() -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY))
