"""The identity service: who and where we are. Nothing here can be changed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from sandbox.cloud.config import FAULT_DOMAINS, Account
from sandbox.cloud.errors import not_found
from sandbox.cloud.routing import CompartmentId, Here, OciRoute, Paging, show, show_list
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import Resource, Wire

router = APIRouter(prefix="/20160918", route_class=OciRoute)

_FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)


class Compartment(Resource):
    name: str
    description: str
    lifecycle_state: str = "ACTIVE"
    is_accessible: bool = True
    freeform_tags: dict[str, str] = Field(default_factory=dict)


class Tenancy(Wire):
    id: str
    name: str
    description: str
    home_region_key: str


class User(Resource):
    name: str
    description: str
    email: str
    lifecycle_state: str = "ACTIVE"


class RegionSubscription(Wire):
    region_key: str
    region_name: str
    status: str = "READY"
    is_home_region: bool = True


class AvailabilityDomain(Wire):
    id: str
    name: str
    compartment_id: str


class FaultDomain(AvailabilityDomain):
    availability_domain: str


class CompartmentListing(Paging):
    compartment_id: str
    compartment_id_in_subtree: bool = False
    access_level: str = "ANY"
    name: str | None = None
    lifecycle_state: str | None = None


def _compartments(here: Cloud) -> list[Compartment]:
    root = here.config.tenancy_id
    return [
        Compartment(
            id=ocid, compartment_id=root, name=name, description=f"The {name} compartment", time_created=_FOUNDED
        )
        for name, ocid in here.compartments.items()
    ]


def _root(here: Cloud) -> Compartment:
    ocid = here.config.tenancy_id
    return Compartment(id=ocid, compartment_id=ocid, name="sandbox", description="The tenancy", time_created=_FOUNDED)


def _check_tenancy(here: Cloud, tenancy_id: str) -> None:
    if tenancy_id != here.config.tenancy_id:
        raise not_found()


@router.get("/tenancies/{tenancy_id}")
async def get_tenancy(here: Here, tenancy_id: str) -> JSONResponse:
    _check_tenancy(here, tenancy_id)
    tenancy = Tenancy(
        id=tenancy_id,
        name="sandbox",
        description="A rehearsal, not Oracle Cloud",
        home_region_key=here.config.region_key,
    )
    return JSONResponse(tenancy.model_dump(by_alias=True))


@router.get("/tenancies/{tenancy_id}/regionSubscriptions")
async def list_region_subscriptions(here: Here, tenancy_id: str) -> JSONResponse:
    _check_tenancy(here, tenancy_id)
    subscription = RegionSubscription(region_key=here.config.region_key, region_name=here.config.region)
    return show_list([subscription], Paging())


@router.get("/users/{user_id}")
async def get_user(here: Here, user_id: str) -> JSONResponse:
    owner = Account(here.config.user_id, "operator", "operator@example.com")
    for account in (owner, *here.config.accounts):
        if account.user_id == user_id:
            return show(_user(here, account))
    raise not_found()


def _user(here: Cloud, account: Account) -> User:
    return User(
        id=account.user_id,
        compartment_id=here.config.tenancy_id,
        name=account.name,
        description=account.name,
        email=account.email,
        time_created=_FOUNDED,
    )


@router.get("/compartments/{compartment_id}")
async def get_compartment(here: Here, compartment_id: str) -> JSONResponse:
    for compartment in (_root(here), *_compartments(here)):
        if compartment.id == compartment_id:
            return show(compartment)
    raise not_found()


@router.get("/compartments")
async def list_compartments(here: Here, listing: Annotated[CompartmentListing, Query()]) -> JSONResponse:
    here.check_compartment(listing.compartment_id)
    rows = _compartments(here) if listing.compartment_id == here.config.tenancy_id else []
    wanted = [row for row in rows if listing.name in (None, row.name)]
    return show_list([row for row in wanted if listing.lifecycle_state in (None, row.lifecycle_state)], listing)


@router.get("/availabilityDomains")
async def list_availability_domains(here: Here, compartment_id: CompartmentId) -> JSONResponse:
    here.check_compartment(compartment_id)
    rows = [
        AvailabilityDomain(id=f"ocid1.availabilitydomain.oc1..{name.lower()}", name=name, compartment_id=compartment_id)
        for name in here.config.availability_domains
    ]
    return show_list(rows, Paging())


@router.get("/faultDomains")
async def list_fault_domains(
    here: Here,
    compartment_id: CompartmentId,
    availability_domain: Annotated[str, Query(alias="availabilityDomain")],
) -> JSONResponse:
    here.check_compartment(compartment_id)
    here.check_availability_domain(availability_domain)
    rows = [
        FaultDomain(
            id=f"ocid1.faultdomain.oc1..{availability_domain}.{name}".lower(),
            name=name,
            compartment_id=compartment_id,
            availability_domain=availability_domain,
        )
        for name in FAULT_DOMAINS
    ]
    return show_list(rows, Paging())
