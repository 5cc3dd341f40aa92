"""The sandbox misbehaves when told to, and once without being told."""

import time

import httpx
import oci
import pytest
from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    A1,
    AD1,
    AD2,
    AD3,
    create_public_subnet,
    create_vcn,
    launch,
    launch_details,
    refused,
)

OUT = "Out of host capacity."
RETRY = oci.retry.RetryStrategyBuilder(
    max_attempts=4, retry_base_sleep_time_seconds=0.01, retry_max_wait_between_calls_seconds=0.02
).get_retry_strategy()


def capacity(clients: Clients, availability_domain: str, fault_domain: str | None = None) -> str:
    asked = models.CreateCapacityReportShapeAvailabilityDetails(
        instance_shape=A1,
        fault_domain=fault_domain,
        instance_shape_config=models.CapacityReportInstanceShapeConfig(ocpus=2, memory_in_gbs=12),
    )
    details = models.CreateComputeCapacityReportDetails(
        compartment_id=TENANCY, availability_domain=availability_domain, shape_availabilities=[asked]
    )
    (answer,) = clients.compute.create_compute_capacity_report(details).data.shape_availabilities
    assert answer.instance_shape_config.ocpus == 2
    return answer.availability_status


def test_the_first_launch_finds_no_room(start_cloud):
    cloud = start_cloud(first_launch_out_of_capacity=True)
    clients = cloud.clients()
    subnet = create_public_subnet(clients)
    assert capacity(clients, AD1) == "AVAILABLE"
    with refused(400, "MissingParameter"):
        launch(clients, subnet, shape_config=None)
    with refused(500, "InternalError", OUT):
        launch(clients, subnet)
    assert launch(clients, subnet).lifecycle_state == "RUNNING"


def test_capacity_never_comes(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    cloud.exhaust({})
    for availability_domain in (AD1, AD2, AD3):
        assert capacity(clients, availability_domain) == "OUT_OF_HOST_CAPACITY"
        with refused(500, "InternalError", OUT):
            launch(clients, subnet, availability_domain=availability_domain)
    cloud.admin("POST", "reset")
    assert launch(clients, subnet).lifecycle_state == "RUNNING"


def test_one_availability_domain_has_room(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    cloud.exhaust({"availability_domain": AD1}, {"availability_domain": AD2})
    assert [capacity(clients, place) for place in (AD1, AD2, AD3)] == [
        "OUT_OF_HOST_CAPACITY",
        "OUT_OF_HOST_CAPACITY",
        "AVAILABLE",
    ]
    with refused(500, "InternalError", OUT):
        launch(clients, subnet, availability_domain=AD2)
    assert launch(clients, subnet, availability_domain=AD3).availability_domain == AD3


def test_one_fault_domain_has_room(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    cloud.exhaust(*({"availability_domain": AD1, "fault_domain": f"FAULT-DOMAIN-{n}"} for n in (1, 3)))
    assert capacity(clients, AD1, "FAULT-DOMAIN-1") == "OUT_OF_HOST_CAPACITY"
    assert capacity(clients, AD1, "FAULT-DOMAIN-2") == capacity(clients, AD1) == "AVAILABLE"
    with refused(500, "InternalError", OUT):
        launch(clients, subnet, fault_domain="FAULT-DOMAIN-3")
    assert launch(clients, subnet).fault_domain == "FAULT-DOMAIN-2"


def test_hardware_that_is_not_there(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    cloud.admin("PUT", "capacity", availability_domains_without_a1=[AD2])
    assert capacity(clients, AD2) == "HARDWARE_NOT_SUPPORTED"
    with refused(404, "NotAuthorizedOrNotFound", f"shape {A1} not found"):
        launch(clients, subnet, availability_domain=AD2)


def test_a_limit_is_told_before_the_capacity(cloud: RunningCloud, clients: Clients):
    cloud.exhaust({})
    config = models.LaunchInstanceShapeConfigDetails(ocpus=5, memory_in_gbs=30)
    with refused(400, "LimitExceeded"):
        launch(clients, create_public_subnet(clients), shape_config=config)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("too_many_requests", 429, "TooManyRequests"),
        ("limit_exceeded", 400, "LimitExceeded"),
        ("not_authenticated", 401, "NotAuthenticated"),
        ("not_found", 404, "NotAuthorizedOrNotFound"),
        ("internal_error", 500, "InternalError"),
    ],
)
def test_a_fault_strikes_as_often_as_it_was_queued(
    cloud: RunningCloud, clients: Clients, kind: str, status: int, code: str
):
    cloud.fault(kind, "list_vcns", times=2)
    for _ in range(2):
        with refused(status, code):
            clients.network.list_vcns(TENANCY)
    assert clients.network.list_vcns(TENANCY).status == 200


def test_a_false_limit_leaves_nothing_behind(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    cloud.fault("limit_exceeded", "launch_instance")
    with refused(400, "LimitExceeded", "standard-a1-core-regional-count"):
        clients.compute.launch_instance(launch_details(clients, subnet))
    assert clients.compute.list_instances(TENANCY).data == []


def test_a_fault_may_name_a_path(cloud: RunningCloud, clients: Clients):
    vcn = create_vcn(clients)
    cloud.admin("POST", "faults", kind="internal_error", path="/20160918/vcns/*")
    assert clients.network.list_vcns(TENANCY).status == 200
    with refused(500, "InternalError"):
        clients.network.get_vcn(vcn.id)


def test_too_many_requests_may_say_when_to_come_back(cloud: RunningCloud, clients: Clients):
    cloud.fault("too_many_requests", "list_vcns", retry_after=7)
    with refused(429, "TooManyRequests") as caught:
        clients.network.list_vcns(TENANCY)
    assert caught.value.headers["retry-after"] == "7"


def test_the_sdk_retries_through_a_storm(cloud: RunningCloud, clients: Clients):
    cloud.fault("too_many_requests", "list_vcns", times=2)
    assert clients.network.list_vcns(TENANCY, retry_strategy=RETRY).status == 200
    assert cloud.admin("GET", "requests")["calls"] == {"list_vcns": 3}


def test_a_slow_answer_is_late_and_right(cloud: RunningCloud, clients: Clients):
    cloud.fault("slow_answer", "list_vcns", seconds=0.5)
    started = time.monotonic()
    assert clients.network.list_vcns(TENANCY).data == []
    assert time.monotonic() - started > 0.5


def test_others_are_answered_while_one_waits(cloud: RunningCloud, clients: Clients):
    cloud.fault("slow_answer", "list_vcns", seconds=1)
    impatient = oci.core.VirtualNetworkClient(clients.config, service_endpoint=cloud.url, timeout=(1, 0.2))
    with pytest.raises(oci.exceptions.RequestException):
        impatient.list_vcns(TENANCY)
    assert clients.network.list_internet_gateways(TENANCY).status == 200


def test_reset_removes_waiting_faults(cloud: RunningCloud, clients: Clients):
    cloud.fault("internal_error", "list_vcns", times=50)
    assert cloud.admin("GET", "faults")[0]["times"] == 50
    cloud.admin("POST", "reset")
    assert clients.network.list_vcns(TENANCY).status == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "internal_error", "operation": "list_vnc"},
        {"kind": "internal_error"},
        {"kind": "earthquake", "operation": "list_vcns"},
        {"kind": "internal_error", "operation": "list_vcns", "path": "/x"},
        {"kind": "internal_error", "operation": "list_vcns", "time": 3},
    ],
)
def test_a_fault_that_could_never_strike_is_refused(cloud: RunningCloud, fault: dict):
    assert httpx.post(f"{cloud.url}/admin/faults", json=fault).status_code == 400


def test_requests_are_counted_by_operation(cloud: RunningCloud, clients: Clients):
    vcn = create_vcn(clients)
    clients.network.list_vcns(TENANCY)
    clients.network.list_vcns(TENANCY)
    with refused(400, "InvalidParameter"):
        create_vcn(clients, "10.0.0.1/16")
    capacity(clients, AD1)
    requests = cloud.admin("GET", "requests")
    assert (requests["calls"]["list_vcns"], requests["calls"]["create_vcn"]) == (2, 2)
    assert cloud.changes() == {"create_vcn": 1}
    cloud.admin("DELETE", "requests")
    clients.network.get_vcn(vcn.id)
    assert (cloud.changes(), cloud.admin("GET", "requests")["calls"]) == ({}, {"get_vcn": 1})
