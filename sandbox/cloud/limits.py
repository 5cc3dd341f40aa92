"""The limits service: what the tenancy may have, and how much of it is in use, counted from what exists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from sandbox.cloud.block_storage.models import BootVolume
from sandbox.cloud.compute.catalogue import A1_FLEX, E2_MICRO
from sandbox.cloud.compute.models import GONE, Instance
from sandbox.cloud.config import ServiceLimits
from sandbox.cloud.errors import invalid_parameter, limit_exceeded, missing_parameter, not_found
from sandbox.cloud.network.models import PublicIp, Vcn
from sandbox.cloud.routing import CompartmentId, Here, OciRoute, Paging, show_list
from sandbox.cloud.state import Cloud
from sandbox.cloud.store import Store
from sandbox.cloud.wire import Wire

router = APIRouter(prefix="/20190729", route_class=OciRoute)

Usage = Callable[[Store, str | None], float]


@dataclass(frozen=True)
class Limit:
    """`used` counts in one availability domain, or in the whole region when it is given None."""

    service: str
    name: str
    scope: Literal["AD", "REGION"]
    value: Callable[[ServiceLimits], int]
    used: Usage


def _instances(store: Store, shape: str, availability_domain: str | None) -> list[Instance]:
    return [
        row
        for row in store.all(Instance)
        if row.shape == shape
        and row.lifecycle_state != "TERMINATED"
        and availability_domain in (None, row.availability_domain)
    ]


def _a1_cores(store: Store, availability_domain: str | None) -> float:
    return sum(row.shape_config.ocpus for row in _instances(store, A1_FLEX.name, availability_domain))


def _a1_memory(store: Store, availability_domain: str | None) -> float:
    return sum(row.shape_config.memory_in_gbs for row in _instances(store, A1_FLEX.name, availability_domain))


def _e2_micros(store: Store, availability_domain: str | None) -> float:
    return len(_instances(store, E2_MICRO.name, availability_domain))


def _vcns(store: Store, _: str | None) -> float:
    return len([row for row in store.all(Vcn) if row.lifecycle_state not in GONE])


def _reserved_public_ips(store: Store, _: str | None) -> float:
    return len([row for row in store.all(PublicIp) if row.lifetime == "RESERVED" and row.lifecycle_state not in GONE])


def _storage(store: Store, availability_domain: str | None) -> float:
    return sum(
        row.size_in_gbs
        for row in store.all(BootVolume)
        if row.lifecycle_state not in GONE and availability_domain in (None, row.availability_domain)
    )


LIMITS = (
    Limit("compute", "standard-a1-core-count", "AD", lambda limits: limits.a1_cores, _a1_cores),
    Limit("compute", "standard-a1-memory-count", "AD", lambda limits: limits.a1_memory_in_gbs, _a1_memory),
    Limit("compute", "standard-a1-core-regional-count", "REGION", lambda limits: limits.a1_cores, _a1_cores),
    Limit("compute", "standard-a1-memory-regional-count", "REGION", lambda limits: limits.a1_memory_in_gbs, _a1_memory),
    Limit("compute", "vm-standard-e2-1-micro-count", "AD", lambda limits: limits.e2_micro_instances, _e2_micros),
    Limit("compute", "standard-e5-core-count", "AD", lambda _: 0, lambda *_: 0),
    Limit("vcn", "vcn-count", "REGION", lambda limits: limits.vcns, _vcns),
    Limit("vcn", "reserved-public-ip-count", "REGION", lambda limits: limits.reserved_public_ips, _reserved_public_ips),
    # The free allowance is for the whole region, so an availability domain's volumes count against all of it.
    Limit(
        "block-storage",
        "total-storage-gb",
        "AD",
        lambda limits: limits.block_storage_in_gbs,
        lambda s, _: _storage(s, None),
    ),
)
SERVICES = {"compute": "Compute", "vcn": "Virtual Cloud Network", "block-storage": "Block Volume"}


def check_limits(
    limits: ServiceLimits, store: Store, additions: Mapping[str, float], availability_domain: str | None = None
) -> None:
    """400 LimitExceeded with every limit that these additions, by limit name, would break."""
    exceeded = [
        limit.name
        for limit in LIMITS
        if limit.name in additions
        and additions[limit.name] > 0
        and limit.used(store, availability_domain if limit.scope == "AD" else None) + additions[limit.name]
        > limit.value(limits)
    ]
    if exceeded:
        raise limit_exceeded(exceeded)


class ServiceSummary(Wire):
    name: str
    description: str


class LimitValueSummary(Wire):
    name: str
    scope_type: str
    availability_domain: str | None = None
    value: int


class LimitDefinitionSummary(Wire):
    name: str
    service_name: str
    description: str
    scope_type: str
    are_quotas_supported: bool = True
    is_resource_availability_supported: bool = True


class ResourceAvailability(Wire):
    used: int
    available: int
    fractional_usage: float
    fractional_availability: float
    effective_quota_value: float | None = None


class LimitListing(Paging):
    compartment_id: str
    service_name: str | None = None
    scope_type: str | None = None
    availability_domain: str | None = None
    name: str | None = None
    sort_by: str | None = None
    sort_order: str | None = None


LimitQuery = Annotated[LimitListing, Query()]


@router.get("/services")
async def list_services(here: Here, listing: LimitQuery) -> JSONResponse:
    _check_tenancy(here, listing.compartment_id)
    return show_list([ServiceSummary(name=name, description=text) for name, text in sorted(SERVICES.items())], listing)


@router.get("/limitDefinitions")
async def list_limit_definitions(here: Here, listing: LimitQuery) -> JSONResponse:
    _check_tenancy(here, listing.compartment_id)
    rows = [
        LimitDefinitionSummary(
            name=limit.name, service_name=limit.service, description=limit.name, scope_type=limit.scope
        )
        for limit in LIMITS
        if listing.service_name in (None, limit.service) and listing.name in (None, limit.name)
    ]
    return show_list(rows, listing)


@router.get("/limitValues")
async def list_limit_values(here: Here, listing: LimitQuery) -> JSONResponse:
    _check_tenancy(here, listing.compartment_id)
    if listing.service_name is None:
        raise missing_parameter("serviceName is required.")
    wanted = [limit for limit in LIMITS if limit.service == listing.service_name and listing.name in (None, limit.name)]
    rows = [row for limit in wanted for row in _values(here, limit) if _matches(row, listing)]
    return show_list(rows, listing)


def _values(here: Cloud, limit: Limit) -> list[LimitValueSummary]:
    places = here.config.availability_domains if limit.scope == "AD" else (None,)
    value = limit.value(here.config.limits)
    return [
        LimitValueSummary(name=limit.name, scope_type=limit.scope, availability_domain=place, value=value)
        for place in places
    ]


def _matches(row: LimitValueSummary, listing: LimitListing) -> bool:
    return listing.scope_type in (None, row.scope_type) and listing.availability_domain in (
        None,
        row.availability_domain,
    )


@router.get("/services/{service_name}/limits/{limit_name}/resourceAvailability")
async def get_resource_availability(
    here: Here,
    service_name: str,
    limit_name: str,
    compartment_id: CompartmentId,
    availability_domain: Annotated[str | None, Query(alias="availabilityDomain")] = None,
) -> JSONResponse:
    here.check_compartment(compartment_id)
    limit = _get_limit(service_name, limit_name)
    if limit.scope == "AD" and availability_domain is None:
        raise missing_parameter("availabilityDomain is required for a limit of scope AD.")
    if limit.scope == "REGION" and availability_domain is not None:
        raise invalid_parameter("availabilityDomain: the limit is of scope REGION.")
    if availability_domain is not None:
        here.check_availability_domain(availability_domain)
    used = limit.used(here.store, availability_domain)
    left = max(limit.value(here.config.limits) - used, 0)
    availability = ResourceAvailability(
        used=int(used), available=int(left), fractional_usage=used, fractional_availability=left
    )
    return JSONResponse(availability.model_dump(by_alias=True))


def _get_limit(service_name: str, limit_name: str) -> Limit:
    for limit in LIMITS:
        if (limit.service, limit.name) == (service_name, limit_name):
            return limit
    raise not_found()


def _check_tenancy(here: Cloud, compartment_id: str) -> None:
    """Limits belong to the root compartment alone."""
    if compartment_id != here.config.tenancy_id:
        raise not_found()
