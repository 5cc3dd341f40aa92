"""Public IPs: reserved ones outlive the machines that they point at, ephemeral ones do not."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from sandbox.cloud.errors import (
    conflict,
    incorrect_state,
    internal_error,
    invalid_parameter,
    missing_parameter,
    not_found,
)
from sandbox.cloud.limits import check_limits
from sandbox.cloud.network.crud import common_fields
from sandbox.cloud.network.models import PrivateIp, PublicIp, Subnet, Vnic
from sandbox.cloud.routing import Here, IfMatch, OciRoute, Paging, no_content, show, show_list
from sandbox.cloud.state import Cloud
from sandbox.cloud.store import Store
from sandbox.cloud.wire import Details, TaggedDetails, default_display_name

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class CreatePublicIpDetails(TaggedDetails):
    compartment_id: str
    lifetime: Literal["EPHEMERAL", "RESERVED"]
    private_ip_id: str | None = None


class UpdatePublicIpDetails(TaggedDetails):
    """An empty `private_ip_id` unassigns."""

    private_ip_id: str | None = None


class ByIpAddress(Details):
    ip_address: str


class ByPrivateIp(Details):
    private_ip_id: str


class PublicIpListing(Paging):
    scope: Literal["REGION", "AVAILABILITY_DOMAIN"]
    compartment_id: str
    availability_domain: str | None = None
    lifetime: Literal["EPHEMERAL", "RESERVED"] | None = None


@router.post("/publicIps")
async def create_public_ip(here: Here, details: CreatePublicIpDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    private_ip = _assignable(here, details.private_ip_id) if details.private_ip_id else None
    if details.lifetime == "EPHEMERAL" and private_ip is None:
        raise missing_parameter("privateIpId is required for an ephemeral public IP.")
    if details.lifetime == "RESERVED":
        check_limits(here.config.limits, here.store, {"reserved-public-ip-count": 1})
    public_ip = PublicIp(
        **common_fields(here, "publicip", details),
        compartment_id=details.compartment_id,
        ip_address=_free_address(here),
        lifetime=details.lifetime,
        scope="REGION" if details.lifetime == "RESERVED" else "AVAILABILITY_DOMAIN",
        availability_domain=private_ip.availability_domain if private_ip and details.lifetime == "EPHEMERAL" else None,
    )
    here.store.add(public_ip)
    if private_ip:
        _assign(here, public_ip, private_ip)
        await here.traffic.apply()
    else:
        here.lifecycle.settle(public_ip, "AVAILABLE")
    return show(public_ip)


def _free_address(here: Cloud) -> str:
    taken = {row.ip_address for row in here.store.all(PublicIp)}
    free = [address for address in here.config.public_addresses if address not in taken]
    if not free:
        raise internal_error("The sandbox has no public address left: give it a larger pool.")
    return free[0]


def _assignable(here: Cloud, private_ip_id: str) -> PrivateIp:
    private_ip = here.store.get(PrivateIp, private_ip_id)
    if here.store.get(Subnet, private_ip.subnet_id).prohibit_public_ip_on_vnic:
        raise invalid_parameter(f"The subnet of private IP {private_ip.id} prohibits public IPs.")
    other = find_public_ip(here.store, private_ip)
    if other:
        raise conflict(f"Private IP {private_ip.id} is already assigned public IP {other.ip_address}.")
    return private_ip


def find_public_ip(store: Store, private_ip: PrivateIp) -> PublicIp | None:
    return next((row for row in store.all(PublicIp) if row.private_ip_id == private_ip.id), None)


def _assign(here: Cloud, public_ip: PublicIp, private_ip: PrivateIp) -> None:
    here.store.change(
        public_ip,
        private_ip_id=private_ip.id,
        assigned_entity_id=private_ip.id,
        assigned_entity_type="PRIVATE_IP",
        lifecycle_state="ASSIGNING",
    )
    here.store.change(here.store.get(Vnic, private_ip.vnic_id), public_ip=public_ip.ip_address)
    here.lifecycle.settle(public_ip, "ASSIGNED")


def _unassign(here: Cloud, public_ip: PublicIp) -> None:
    private_ip = here.store.find(PrivateIp, public_ip.private_ip_id)
    vnic = here.store.find(Vnic, private_ip.vnic_id) if private_ip else None
    if vnic:
        here.store.change(vnic, public_ip=None)
    here.store.change(
        public_ip,
        private_ip_id=None,
        assigned_entity_id=None,
        assigned_entity_type=None,
        lifecycle_state="UNASSIGNING",
    )
    here.lifecycle.settle(public_ip, "AVAILABLE")


def assign_ephemeral(here: Cloud, private_ip: PrivateIp) -> PublicIp:
    """The public IP that a launch gives unless it is told not to."""
    public_ip = PublicIp(
        id=here.new_id("publicip"),
        compartment_id=private_ip.compartment_id,
        display_name=default_display_name("publicip"),
        ip_address=_free_address(here),
        lifetime="EPHEMERAL",
        scope="AVAILABILITY_DOMAIN",
        availability_domain=private_ip.availability_domain,
    )
    _assign(here, here.store.add(public_ip), private_ip)
    return public_ip


def release_public_ip(here: Cloud, private_ip: PrivateIp) -> None:
    """The private IP is about to go: its ephemeral public IP goes too, a reserved one stays."""
    public_ip = find_public_ip(here.store, private_ip)
    if public_ip is None:
        return
    _unassign(here, public_ip)
    if public_ip.lifetime == "EPHEMERAL":
        here.store.remove(public_ip)


@router.get("/publicIps")
async def list_public_ips(here: Here, listing: Annotated[PublicIpListing, Query()]) -> JSONResponse:
    here.check_compartment(listing.compartment_id)
    if listing.scope == "AVAILABILITY_DOMAIN" and listing.availability_domain is None:
        raise missing_parameter("availabilityDomain is required for scope AVAILABILITY_DOMAIN.")
    wanted = listing.model_dump(exclude_none=True, exclude={"limit", "page"})
    rows = [row for row in here.store.all(PublicIp) if all(getattr(row, key) == value for key, value in wanted.items())]
    return show_list(rows, listing)


@router.get("/publicIps/{public_ip_id}")
async def get_public_ip(here: Here, public_ip_id: str) -> JSONResponse:
    return show(here.store.get(PublicIp, public_ip_id))


@router.post("/publicIps/actions/getByIpAddress")
async def get_public_ip_by_ip_address(here: Here, details: ByIpAddress) -> JSONResponse:
    for public_ip in here.store.all(PublicIp):
        if public_ip.ip_address == details.ip_address:
            return show(public_ip)
    raise not_found()


@router.post("/publicIps/actions/getByPrivateIpId")
async def get_public_ip_by_private_ip_id(here: Here, details: ByPrivateIp) -> JSONResponse:
    public_ip = find_public_ip(here.store, here.store.get(PrivateIp, details.private_ip_id))
    if public_ip is None:
        raise not_found()
    return show(public_ip)


@router.put("/publicIps/{public_ip_id}")
async def update_public_ip(
    here: Here, public_ip_id: str, details: UpdatePublicIpDetails, if_match: IfMatch = None
) -> JSONResponse:
    public_ip = here.store.get(PublicIp, public_ip_id, if_match)
    if public_ip.lifecycle_state == "TERMINATING":
        raise incorrect_state(f"Public IP {public_ip.id} is TERMINATING.")
    if details.private_ip_id is not None:
        _move(here, public_ip, details.private_ip_id)
    here.store.change(public_ip, **details.given_names_and_tags())
    await here.traffic.apply()
    return show(public_ip)


def _move(here: Cloud, public_ip: PublicIp, private_ip_id: str) -> None:
    if public_ip.lifetime == "EPHEMERAL":
        raise invalid_parameter("An ephemeral public IP cannot be unassigned or moved; delete it instead.")
    if private_ip_id == (public_ip.private_ip_id or ""):
        return
    target = _assignable(here, private_ip_id) if private_ip_id else None
    if public_ip.private_ip_id:
        _unassign(here, public_ip)
    if target:
        _assign(here, public_ip, target)


@router.delete("/publicIps/{public_ip_id}")
async def delete_public_ip(here: Here, public_ip_id: str, if_match: IfMatch = None) -> Response:
    public_ip = here.store.get(PublicIp, public_ip_id, if_match)
    if public_ip.private_ip_id:
        _unassign(here, public_ip)
    here.lifecycle.dissolve(public_ip)
    await here.traffic.apply()
    return no_content()
