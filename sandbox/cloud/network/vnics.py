"""VNICs and their private IPs: made by a launch, gone with the instance."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from sandbox.cloud.errors import invalid_parameter
from sandbox.cloud.network.models import PrivateIp, Subnet, Vnic
from sandbox.cloud.network.public_ips import release_public_ip
from sandbox.cloud.routing import Here, IfMatch, OciRoute, Paging, show, show_list
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class UpdateVnicDetails(TaggedDetails):
    hostname_label: str | None = None
    skip_source_dest_check: bool | None = None


class PrivateIpListing(Paging):
    ip_address: str | None = None
    subnet_id: str | None = None
    vnic_id: str | None = None
    ip_state: str | None = None
    lifetime: str | None = None


@router.get("/vnics/{vnic_id}")
async def get_vnic(here: Here, vnic_id: str) -> JSONResponse:
    return show(here.store.get(Vnic, vnic_id))


@router.put("/vnics/{vnic_id}")
async def update_vnic(here: Here, vnic_id: str, details: UpdateVnicDetails, if_match: IfMatch = None) -> JSONResponse:
    vnic = here.store.get(Vnic, vnic_id, if_match)
    changes = details.given("hostname_label", "skip_source_dest_check") | details.given_names_and_tags()
    return show(here.store.change(vnic, **changes))


@router.get("/privateIps/{private_ip_id}")
async def get_private_ip(here: Here, private_ip_id: str) -> JSONResponse:
    return show(here.store.get(PrivateIp, private_ip_id))


@router.get("/privateIps")
async def list_private_ips(here: Here, listing: Annotated[PrivateIpListing, Query()]) -> JSONResponse:
    if listing.vnic_id is None and listing.subnet_id is None:
        raise invalid_parameter("Either a subnetId or a vnicId is required.")
    wanted = listing.model_dump(exclude_none=True, exclude={"limit", "page"})
    rows = [
        row for row in here.store.all(PrivateIp) if all(getattr(row, name) == value for name, value in wanted.items())
    ]
    return show_list(rows, listing)


def attach_vnic(here: Cloud, vnic: Vnic, subnet: Subnet) -> PrivateIp:
    """Add the VNIC and its primary private IP to the subnet."""
    here.store.add(vnic)
    private_ip = PrivateIp(
        id=here.new_id("privateip"),
        compartment_id=vnic.compartment_id,
        availability_domain=vnic.availability_domain,
        display_name=vnic.display_name,
        hostname_label=vnic.hostname_label,
        ip_address=vnic.private_ip,
        subnet_id=subnet.id,
        vnic_id=vnic.id,
    )
    return here.store.add(private_ip)


def detach_vnic(here: Cloud, vnic: Vnic) -> None:
    for private_ip in here.store.all(PrivateIp):
        if private_ip.vnic_id == vnic.id:
            release_public_ip(here, private_ip)
            here.store.remove(private_ip)
    here.store.remove(vnic)


def new_mac_address() -> str:
    return "02:00:17:" + ":".join(f"{byte:02X}" for byte in secrets.token_bytes(3))
