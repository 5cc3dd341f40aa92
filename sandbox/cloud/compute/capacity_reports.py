"""Capacity reports: what a launch would find, as far as anybody knows beforehand."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from sandbox.cloud.compute.catalogue import SHAPES
from sandbox.cloud.config import FAULT_DOMAINS
from sandbox.cloud.errors import invalid_parameter
from sandbox.cloud.routing import Here, OciRoute
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import Details, now

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class CapacityShapeConfig(Details):
    ocpus: float | None = None
    memory_in_gbs: float | None = None
    nvmes: int | None = None
    baseline_ocpu_utilization: str | None = None


class AskedShape(Details):
    instance_shape: str
    fault_domain: str | None = None
    instance_shape_config: CapacityShapeConfig | None = None


class CreateComputeCapacityReportDetails(Details):
    compartment_id: str
    availability_domain: str
    shape_availabilities: list[AskedShape] = Field(min_length=1)


class AnsweredShape(AskedShape):
    availability_status: str
    available_count: int | None = None


@router.post("/computeCapacityReports")
async def create_compute_capacity_report(here: Here, details: CreateComputeCapacityReportDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    here.check_availability_domain(details.availability_domain)
    answers = [_answer(here, details.availability_domain, asked) for asked in details.shape_availabilities]
    report = {
        "compartmentId": details.compartment_id,
        "availabilityDomain": details.availability_domain,
        "shapeAvailabilities": [answer.model_dump(by_alias=True) for answer in answers],
        "timeCreated": now().isoformat(),
    }
    return JSONResponse(report)


def _answer(here: Cloud, availability_domain: str, asked: AskedShape) -> AnsweredShape:
    if asked.instance_shape not in SHAPES:
        raise invalid_parameter(f"instanceShape: {asked.instance_shape} is unknown.")
    if asked.fault_domain not in (None, *FAULT_DOMAINS):
        raise invalid_parameter(f"faultDomain: {asked.fault_domain} is unknown in {availability_domain}.")
    return AnsweredShape(**asked.model_dump(), availability_status=_status(here, availability_domain, asked))


def _status(here: Cloud, availability_domain: str, asked: AskedShape) -> str:
    if not here.capacity.is_supported(asked.instance_shape, availability_domain):
        return "HARDWARE_NOT_SUPPORTED"
    free = here.capacity.free_fault_domains(availability_domain, asked.fault_domain)
    return "AVAILABLE" if free else "OUT_OF_HOST_CAPACITY"
