"""Work requests: how far a launch or a termination has got, and why it failed."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from sandbox.cloud.routing import Here, OciRoute, Paging, show_list
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import Resource, Wire, now

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class WorkRequestResource(Wire):
    action_type: str
    entity_type: str
    identifier: str
    entity_uri: str


class WorkRequestError(Wire):
    code: str
    message: str
    timestamp: datetime


class WorkRequestLogEntry(Wire):
    message: str
    timestamp: datetime


class WorkRequest(Resource):
    """OCI names the state of a work request `status` and its birth `timeAccepted`."""

    lifecycle_state: str = "IN_PROGRESS"
    operation_type: str
    resources: list[WorkRequestResource]
    percent_complete: float = 0
    time_started: datetime | None = None
    time_finished: datetime | None = None
    errors: list[WorkRequestError] = Field(default_factory=list)
    logs: list[WorkRequestLogEntry] = Field(default_factory=list)


class WorkRequestListing(Paging):
    compartment_id: str
    resource_id: str | None = None


def open_work_request(here: Cloud, operation: str, resource: Resource, entity_type: str, path: str) -> WorkRequest:
    entity = WorkRequestResource(
        action_type="IN_PROGRESS",
        entity_type=entity_type,
        identifier=resource.id,
        entity_uri=f"/20160918/{path}/{resource.id}",
    )
    request = WorkRequest(
        id=here.new_id("coreservicesworkrequest"),
        compartment_id=resource.compartment_id,
        operation_type=operation,
        resources=[entity],
        time_started=now(),
    )
    request.logs.append(WorkRequestLogEntry(message=f"{operation} accepted", timestamp=now()))
    return here.store.add(request)


def finish_work_request(here: Cloud, request: WorkRequest, action: str) -> None:
    request.resources[0].action_type = action
    here.store.change(request, lifecycle_state="SUCCEEDED", percent_complete=100, time_finished=now())


def fail_work_request(here: Cloud, request: WorkRequest, message: str) -> None:
    request.errors.append(WorkRequestError(code="InternalError", message=message, timestamp=now()))
    here.store.change(request, lifecycle_state="FAILED", percent_complete=100, time_finished=now())


class WorkRequestView(Wire):
    id: str
    compartment_id: str
    operation_type: str
    status: str
    resources: list[WorkRequestResource]
    percent_complete: float
    time_accepted: datetime
    time_started: datetime | None
    time_finished: datetime | None


def _view(request: WorkRequest) -> WorkRequestView:
    own = request.model_dump(exclude={"errors", "logs", "lifecycle_state", "time_created"})
    return WorkRequestView(**own, status=request.lifecycle_state, time_accepted=request.time_created)


@router.get("/workRequests/{work_request_id}")
async def get_work_request(here: Here, work_request_id: str) -> JSONResponse:
    request = here.store.get(WorkRequest, work_request_id)
    content = _view(request).model_dump(mode="json", by_alias=True)
    return JSONResponse(content, headers={"etag": request.etag})


@router.get("/workRequests")
async def list_work_requests(here: Here, listing: Annotated[WorkRequestListing, Query()]) -> JSONResponse:
    here.check_compartment(listing.compartment_id)
    rows = [
        request
        for request in reversed(here.store.all(WorkRequest))
        if request.compartment_id == listing.compartment_id
        and listing.resource_id in (None, request.resources[0].identifier)
    ]
    return show_list([_view(row) for row in rows], listing)


@router.get("/workRequests/{work_request_id}/errors")
async def list_work_request_errors(here: Here, work_request_id: str) -> JSONResponse:
    return show_list(here.store.get(WorkRequest, work_request_id).errors, Paging())


@router.get("/workRequests/{work_request_id}/logs")
async def list_work_request_logs(here: Here, work_request_id: str) -> JSONResponse:
    return show_list(here.store.get(WorkRequest, work_request_id).logs, Paging())
