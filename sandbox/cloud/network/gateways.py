"""Internet gateways and route tables: together they decide whether a subnet is public."""

from ipaddress import IPv4Network

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from sandbox.cloud.errors import conflict, invalid_parameter, missing_parameter
from sandbox.cloud.network.crud import add_reads, check_unreferenced, common_fields
from sandbox.cloud.network.models import CIDR_BLOCK, InternetGateway, RouteRule, RouteTable, Subnet, Vcn
from sandbox.cloud.routing import Here, IfMatch, OciRoute, no_content, show
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)
add_reads(router, "/internetGateways", InternetGateway, one="get_internet_gateway", many="list_internet_gateways")
add_reads(router, "/routeTables", RouteTable, one="get_route_table", many="list_route_tables")


class CreateInternetGatewayDetails(TaggedDetails):
    compartment_id: str
    vcn_id: str
    is_enabled: bool


class UpdateInternetGatewayDetails(TaggedDetails):
    is_enabled: bool | None = None


class CreateRouteTableDetails(TaggedDetails):
    compartment_id: str
    vcn_id: str
    route_rules: list[RouteRule] = Field(default_factory=list)


class UpdateRouteTableDetails(TaggedDetails):
    route_rules: list[RouteRule] | None = None


@router.post("/internetGateways")
async def create_internet_gateway(here: Here, details: CreateInternetGatewayDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    vcn = here.get_available(Vcn, details.vcn_id)
    if any(gateway.vcn_id == vcn.id for gateway in here.store.all(InternetGateway)):
        raise invalid_parameter(
            f"The maximum limit of 1 for Internet gateway per VCN has been exceeded in VCN {vcn.id}."
        )
    gateway = InternetGateway(
        **common_fields(here, "internetgateway", details),
        compartment_id=details.compartment_id,
        vcn_id=vcn.id,
        is_enabled=details.is_enabled,
    )
    here.lifecycle.settle(here.store.add(gateway), "AVAILABLE")
    return show(gateway)


@router.put("/internetGateways/{ig_id}")
async def update_internet_gateway(
    here: Here, ig_id: str, details: UpdateInternetGatewayDetails, if_match: IfMatch = None
) -> JSONResponse:
    gateway = here.store.get(InternetGateway, ig_id, if_match)
    here.store.change(gateway, **details.given("is_enabled"), **details.given_names_and_tags())
    await here.traffic.apply()
    return show(gateway)


@router.delete("/internetGateways/{ig_id}")
async def delete_internet_gateway(here: Here, ig_id: str, if_match: IfMatch = None) -> Response:
    gateway = here.store.get(InternetGateway, ig_id, if_match)
    tables = [
        table
        for table in here.store.all(RouteTable)
        if any(rule.network_entity_id == gateway.id for rule in table.route_rules)
    ]
    check_unreferenced(gateway, {"RouteTable": tables[0] if tables else None})
    here.lifecycle.dissolve(gateway)
    return no_content()


@router.post("/routeTables")
async def create_route_table(here: Here, details: CreateRouteTableDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    vcn = here.get_available(Vcn, details.vcn_id)
    _check_route_rules(here, vcn.id, details.route_rules)
    table = RouteTable(
        **common_fields(here, "routetable", details),
        compartment_id=details.compartment_id,
        vcn_id=vcn.id,
        route_rules=details.route_rules,
    )
    here.lifecycle.settle(here.store.add(table), "AVAILABLE")
    return show(table)


@router.put("/routeTables/{rt_id}")
async def update_route_table(
    here: Here, rt_id: str, details: UpdateRouteTableDetails, if_match: IfMatch = None
) -> JSONResponse:
    table = here.store.get(RouteTable, rt_id, if_match)
    _check_route_rules(here, table.vcn_id, details.route_rules or [])
    here.store.change(table, **details.given("route_rules"), **details.given_names_and_tags())
    await here.traffic.apply()
    return show(table)


@router.delete("/routeTables/{rt_id}")
async def delete_route_table(here: Here, rt_id: str, if_match: IfMatch = None) -> Response:
    table = here.store.get(RouteTable, rt_id, if_match)
    if here.store.get(Vcn, table.vcn_id).default_route_table_id == table.id:
        raise conflict(f"RouteTable {table.id} is the default of its VCN and cannot be deleted.")
    subnets = [subnet for subnet in here.store.all(Subnet) if subnet.route_table_id == table.id]
    check_unreferenced(table, {"Subnet": subnets[0] if subnets else None})
    here.lifecycle.dissolve(table)
    return no_content()


def _check_route_rules(here: Cloud, vcn_id: str, rules: list[RouteRule]) -> None:
    targets = [_check_target(rule) for rule in rules]
    if len(set(targets)) != len(targets):
        raise invalid_parameter("routeRules: two rules have the same destination.")
    for rule in rules:
        if here.get_available(InternetGateway, rule.network_entity_id).vcn_id != vcn_id:
            raise invalid_parameter(f"networkEntityId: {rule.network_entity_id} belongs to another VCN.")


def _check_target(rule: RouteRule) -> str:
    if rule.target is None:
        raise missing_parameter("routeRules.destination is required.")
    if rule.destination_type != CIDR_BLOCK:
        raise invalid_parameter("routeRules.destinationType: the sandbox has no service gateways.")
    try:
        return str(IPv4Network(rule.target))
    except ValueError as error:
        raise invalid_parameter(f"routeRules.destination: {error}") from error
