"""Console histories: the serial console at one moment, where a new machine shows its host keys."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from sandbox.cloud.compute.models import ConsoleHistory, Instance
from sandbox.cloud.errors import incorrect_state, internal_error
from sandbox.cloud.network.crud import common_fields
from sandbox.cloud.routing import Here, IfMatch, Listing, OciRoute, no_content, show, show_resources
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)

DEFAULT_LENGTH = 10240
MAX_LENGTH = 1048576


class CaptureConsoleHistoryDetails(TaggedDetails):
    instance_id: str


class ConsoleHistoryListing(Listing):
    instance_id: str | None = None


@router.post("/instanceConsoleHistories")
async def capture_console_history(here: Here, details: CaptureConsoleHistoryDetails) -> JSONResponse:
    instance = here.store.get(Instance, details.instance_id)
    if instance.is_busy or instance.lifecycle_state not in ("RUNNING", "STOPPED"):
        raise incorrect_state(f"The instance is {instance.lifecycle_state}; it has no console to read.")
    history = ConsoleHistory(
        **common_fields(here, "consolehistory", details),
        compartment_id=instance.compartment_id,
        availability_domain=instance.availability_domain,
        instance_id=instance.id,
        content=await _read_console(here, instance),
    )
    here.lifecycle.settle(here.store.add(history), "SUCCEEDED")
    return show(history)


async def _read_console(here: Cloud, instance: Instance) -> bytes:
    reading = asyncio.to_thread(here.machines.read_console, instance.machine)
    (content,) = await asyncio.gather(reading, return_exceptions=True)
    if isinstance(content, BaseException):
        raise internal_error(f"The machine {instance.machine} failed: {content!r}") from content
    return content


@router.get("/instanceConsoleHistories")
async def list_console_histories(here: Here, listing: Annotated[ConsoleHistoryListing, Query()]) -> JSONResponse:
    return show_resources(here, here.store.all(ConsoleHistory), listing)


@router.get("/instanceConsoleHistories/{history_id}")
async def get_console_history(here: Here, history_id: str) -> JSONResponse:
    return show(here.store.get(ConsoleHistory, history_id))


@router.get("/instanceConsoleHistories/{history_id}/data")
async def get_console_history_content(
    here: Here,
    history_id: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    length: Annotated[int, Query(ge=0, le=MAX_LENGTH)] = DEFAULT_LENGTH,
) -> Response:
    history = here.store.get(ConsoleHistory, history_id)
    if history.lifecycle_state != "SUCCEEDED":
        raise incorrect_state(f"The console history is {history.lifecycle_state}.")
    part = history.content[offset : offset + length]
    left = max(len(history.content) - offset - len(part), 0)
    return Response(part, media_type="text/plain", headers={"opc-bytes-remaining": str(left)})


@router.delete("/instanceConsoleHistories/{history_id}")
async def delete_console_history(here: Here, history_id: str, if_match: IfMatch = None) -> Response:
    here.store.remove(here.store.get(ConsoleHistory, history_id, if_match))
    return no_content()
