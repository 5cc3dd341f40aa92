"""The sandbox's own routes: no signature, and none of this exists in OCI."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from sandbox.cloud.capacity import CapacityPlan
from sandbox.cloud.errors import invalid_parameter
from sandbox.cloud.faults import Fault
from sandbox.cloud.routing import Here

router = APIRouter(prefix="/admin")


@router.get("/health")
async def read_health(here: Here) -> dict[str, str]:
    return {"status": "ok", "region": here.config.region}


@router.get("/requests")
async def read_requests(here: Here) -> dict[str, dict[str, int]]:
    """`calls` counts every request by operation; `changes` only those that succeeded in changing something."""
    return {"calls": dict(here.journal.calls), "changes": dict(here.journal.changes)}


@router.delete("/requests")
async def clear_requests(here: Here) -> None:
    here.journal.clear()


@router.get("/faults")
async def list_faults(here: Here) -> list[Fault]:
    return here.faults.waiting


@router.post("/faults")
async def queue_fault(here: Here, request: Request, fault: Fault) -> Fault:
    if fault.operation is not None and fault.operation not in request.app.state.operations:
        raise invalid_parameter(f"operation: {fault.operation} is not one of the sandbox's.")
    here.faults.queue(fault)
    return fault


@router.get("/capacity")
async def read_capacity(here: Here) -> CapacityPlan:
    return here.capacity.plan


@router.put("/capacity")
async def replace_capacity(here: Here, plan: CapacityPlan) -> CapacityPlan:
    for place in plan.exhausted:
        if place.availability_domain is not None:
            here.check_availability_domain(place.availability_domain)
    here.capacity.plan = plan
    return plan


@router.post("/reset")
async def reset(here: Here) -> JSONResponse:
    """No faults, room everywhere, counts at nothing; what was created stays."""
    here.faults.clear()
    here.capacity.reset()
    here.journal.clear()
    return JSONResponse({"status": "reset"})
