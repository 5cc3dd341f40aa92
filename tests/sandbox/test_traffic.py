"""The rules of the network arrive at the machines."""

from oci.core import models

from sandbox.cloud.machines import IngressRule
from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    create_gateway,
    create_public_subnet,
    create_subnet,
    create_vcn,
    launch,
    refused,
    route_to_internet,
    set_ingress,
    tcp,
    wait_for,
)

SSH = IngressRule("6", "0.0.0.0/0", 22, 22)


def rules_of(cloud: RunningCloud, hostname: str = "dashboard") -> tuple[IngressRule, ...]:
    (rules,) = [machine.rules for machine in cloud.machines.machines.values() if machine.spec.hostname == hostname]
    assert rules is not None, "nothing was pushed to the machine"
    return rules


def test_a_new_machine_gets_the_rules_of_its_subnet(cloud: RunningCloud, clients: Clients):
    launch(clients, create_public_subnet(clients))
    assert rules_of(cloud) == (SSH, IngressRule("1", "0.0.0.0/0"), IngressRule("1", "10.0.0.0/16"))


def test_a_changed_security_list_arrives_before_the_answer(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    launch(clients, subnet)
    set_ingress(clients, subnet.security_list_ids[0], tcp(22), tcp(443, "10.0.0.0/8"))
    assert rules_of(cloud) == (SSH, IngressRule("6", "10.0.0.0/8", 443, 443))
    set_ingress(clients, subnet.security_list_ids[0])
    assert rules_of(cloud) == ()


def test_rules_of_every_protocol(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    launch(clients, subnet)
    ports = models.UdpOptions(destination_port_range=models.PortRange(min=53, max=54))
    set_ingress(
        clients,
        subnet.security_list_ids[0],
        models.IngressSecurityRule(protocol="all", source="10.0.0.0/16"),
        models.IngressSecurityRule(protocol="17", source="0.0.0.0/0", udp_options=ports),
        models.IngressSecurityRule(protocol="6", source="192.0.2.1/32"),
    )
    assert rules_of(cloud) == (
        IngressRule("all", "10.0.0.0/16"),
        IngressRule("17", "0.0.0.0/0", 53, 54),
        IngressRule("6", "192.0.2.1/32"),
    )


def test_the_rules_of_several_lists_are_united(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    launch(clients, subnet)
    details = models.CreateSecurityListDetails(
        compartment_id=TENANCY, vcn_id=subnet.vcn_id, ingress_security_rules=[tcp(443)], egress_security_rules=[]
    )
    web = clients.network.create_security_list(details).data
    wait_for(clients.network.get_security_list, web.id, "AVAILABLE")
    set_ingress(clients, subnet.security_list_ids[0], tcp(22))
    both = [*subnet.security_list_ids, web.id]
    clients.network.update_subnet(subnet.id, models.UpdateSubnetDetails(security_list_ids=both))
    assert rules_of(cloud) == (SSH, IngressRule("6", "0.0.0.0/0", 443, 443))


def test_without_a_route_nothing_comes_in(cloud: RunningCloud, clients: Clients):
    vcn = create_vcn(clients)
    gateway = create_gateway(clients, vcn)
    launch(clients, create_subnet(clients, vcn))
    assert rules_of(cloud) == ()
    route_to_internet(clients, vcn, gateway)
    assert SSH in rules_of(cloud)
    emptied = models.UpdateRouteTableDetails(route_rules=[])
    clients.network.update_route_table(vcn.default_route_table_id, emptied)
    assert rules_of(cloud) == ()


def test_a_disabled_gateway_lets_nothing_in(cloud: RunningCloud, clients: Clients):
    launch(clients, create_public_subnet(clients))
    (gateway,) = clients.network.list_internet_gateways(TENANCY).data
    disabled = models.UpdateInternetGatewayDetails(is_enabled=False)
    clients.network.update_internet_gateway(gateway.id, disabled)
    assert rules_of(cloud) == ()


def test_only_the_difference_is_pushed(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    launch(clients, subnet)
    before = list(cloud.machines.pushes)
    clients.network.update_subnet(subnet.id, models.UpdateSubnetDetails(display_name="renamed"))
    assert cloud.machines.pushes == before


def test_a_started_machine_gets_everything_again(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    instance = launch(clients, subnet)
    clients.compute.instance_action(instance.id, "STOP")
    wait_for(clients.compute.get_instance, instance.id, "STOPPED")
    cloud.machines.pushes.clear()
    set_ingress(clients, subnet.security_list_ids[0], tcp(22))
    assert cloud.machines.pushes == []
    clients.compute.instance_action(instance.id, "START")
    wait_for(clients.compute.get_instance, instance.id, "RUNNING")
    assert [push.split()[0] for push in cloud.machines.pushes] == ["allow_ingress", "publish"]
    assert rules_of(cloud) == (SSH,)


def test_a_machine_that_fails_is_an_internal_error_and_is_tried_again(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    launch(clients, subnet)
    allow = cloud.machines.allow_ingress
    cloud.machines.allow_ingress = lambda name, rules: 1 / 0
    with refused(500, "InternalError", "ZeroDivisionError"):
        set_ingress(clients, subnet.security_list_ids[0], tcp(22))
    cloud.machines.allow_ingress = allow
    set_ingress(clients, subnet.security_list_ids[0], tcp(22))
    assert rules_of(cloud) == (SSH,)
