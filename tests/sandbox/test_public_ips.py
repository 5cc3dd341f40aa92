"""Public IPs: where they lead, and how a reserved one moves from machine to machine."""

import pytest
from oci.core import models

from tests.sandbox.conftest import ADDRESSES, TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    AD1,
    assign,
    create_public_subnet,
    create_subnet,
    create_vcn,
    launch,
    private_ip_of,
    refused,
    reserve_address,
    terminate,
    vnic_of,
    wait_for,
    wait_until_gone,
)

NO_PUBLIC_IP = {"assign_public_ip": False}


def machine_at(cloud: RunningCloud, address: str) -> str | None:
    """The hostname of the machine that answers at a public address."""
    name = cloud.machines.addresses.get(address)
    return cloud.machines.machines[name].spec.hostname if name else None


def test_a_launch_gives_an_ephemeral_address(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    address = vnic_of(clients, instance).public_ip
    assert address in ADDRESSES
    assert machine_at(cloud, address) == "dashboard"
    (public_ip,) = clients.network.list_public_ips("AVAILABILITY_DOMAIN", TENANCY, availability_domain=AD1).data
    assert (public_ip.ip_address, public_ip.lifetime) == (address, "EPHEMERAL")
    assert clients.network.list_public_ips("REGION", TENANCY).data == []


def test_an_ephemeral_address_goes_with_its_instance(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    terminate(clients, instance)
    assert cloud.machines.addresses == {}
    assert clients.network.list_public_ips("AVAILABILITY_DOMAIN", TENANCY, availability_domain=AD1).data == []


def test_no_address_when_none_is_wanted(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients), vnic=NO_PUBLIC_IP)
    assert vnic_of(clients, instance).public_ip is None
    assert cloud.machines.addresses == {}


def test_a_private_subnet_gives_no_address(clients: Clients):
    subnet = create_subnet(clients, create_vcn(clients), prohibit_public_ip_on_vnic=True)
    instance = launch(clients, subnet)
    assert vnic_of(clients, instance).public_ip is None
    with refused(400, "InvalidParameter", "prohibits public IPs"):
        reserve_address(clients, private_ip_id=private_ip_of(clients, instance).id)
    with refused(400, "InvalidParameter", "assignPublicIp"):
        launch(clients, subnet, vnic={"assign_public_ip": True})


def test_a_reserved_address_is_available_and_then_assigned(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients), vnic=NO_PUBLIC_IP)
    reserved = reserve_address(clients, freeform_tags={"site": "shop"})
    reserved = wait_for(clients.network.get_public_ip, reserved.id, "AVAILABLE")
    assert (reserved.scope, reserved.private_ip_id) == ("REGION", None)
    private_ip = private_ip_of(clients, instance)
    assert assign(clients, reserved, private_ip.id).lifecycle_state == "ASSIGNING"
    wait_for(clients.network.get_public_ip, reserved.id, "ASSIGNED")
    assert vnic_of(clients, instance).public_ip == reserved.ip_address
    assert machine_at(cloud, reserved.ip_address) == "dashboard"


def test_an_address_is_found_by_what_is_known_of_it(clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    private_ip = private_ip_of(clients, instance)
    address = vnic_of(clients, instance).public_ip
    by_address = clients.network.get_public_ip_by_ip_address(
        models.GetPublicIpByIpAddressDetails(ip_address=address)
    ).data
    by_private_ip = clients.network.get_public_ip_by_private_ip_id(
        models.GetPublicIpByPrivateIpIdDetails(private_ip_id=private_ip.id)
    ).data
    assert by_address.id == by_private_ip.id == clients.network.get_public_ip(by_address.id).data.id
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.network.get_public_ip_by_ip_address(models.GetPublicIpByIpAddressDetails(ip_address="192.0.2.1"))


def test_a_reserved_address_moves_between_machines(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    old = launch(clients, subnet, display_name="old", vnic=NO_PUBLIC_IP)
    new = launch(clients, subnet, display_name="new", vnic=NO_PUBLIC_IP)
    reserved = reserve_address(clients, private_ip_id=private_ip_of(clients, old).id)
    assert machine_at(cloud, reserved.ip_address) == "old"
    assign(clients, reserved, private_ip_of(clients, new).id)
    assert machine_at(cloud, reserved.ip_address) == "new"
    assert (vnic_of(clients, old).public_ip, vnic_of(clients, new).public_ip) == (None, reserved.ip_address)
    withdrawn = cloud.machines.pushes.index(f"withdraw {reserved.ip_address}")
    assert cloud.machines.pushes[withdrawn + 1].startswith(f"publish {reserved.ip_address} new-")


def test_a_reserved_address_survives_its_instance(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    instance = launch(clients, subnet, vnic=NO_PUBLIC_IP)
    reserved = reserve_address(clients, private_ip_id=private_ip_of(clients, instance).id)
    terminate(clients, instance)
    assert cloud.machines.addresses == {}
    left = wait_for(clients.network.get_public_ip, reserved.id, "AVAILABLE")
    assert (left.ip_address, left.private_ip_id) == (reserved.ip_address, None)


def test_an_address_is_unassigned_by_an_empty_private_ip(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients), vnic=NO_PUBLIC_IP)
    reserved = reserve_address(clients, private_ip_id=private_ip_of(clients, instance).id)
    assert assign(clients, reserved, "").lifecycle_state == "UNASSIGNING"
    wait_for(clients.network.get_public_ip, reserved.id, "AVAILABLE")
    assert cloud.machines.addresses == {}


def test_a_private_ip_has_one_public_ip(clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    reserved = reserve_address(clients)
    with refused(409, "Conflict", "already assigned"):
        assign(clients, reserved, private_ip_of(clients, instance).id)
    assert clients.network.get_public_ip(reserved.id).data.private_ip_id is None


def test_an_ephemeral_address_is_replaced_by_deleting_it(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    private_ip = private_ip_of(clients, instance)
    by_private_ip = models.GetPublicIpByPrivateIpIdDetails(private_ip_id=private_ip.id)
    ephemeral = clients.network.get_public_ip_by_private_ip_id(by_private_ip).data
    with refused(400, "InvalidParameter", "ephemeral"):
        assign(clients, ephemeral, "")
    clients.network.delete_public_ip(ephemeral.id)
    reserved = reserve_address(clients, private_ip_id=private_ip.id)
    wait_until_gone(clients.network.get_public_ip, ephemeral.id)
    assert list(cloud.machines.addresses) == [reserved.ip_address]


@pytest.mark.parametrize("lifetime", ["EPHEMERAL", "FOREVER"])
def test_an_address_needs_its_parameters(clients: Clients, lifetime: str):
    code = "MissingParameter" if lifetime == "EPHEMERAL" else "InvalidParameter"
    with refused(400, code):
        details = models.CreatePublicIpDetails(compartment_id=TENANCY)
        details._lifetime = lifetime
        clients.network.create_public_ip(details)


def test_a_second_reserved_address_exceeds_the_limit(clients: Clients):
    first = reserve_address(clients)
    with refused(400, "LimitExceeded", "reserved-public-ip-count"):
        reserve_address(clients)
    clients.network.delete_public_ip(first.id)
    assert reserve_address(clients).ip_address
