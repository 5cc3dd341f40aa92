"""Subnets, and the addresses inside them."""

from ipaddress import IPv4Address, IPv4Network

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import Field, field_validator

from sandbox.cloud.errors import invalid_parameter
from sandbox.cloud.network.crud import add_reads, check_unreferenced, common_fields
from sandbox.cloud.network.models import (
    DhcpOptions,
    PrivateIp,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    VcnPart,
    Vnic,
    checked_cidr,
)
from sandbox.cloud.network.vcns import DnsLabel
from sandbox.cloud.routing import Here, IfMatch, OciRoute, no_content, show
from sandbox.cloud.state import Cloud
from sandbox.cloud.store import Store
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)
add_reads(router, "/subnets", Subnet, one="get_subnet", many="list_subnets")


class UpdateSubnetDetails(TaggedDetails):
    route_table_id: str | None = None
    dhcp_options_id: str | None = None
    security_list_ids: list[str] | None = Field(default=None, min_length=1, max_length=5)


class CreateSubnetDetails(UpdateSubnetDetails):
    compartment_id: str
    vcn_id: str
    cidr_block: str
    availability_domain: str | None = None
    dns_label: DnsLabel | None = None
    prohibit_internet_ingress: bool = False
    prohibit_public_ip_on_vnic: bool = False

    @field_validator("cidr_block")
    @classmethod
    def _check_block(cls, value: str) -> str:
        return checked_cidr(value)


@router.post("/subnets")
async def create_subnet(here: Here, details: CreateSubnetDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    vcn = here.get_available(Vcn, details.vcn_id)
    if details.availability_domain:
        here.check_availability_domain(details.availability_domain)
    _check_room(here.store, vcn, IPv4Network(details.cidr_block))
    _check_parts(here, vcn.id, details)
    subnet = here.store.add(_new_subnet(here, vcn, details))
    here.lifecycle.settle(subnet, "AVAILABLE")
    return show(subnet)


def _new_subnet(here: Cloud, vcn: Vcn, details: CreateSubnetDetails) -> Subnet:
    has_domain = details.dns_label and vcn.vcn_domain_name
    return Subnet(
        **common_fields(here, "subnet", details),
        **details.model_dump(include={"compartment_id", "vcn_id", "cidr_block", "availability_domain", "dns_label"}),
        ipv4_cidr_blocks=[details.cidr_block],
        subnet_domain_name=f"{details.dns_label}.{vcn.vcn_domain_name}" if has_domain else None,
        dhcp_options_id=details.dhcp_options_id or vcn.default_dhcp_options_id,
        route_table_id=details.route_table_id or vcn.default_route_table_id,
        security_list_ids=details.security_list_ids or [vcn.default_security_list_id],
        prohibit_internet_ingress=details.prohibit_internet_ingress,
        prohibit_public_ip_on_vnic=details.prohibit_public_ip_on_vnic or details.prohibit_internet_ingress,
        virtual_router_ip=str(IPv4Network(details.cidr_block)[1]),
    )


def _check_room(store: Store, vcn: Vcn, network: IPv4Network) -> None:
    if not any(network.subnet_of(block) for block in vcn.networks()):
        raise invalid_parameter(
            f"The requested CIDR {network} is invalid: it is not within the CIDR blocks of VCN {vcn.id}."
        )
    for subnet in store.all(Subnet):
        if subnet.vcn_id == vcn.id and subnet.network.overlaps(network):
            raise invalid_parameter(
                f"The requested CIDR {network} is invalid: subnet {subnet.id} with CIDR {subnet.cidr_block} "
                "overlaps with this CIDR."
            )


def _check_parts(here: Cloud, vcn_id: str, details: UpdateSubnetDetails) -> None:
    parts: list[VcnPart] = [here.get_available(SecurityList, ocid) for ocid in details.security_list_ids or []]
    if details.route_table_id:
        parts.append(here.get_available(RouteTable, details.route_table_id))
    if details.dhcp_options_id:
        parts.append(here.get_available(DhcpOptions, details.dhcp_options_id))
    for part in parts:
        if part.vcn_id != vcn_id:
            raise invalid_parameter(f"{part.id} belongs to another VCN.")


@router.put("/subnets/{subnet_id}")
async def update_subnet(
    here: Here, subnet_id: str, details: UpdateSubnetDetails, if_match: IfMatch = None
) -> JSONResponse:
    subnet = here.store.get(Subnet, subnet_id, if_match)
    _check_parts(here, subnet.vcn_id, details)
    parts = details.given("route_table_id", "dhcp_options_id", "security_list_ids")
    here.store.change(subnet, **parts, **details.given_names_and_tags())
    await here.traffic.apply()
    return show(subnet)


@router.delete("/subnets/{subnet_id}")
async def delete_subnet(here: Here, subnet_id: str, if_match: IfMatch = None) -> Response:
    subnet = here.store.get(Subnet, subnet_id, if_match)
    vnics = [vnic for vnic in here.store.all(Vnic) if vnic.subnet_id == subnet.id]
    check_unreferenced(subnet, {"VNIC": vnics[0] if vnics else None})
    here.lifecycle.dissolve(subnet)
    return no_content()


def choose_private_address(store: Store, subnet: Subnet, wanted: str | None = None) -> str:
    """The first free address from .2 upwards: OCI keeps the first two of a subnet and the last."""
    taken = {row.ip_address for row in store.all(PrivateIp) if row.subnet_id == subnet.id}
    usable = list(subnet.network)[2:-1]
    if wanted is not None and (IPv4Address(wanted) not in usable or wanted in taken):
        raise invalid_parameter(f"privateIp: {wanted} is not a free address of {subnet.cidr_block}.")
    free = [wanted] if wanted else [str(address) for address in usable if str(address) not in taken]
    if not free:
        raise invalid_parameter(f"Subnet {subnet.id} has no free private IP address.")
    return free[0]
