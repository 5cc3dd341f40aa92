"""Identity: where we are and what there is to place things in."""

from sandbox.cloud.config import Account
from tests.sandbox.conftest import TENANCY, USER, Clients
from tests.sandbox.vocabulary import AD1, AD2, AD3, refused

OTHER = "ocid1.tenancy.oc1.." + "x" * 60


def test_the_home_region_is_subscribed(clients: Clients):
    (region,) = clients.identity.list_region_subscriptions(TENANCY).data
    assert (region.region_name, region.region_key, region.status) == ("ap-tokyo-1", "NRT", "READY")
    assert region.is_home_region
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.identity.list_region_subscriptions(OTHER)


def test_three_availability_domains_of_three_fault_domains(clients: Clients):
    assert [row.name for row in clients.identity.list_availability_domains(TENANCY).data] == [AD1, AD2, AD3]
    faults = clients.identity.list_fault_domains(TENANCY, AD2).data
    assert [row.name for row in faults] == ["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"]
    assert {row.availability_domain for row in faults} == {AD2}
    with refused(400, "InvalidParameter", "availability domain"):
        clients.identity.list_fault_domains(TENANCY, "Uocm:NOWHERE-AD-1")


def test_compartments(clients: Clients):
    (compartment,) = clients.identity.list_compartments(TENANCY).data
    assert (compartment.name, compartment.lifecycle_state) == ("rehearsal", "ACTIVE")
    assert clients.identity.get_compartment(compartment.id).data.compartment_id == TENANCY
    assert clients.identity.get_compartment(TENANCY).data.id == TENANCY
    assert clients.identity.list_compartments(TENANCY, name="other").data == []
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.identity.get_compartment(OTHER)


def test_a_compartments_ocid_outlives_the_process(start_cloud):
    first, second = (start_cloud().clients().identity.list_compartments(TENANCY).data[0].id for _ in range(2))
    assert first == second


def test_tenancy_and_user(start_cloud):
    person = Account("ocid1.user.oc1.." + "p" * 60, "ann", "ann@example.com")
    identity = start_cloud(accounts=(person,)).clients().identity
    assert identity.get_tenancy(TENANCY).data.home_region_key == "NRT"
    assert identity.get_user(USER).data.lifecycle_state == "ACTIVE"
    assert identity.get_user(person.user_id).data.email == "ann@example.com"
    with refused(404, "NotAuthorizedOrNotFound"):
        identity.get_user("ocid1.user.oc1.." + "x" * 60)
