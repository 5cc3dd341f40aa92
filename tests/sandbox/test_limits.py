"""The limits service counts what exists."""

from tests.sandbox.conftest import TENANCY, Clients
from tests.sandbox.vocabulary import AD1, AD2, create_public_subnet, launch, refused, reserve_address, terminate


def left(clients: Clients, service: str, name: str, availability_domain: str | None = None) -> tuple[int, int]:
    """(used, available)."""
    place = {"availability_domain": availability_domain} if availability_domain else {}
    found = clients.limits.get_resource_availability(service, name, TENANCY, **place).data
    return found.used, found.available


def test_use_is_computed_from_what_exists(clients: Clients):
    subnet = create_public_subnet(clients)
    assert left(clients, "compute", "standard-a1-core-count", AD1) == (0, 4)
    instance = launch(clients, subnet, source={"boot_volume_size_in_gbs": 100})
    reserve_address(clients)
    assert left(clients, "compute", "standard-a1-core-count", AD1) == (1, 3)
    assert left(clients, "compute", "standard-a1-core-count", AD2) == (0, 4)
    assert left(clients, "compute", "standard-a1-memory-count", AD1) == (6, 18)
    assert left(clients, "compute", "standard-a1-core-regional-count") == (1, 3)
    assert left(clients, "compute", "vm-standard-e2-1-micro-count", AD1) == (0, 2)
    assert left(clients, "vcn", "vcn-count") == (1, 1)
    assert left(clients, "vcn", "reserved-public-ip-count") == (1, 0)
    assert left(clients, "block-storage", "total-storage-gb", AD1) == (100, 100)
    terminate(clients, instance)
    assert left(clients, "compute", "standard-a1-core-count", AD1) == (0, 4)
    assert left(clients, "block-storage", "total-storage-gb", AD1) == (0, 200)


def test_an_availability_domain_is_asked_for_where_the_limit_has_one(clients: Clients):
    with refused(400, "MissingParameter", "availabilityDomain"):
        left(clients, "compute", "standard-a1-core-count")
    with refused(400, "InvalidParameter", "availabilityDomain"):
        left(clients, "vcn", "vcn-count", AD1)
    with refused(404, "NotAuthorizedOrNotFound"):
        left(clients, "compute", "standard-a9-core-count", AD1)


def test_values_are_listed_for_each_availability_domain(clients: Clients):
    assert {row.name for row in clients.limits.list_services(TENANCY).data} == {"block-storage", "compute", "vcn"}
    rows = clients.limits.list_limit_values(TENANCY, "compute", name="standard-a1-core-count").data
    assert [(row.availability_domain[-4:], row.value) for row in rows] == [("AD-1", 4), ("AD-2", 4), ("AD-3", 4)]
    (vcns,) = clients.limits.list_limit_values(TENANCY, "vcn", name="vcn-count").data
    assert (vcns.scope_type, vcns.value, vcns.availability_domain) == ("REGION", 2, None)
    assert len(clients.limits.list_limit_values(TENANCY, "compute", availability_domain=AD2).data) == 4
    definitions = clients.limits.list_limit_definitions(TENANCY, service_name="vcn").data
    assert {row.name for row in definitions} == {"vcn-count", "reserved-public-ip-count"}


def test_limits_belong_to_the_root_compartment(clients: Clients):
    compartment = clients.identity.list_compartments(TENANCY).data[0].id
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.limits.list_limit_values(compartment, "compute")
