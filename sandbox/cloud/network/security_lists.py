"""Security lists: the firewall in front of every machine of a subnet."""

from ipaddress import ip_network

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from sandbox.cloud.errors import conflict, invalid_parameter
from sandbox.cloud.network.crud import add_reads, check_unreferenced, common_fields
from sandbox.cloud.network.models import (
    CIDR_BLOCK,
    EgressSecurityRule,
    IngressSecurityRule,
    SecurityList,
    SecurityRule,
    Subnet,
    Vcn,
)
from sandbox.cloud.routing import Here, IfMatch, OciRoute, no_content, show
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)
add_reads(router, "/securityLists", SecurityList, one="get_security_list", many="list_security_lists")

MAX_RULES = 200


class UpdateSecurityListDetails(TaggedDetails):
    ingress_security_rules: list[IngressSecurityRule] | None = Field(default=None, max_length=MAX_RULES)
    egress_security_rules: list[EgressSecurityRule] | None = Field(default=None, max_length=MAX_RULES)

    def check_rules(self) -> None:
        for ingress in self.ingress_security_rules or []:
            _check_rule(ingress, ingress.source, ingress.source_type, "source")
        for egress in self.egress_security_rules or []:
            _check_rule(egress, egress.destination, egress.destination_type, "destination")


class CreateSecurityListDetails(UpdateSecurityListDetails):
    compartment_id: str
    vcn_id: str
    ingress_security_rules: list[IngressSecurityRule] = Field(max_length=MAX_RULES)
    egress_security_rules: list[EgressSecurityRule] = Field(max_length=MAX_RULES)


def _check_rule(rule: SecurityRule, peer: str, peer_type: str, field: str) -> None:
    try:
        ip_network(peer if peer_type == CIDR_BLOCK else "0.0.0.0/0")
    except ValueError as error:
        raise invalid_parameter(f"{field}: {error}") from error
    mismatched = (rule.tcp_options and rule.protocol != "6") or (rule.udp_options and rule.protocol != "17")
    if mismatched or (rule.icmp_options and rule.protocol not in ("1", "58")):
        raise invalid_parameter(f"The options of a rule do not fit its protocol {rule.protocol}.")
    for options in filter(None, (rule.tcp_options, rule.udp_options)):
        ports = options.destination_port_range
        if ports and ports.min > ports.max:
            raise invalid_parameter(f"destinationPortRange: min {ports.min} is greater than max {ports.max}.")


@router.post("/securityLists")
async def create_security_list(here: Here, details: CreateSecurityListDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    vcn = here.get_available(Vcn, details.vcn_id)
    details.check_rules()
    security_list = SecurityList(
        **common_fields(here, "securitylist", details),
        compartment_id=details.compartment_id,
        vcn_id=vcn.id,
        ingress_security_rules=details.ingress_security_rules,
        egress_security_rules=details.egress_security_rules,
    )
    here.lifecycle.settle(here.store.add(security_list), "AVAILABLE")
    return show(security_list)


@router.put("/securityLists/{security_list_id}")
async def update_security_list(
    here: Here, security_list_id: str, details: UpdateSecurityListDetails, if_match: IfMatch = None
) -> JSONResponse:
    security_list = here.store.get(SecurityList, security_list_id, if_match)
    details.check_rules()
    rules = details.given("ingress_security_rules", "egress_security_rules")
    here.store.change(security_list, **rules, **details.given_names_and_tags())
    await here.traffic.apply()
    return show(security_list)


@router.delete("/securityLists/{security_list_id}")
async def delete_security_list(here: Here, security_list_id: str, if_match: IfMatch = None) -> Response:
    security_list = here.store.get(SecurityList, security_list_id, if_match)
    if here.store.get(Vcn, security_list.vcn_id).default_security_list_id == security_list.id:
        raise conflict(f"SecurityList {security_list.id} is the default of its VCN and cannot be deleted.")
    subnets = [subnet for subnet in here.store.all(Subnet) if security_list.id in subnet.security_list_ids]
    check_unreferenced(security_list, {"Subnet": subnets[0] if subnets else None})
    here.lifecycle.dissolve(security_list)
    return no_content()
