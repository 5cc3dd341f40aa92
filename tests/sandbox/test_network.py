"""Networks: what is made with what, and what may not be taken away."""

import pytest
from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients
from tests.sandbox.vocabulary import (
    AD2,
    create_gateway,
    create_public_subnet,
    create_subnet,
    create_vcn,
    launch,
    refused,
    route_to_internet,
    set_ingress,
    tcp,
    terminate,
    wait_until_gone,
)


def test_a_vcn_is_born_with_its_defaults(clients: Clients):
    vcn = create_vcn(clients, dns_label="site")
    table = clients.network.get_route_table(vcn.default_route_table_id).data
    rules = clients.network.get_security_list(vcn.default_security_list_id).data.ingress_security_rules
    assert (vcn.vcn_domain_name, table.route_rules, table.vcn_id) == ("site.oraclevcn.com", [], vcn.id)
    assert [(rule.protocol, rule.source) for rule in rules] == [
        ("6", "0.0.0.0/0"),
        ("1", "0.0.0.0/0"),
        ("1", "10.0.0.0/16"),
    ]
    assert rules[0].tcp_options.destination_port_range.max == 22
    assert clients.network.get_dhcp_options(vcn.default_dhcp_options_id).data.vcn_id == vcn.id
    assert [row.id for row in clients.network.list_route_tables(TENANCY, vcn_id=vcn.id).data] == [table.id]


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (["10.0.1.0/16"], "does not match network IP 10.0.0.0"),
        (["10.0.0.0/8"], "between /16 and /30"),
        (["10.0.0.0/31"], "between /16 and /30"),
        (["10.0.0.0/16", "10.0.128.0/17"], "overlap"),
        (["ten"], "cidrBlocks"),
    ],
)
def test_an_unusable_cidr_of_a_vcn_is_refused(clients: Clients, blocks: list[str], words: str):
    with refused(400, "InvalidParameter", words):
        clients.network.create_vcn(models.CreateVcnDetails(compartment_id=TENANCY, cidr_blocks=blocks))


def test_a_vcn_needs_a_cidr(clients: Clients):
    with refused(400, "MissingParameter", "cidrBlocks"):
        clients.network.create_vcn(models.CreateVcnDetails(compartment_id=TENANCY))


def test_the_third_vcn_exceeds_the_limit(clients: Clients):
    first = create_vcn(clients)
    create_vcn(clients)
    with refused(400, "LimitExceeded", "vcn-count"):
        create_vcn(clients)
    clients.network.delete_vcn(first.id)
    assert create_vcn(clients).lifecycle_state == "AVAILABLE"


def test_a_second_internet_gateway_of_a_vcn_is_refused(clients: Clients):
    vcn = create_vcn(clients)
    create_gateway(clients, vcn)
    with refused(400, "InvalidParameter", "maximum limit of 1 for Internet gateway"):
        create_gateway(clients, vcn)
    assert create_gateway(clients, create_vcn(clients)).is_enabled


@pytest.mark.parametrize(
    ("cidr", "words"),
    [
        ("10.0.0.0/25", "overlaps with this CIDR"),
        ("10.1.0.0/24", "not within the CIDR blocks"),
        ("10.0.2.1/24", "does not match network IP 10.0.2.0"),
    ],
)
def test_a_subnet_without_room_is_refused(clients: Clients, cidr: str, words: str):
    vcn = create_vcn(clients)
    create_subnet(clients, vcn, "10.0.0.0/24")
    with refused(400, "InvalidParameter", words):
        create_subnet(clients, vcn, cidr)


def test_a_subnet_takes_the_defaults_of_its_vcn(clients: Clients):
    vcn = create_vcn(clients, dns_label="site")
    subnet = create_subnet(clients, vcn, dns_label="web")
    assert (subnet.route_table_id, subnet.security_list_ids) == (
        vcn.default_route_table_id,
        [vcn.default_security_list_id],
    )
    assert (subnet.virtual_router_ip, subnet.availability_domain) == ("10.0.0.1", None)
    assert subnet.subnet_domain_name == "web.site.oraclevcn.com"
    assert create_subnet(clients, vcn, "10.0.1.0/24", availability_domain=AD2).availability_domain == AD2


def test_a_subnet_takes_nothing_of_another_vcn(clients: Clients):
    vcn, other = create_vcn(clients), create_vcn(clients)
    with refused(400, "InvalidParameter", "another VCN"):
        create_subnet(clients, vcn, route_table_id=other.default_route_table_id)
    with refused(404, "NotAuthorizedOrNotFound"):
        create_subnet(clients, vcn, security_list_ids=["ocid1.securitylist.oc1.ap-tokyo-1.x"])


def test_a_route_leads_to_a_gateway_of_the_same_vcn(clients: Clients):
    vcn, other = create_vcn(clients), create_vcn(clients)
    gateway = create_gateway(clients, other)
    with refused(400, "InvalidParameter", "another VCN"):
        route_to_internet(clients, vcn, gateway)
    assert route_to_internet(clients, other, gateway).route_rules[0].network_entity_id == gateway.id


def test_own_route_table_and_security_list(clients: Clients):
    vcn = create_vcn(clients)
    details = models.CreateRouteTableDetails(compartment_id=TENANCY, vcn_id=vcn.id, route_rules=[])
    table = clients.network.create_route_table(details).data
    details = models.CreateSecurityListDetails(
        compartment_id=TENANCY, vcn_id=vcn.id, ingress_security_rules=[tcp(443)], egress_security_rules=[]
    )
    firewall = clients.network.create_security_list(details).data
    clients.network.delete_route_table(table.id)
    clients.network.delete_security_list(firewall.id)
    wait_until_gone(clients.network.get_route_table, table.id)
    wait_until_gone(clients.network.get_security_list, firewall.id)


@pytest.mark.parametrize(
    "rule",
    [
        models.IngressSecurityRule(protocol="6", source="everywhere"),
        models.IngressSecurityRule(protocol="99", source="0.0.0.0/0"),
        models.IngressSecurityRule(protocol="17", source="0.0.0.0/0", tcp_options=tcp(80).tcp_options),
        tcp(70000),
    ],
    ids=["source", "protocol", "options", "port"],
)
def test_a_malformed_rule_is_refused(clients: Clients, rule: models.IngressSecurityRule):
    vcn = create_vcn(clients)
    with refused(400, "InvalidParameter"):
        set_ingress(clients, vcn.default_security_list_id, rule)


def test_what_is_in_use_cannot_be_deleted(clients: Clients):
    subnet = create_public_subnet(clients)
    (gateway,) = clients.network.list_internet_gateways(TENANCY).data
    with refused(409, "Conflict", "You must remove the reference"):
        clients.network.delete_vcn(subnet.vcn_id)
    with refused(409, "Conflict", "RouteTable"):
        clients.network.delete_internet_gateway(gateway.id)
    with refused(409, "Conflict", "default of its VCN"):
        clients.network.delete_route_table(subnet.route_table_id)
    with refused(409, "Conflict", "default of its VCN"):
        clients.network.delete_security_list(subnet.security_list_ids[0])


def test_a_subnet_is_in_use_until_its_instance_is_gone(clients: Clients):
    subnet = create_public_subnet(clients)
    instance = launch(clients, subnet)
    with refused(409, "Conflict", "references the VNIC"):
        clients.network.delete_subnet(subnet.id)
    terminate(clients, instance)
    clients.network.delete_subnet(subnet.id)
    wait_until_gone(clients.network.get_subnet, subnet.id)


def test_a_network_is_taken_down_from_the_inside(clients: Clients):
    subnet = create_public_subnet(clients)
    (gateway,) = clients.network.list_internet_gateways(TENANCY).data
    clients.network.delete_subnet(subnet.id)
    wait_until_gone(clients.network.get_subnet, subnet.id)
    clients.network.update_route_table(subnet.route_table_id, models.UpdateRouteTableDetails(route_rules=[]))
    clients.network.delete_internet_gateway(gateway.id)
    wait_until_gone(clients.network.get_internet_gateway, gateway.id)
    clients.network.delete_vcn(subnet.vcn_id)
    wait_until_gone(clients.network.get_vcn, subnet.vcn_id)
    assert clients.network.list_route_tables(TENANCY).data == []
    assert clients.network.list_security_lists(TENANCY).data == []


def test_an_empty_route_table_is_really_empty(clients: Clients):
    subnet = create_public_subnet(clients)
    emptied = models.UpdateRouteTableDetails(route_rules=[])
    assert clients.network.update_route_table(subnet.route_table_id, emptied).data.route_rules == []
