"""Instances that exist: read, rename, start, stop, reset."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from sandbox.cloud.compute.models import Instance
from sandbox.cloud.errors import incorrect_state, invalid_parameter
from sandbox.cloud.routing import Here, IfMatch, Listing, OciRoute, show, show_resources
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import TaggedDetails
from sandbox.cloud.work_requests import fail_work_request, finish_work_request, open_work_request

router = APIRouter(prefix="/20160918", route_class=OciRoute)

Action = Literal["START", "STOP", "SOFTSTOP", "RESET", "SOFTRESET"]
_FIXED_METADATA = ("ssh_authorized_keys", "user_data")


class UpdateInstanceDetails(TaggedDetails):
    metadata: dict[str, str] | None = None


@router.get("/instances")
async def list_instances(here: Here, listing: Annotated[Listing, Query()]) -> JSONResponse:
    for instance in here.store.all(Instance):
        await observe(here, instance)
    return show_resources(here, here.store.all(Instance), listing)


@router.get("/instances/{instance_id}")
async def get_instance(here: Here, instance_id: str) -> JSONResponse:
    instance = here.store.get(Instance, instance_id)
    await observe(here, instance)
    return show(instance)


async def observe(here: Cloud, instance: Instance) -> None:
    """A machine may have been shut down from inside: then it is STOPPED, whatever was last asked of it."""
    if instance.is_busy or instance.lifecycle_state not in ("RUNNING", "STOPPED"):
        return
    (is_running,) = await asyncio.gather(
        asyncio.to_thread(here.machines.is_running, instance.machine), return_exceptions=True
    )
    if instance.is_busy:
        return
    seen, other = ("RUNNING", "STOPPED") if is_running is True else ("STOPPED", "RUNNING")
    here.store.move(instance, other, seen)


@router.put("/instances/{instance_id}")
async def update_instance(
    here: Here, instance_id: str, details: UpdateInstanceDetails, if_match: IfMatch = None
) -> JSONResponse:
    instance = here.store.get(Instance, instance_id, if_match)
    metadata = instance.metadata if details.metadata is None else details.metadata
    for key in _FIXED_METADATA:
        if metadata.get(key) != instance.metadata.get(key):
            raise invalid_parameter(f"metadata: {key} cannot be changed after the launch.")
    return show(here.store.change(instance, metadata=metadata, **details.given_names_and_tags()))


@router.post("/instances/{instance_id}")
async def instance_action(
    here: Here, instance_id: str, action: Annotated[Action, Query()], if_match: IfMatch = None
) -> JSONResponse:
    instance = here.store.get(Instance, instance_id, if_match)
    await observe(here, instance)
    needed = "STOPPED" if action == "START" else "RUNNING"
    if instance.lifecycle_state != needed:
        raise incorrect_state(f"The instance is {instance.lifecycle_state}; {action} needs it to be {needed}.")
    passing, final = _STATES[action]
    here.store.change(instance, lifecycle_state=passing, is_busy=True)
    here.lifecycle.spawn(_act(here, instance, _machine_call(here, instance, action), action, passing, final))
    return show(instance)


_STATES: dict[Action, tuple[str, str]] = {
    "START": ("STARTING", "RUNNING"),
    "STOP": ("STOPPING", "STOPPED"),
    "SOFTSTOP": ("STOPPING", "STOPPED"),
    "RESET": ("STARTING", "RUNNING"),
    "SOFTRESET": ("STARTING", "RUNNING"),
}


def _machine_call(here: Cloud, instance: Instance, action: Action) -> Callable[[], None]:
    machines, name, graceful = here.machines, instance.machine, action.startswith("SOFT")
    if action == "START":
        return partial(machines.start, name)
    if action.endswith("STOP"):
        return partial(machines.stop, name, graceful=graceful)
    return partial(machines.reset, name, graceful=graceful)


async def _act(
    here: Cloud, instance: Instance, call: Callable[[], None], action: Action, passing: str, final: str
) -> None:
    work_request = open_work_request(here, f"{action.title()}Instance", instance, "instance", "instances")
    await here.lifecycle.pause()
    async with here.turn_of(instance.machine):
        here.traffic.close(instance.machine)
        (failure,) = await asyncio.gather(asyncio.to_thread(call), return_exceptions=True)
        if failure is not None:
            fail_work_request(here, work_request, f"{action} failed: {failure}")
        else:
            finish_work_request(here, work_request, "UPDATED")
        if final == "RUNNING" and failure is None:
            here.traffic.open(instance.machine)
            await here.traffic.apply()
        here.store.move(instance, passing, final)
        instance.is_busy = instance.lifecycle_state != final
