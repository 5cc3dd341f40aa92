"""Virtual cloud networks, and the route table, security list and DHCP options that are born and die with each."""

from ipaddress import IPv4Network
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import Field, StringConstraints, field_validator

from sandbox.cloud.errors import invalid_parameter, missing_parameter
from sandbox.cloud.limits import check_limits
from sandbox.cloud.network.crud import add_reads, check_unreferenced, common_fields
from sandbox.cloud.network.models import (
    ANYWHERE,
    DhcpOptions,
    EgressSecurityRule,
    IcmpOptions,
    IngressSecurityRule,
    InternetGateway,
    PortOptions,
    PortRange,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
    VcnPart,
    checked_cidr,
)
from sandbox.cloud.routing import Here, IfMatch, OciRoute, no_content, show
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)
add_reads(router, "/vcns", Vcn, one="get_vcn", many="list_vcns")
add_reads(router, "/dhcps", DhcpOptions, one="get_dhcp_options", many="list_dhcp_options")

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,14}$")]


class CreateVcnDetails(TaggedDetails):
    compartment_id: str
    cidr_block: str | None = None
    cidr_blocks: list[str] = Field(default=[], max_length=5)
    dns_label: DnsLabel | None = None
    is_ipv6_enabled: bool = Field(default=False, alias="isIpv6Enabled")

    @field_validator("cidr_block")
    @classmethod
    def _check_block(cls, value: str | None) -> str | None:
        return value if value is None else checked_cidr(value)

    @field_validator("cidr_blocks")
    @classmethod
    def _check_blocks(cls, values: list[str]) -> list[str]:
        return [checked_cidr(value) for value in values]

    def blocks(self) -> list[str]:
        blocks = self.cidr_blocks or ([self.cidr_block] if self.cidr_block else [])
        if not blocks:
            raise missing_parameter("cidrBlocks is required.")
        networks = [IPv4Network(block) for block in blocks]
        if any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[:i]):
            raise invalid_parameter("cidrBlocks must not overlap.")
        return blocks


@router.post("/vcns")
async def create_vcn(here: Here, details: CreateVcnDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    blocks = details.blocks()
    if details.is_ipv6_enabled:
        raise invalid_parameter("isIpv6Enabled: the sandbox has no IPv6.")
    check_limits(here.config.limits, here.store, {"vcn-count": 1})
    vcn = Vcn(
        **common_fields(here, "vcn", details),
        compartment_id=details.compartment_id,
        cidr_block=blocks[0],
        cidr_blocks=blocks,
        dns_label=details.dns_label,
        vcn_domain_name=f"{details.dns_label}.oraclevcn.com" if details.dns_label else None,
        default_route_table_id=here.new_id("routetable"),
        default_security_list_id=here.new_id("securitylist"),
        default_dhcp_options_id=here.new_id("dhcpoptions"),
    )
    here.store.add(vcn)
    _add_default_parts(here, vcn)
    here.lifecycle.settle(vcn, "AVAILABLE")
    return show(vcn)


def _add_default_parts(here: Cloud, vcn: Vcn) -> None:
    common = {"compartment_id": vcn.compartment_id, "vcn_id": vcn.id, "lifecycle_state": "AVAILABLE"}
    here.store.add(
        RouteTable(id=vcn.default_route_table_id, display_name=f"Default Route Table for {vcn.display_name}", **common)
    )
    here.store.add(
        SecurityList(
            id=vcn.default_security_list_id,
            display_name=f"Default Security List for {vcn.display_name}",
            ingress_security_rules=_default_ingress(vcn),
            egress_security_rules=[EgressSecurityRule(protocol="all", destination=ANYWHERE)],
            **common,
        )
    )
    here.store.add(
        DhcpOptions(
            id=vcn.default_dhcp_options_id,
            display_name=f"Default DHCP Options for {vcn.display_name}",
            options=[{"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet", "customDnsServers": []}],
            **common,
        )
    )


def _default_ingress(vcn: Vcn) -> list[IngressSecurityRule]:
    ssh = PortOptions(destination_port_range=PortRange(min=22, max=22))
    return [
        IngressSecurityRule(protocol="6", source=ANYWHERE, tcp_options=ssh),
        IngressSecurityRule(protocol="1", source=ANYWHERE, icmp_options=IcmpOptions(type=3, code=4)),
        IngressSecurityRule(protocol="1", source=vcn.cidr_block, icmp_options=IcmpOptions(type=3)),
    ]


@router.put("/vcns/{vcn_id}")
async def update_vcn(here: Here, vcn_id: str, details: TaggedDetails, if_match: IfMatch = None) -> JSONResponse:
    vcn = here.store.get(Vcn, vcn_id, if_match)
    return show(here.store.change(vcn, **details.given_names_and_tags()))


@router.delete("/vcns/{vcn_id}")
async def delete_vcn(here: Here, vcn_id: str, if_match: IfMatch = None) -> Response:
    vcn = here.store.get(Vcn, vcn_id, if_match)
    default_ids = {vcn.default_route_table_id, vcn.default_security_list_id, vcn.default_dhcp_options_id}
    parts = [part for part in here.store.all(VcnPart) if part.vcn_id == vcn.id]
    own = [part for part in parts if part.id not in default_ids]
    kinds = (Subnet, InternetGateway, RouteTable, SecurityList)
    check_unreferenced(
        vcn, {kind.__name__: next((part for part in own if isinstance(part, kind)), None) for kind in kinds}
    )
    for part in parts:
        here.lifecycle.dissolve(part)
    here.lifecycle.dissolve(vcn)
    return no_content()
