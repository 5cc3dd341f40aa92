"""What LaunchInstance refuses, and in which order."""

from typing import Any

import pytest
from oci.core import models

from sandbox.cloud.config import ServiceLimits
from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    A1,
    AD1,
    AD2,
    create_public_subnet,
    create_subnet,
    create_vcn,
    find_image,
    launch,
    launch_details,
    private_ip_of,
    refused,
    terminate,
    vnic_of,
)

MICRO = "VM.Standard.E2.1.Micro"


def size(ocpus: float, memory_in_gbs: float | None = None) -> dict[str, Any]:
    config = models.LaunchInstanceShapeConfigDetails(ocpus=ocpus, memory_in_gbs=memory_in_gbs)
    return {"shape_config": config}


def boot(gbs: int) -> dict[str, Any]:
    return {"source": {"boot_volume_size_in_gbs": gbs}}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"availability_domain": "Uocm:NOWHERE-AD-1"}, "InvalidParameter", "availability domain"),
        ({"fault_domain": "FAULT-DOMAIN-9"}, "InvalidParameter", "faultDomain"),
        ({"shape_config": None}, "MissingParameter", "shapeConfig.ocpus"),
        (size(0), "InvalidParameter", "ocpus"),
        (size(1.5), "InvalidParameter", "whole number"),
        (size(81, 81), "InvalidParameter", "ocpus"),
        (size(2, 1), "InvalidParameter", "memoryInGBs"),
        (size(1, 65), "InvalidParameter", "memoryInGBs"),
        (boot(46), "InvalidParameter", "bootVolumeSizeInGBs"),
        (boot(32769), "InvalidParameter", "bootVolumeSizeInGBs"),
        ({"metadata": {"user_data": "x" * 32001}}, "InvalidParameter", "32000"),
        ({"vnic": {"hostname_label": "not a name"}}, "InvalidParameter", "hostnameLabel"),
        ({"vnic": {"private_ip": "10.0.0.1"}}, "InvalidParameter", "privateIp"),
        ({"vnic": {"nsg_ids": ["ocid1.networksecuritygroup.x"]}}, "InvalidParameter", "nsgIds"),
        ({"source_details": None}, "MissingParameter", "sourceDetails"),
    ],
)
def test_a_wrong_parameter_is_refused(
    cloud: RunningCloud, clients: Clients, changes: dict[str, Any], code: str, words: str
):
    subnet = create_public_subnet(clients)
    with refused(400, code, words):
        clients.compute.launch_instance(launch_details(clients, subnet, **changes))
    assert clients.compute.list_instances(TENANCY).data == []
    assert cloud.machines.machines == {}


def test_what_does_not_exist_is_not_found(clients: Clients):
    subnet = create_public_subnet(clients)
    for changes in ({"shape": "VM.Standard.Z9"}, {"image_id": "ocid1.image.oc1..x"}):
        with refused(404, "NotAuthorizedOrNotFound"):
            launch(clients, subnet, **changes)
    with refused(404, "NotAuthorizedOrNotFound"):
        launch(clients, models.Subnet(id="ocid1.subnet.oc1..x"))


def test_an_image_of_another_architecture_is_refused(clients: Clients):
    x86 = find_image(clients, MICRO)
    with refused(400, "InvalidParameter", f"Shape {A1} is not valid for image {x86.id}"):
        launch(clients, create_public_subnet(clients), image_id=x86.id)


def test_a_subnet_of_another_availability_domain_is_refused(clients: Clients):
    subnet = create_subnet(clients, create_vcn(clients), availability_domain=AD2)
    with refused(400, "InvalidParameter", AD2):
        launch(clients, subnet, availability_domain=AD1)
    assert launch(clients, subnet, availability_domain=AD2).availability_domain == AD2


def test_memory_follows_the_cores_when_it_is_not_said(clients: Clients):
    instance = launch(clients, create_public_subnet(clients), **size(2))
    assert (instance.shape_config.ocpus, instance.shape_config.memory_in_gbs) == (2, 12)


def test_a_fixed_shape_has_its_own_size(clients: Clients):
    image = find_image(clients, MICRO)
    subnet = create_public_subnet(clients)
    instance = launch(clients, subnet, shape=MICRO, shape_config=None, image_id=image.id)
    assert (instance.shape_config.ocpus, instance.shape_config.memory_in_gbs) == (1, 1)


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ([size(5, 6)], ["standard-a1-core-count", "standard-a1-core-regional-count"]),
        ([size(1, 25)], ["standard-a1-memory-count", "standard-a1-memory-regional-count"]),
        ([size(3, 12), size(2, 12)], ["standard-a1-core-count"]),
        ([boot(100), boot(101)], ["total-storage-gb"]),
        ([boot(201)], ["total-storage-gb"]),
    ],
)
def test_limits_of_the_tenancy(clients: Clients, sizes: list[dict[str, Any]], names: list[str]):
    subnet = create_public_subnet(clients)
    *first, last = sizes
    for fits in first:
        launch(clients, subnet, **fits)
    with refused(400, "LimitExceeded") as caught:
        launch(clients, subnet, **last)
    assert all(name in caught.value.message for name in names)


def test_a_limit_of_the_region_holds_across_availability_domains(clients: Clients):
    subnet = create_public_subnet(clients)
    launch(clients, subnet, availability_domain=AD1, **size(3, 18))
    with refused(400, "LimitExceeded", "standard-a1-core-regional-count") as caught:
        launch(clients, subnet, availability_domain=AD2, **size(2, 12))
    assert "standard-a1-core-count" not in caught.value.message


def test_a_paid_shape_is_beyond_the_limits(clients: Clients):
    image = find_image(clients, "VM.Standard.E5.Flex")
    with refused(400, "LimitExceeded", "standard-e5-core-count"):
        launch(clients, create_public_subnet(clients), shape="VM.Standard.E5.Flex", image_id=image.id)


def test_limits_can_be_those_of_another_tenancy(start_cloud):
    clients = start_cloud(limits=ServiceLimits(a1_cores=2, a1_memory_in_gbs=12)).clients()
    with refused(400, "LimitExceeded"):
        launch(clients, create_public_subnet(clients), **size(3, 12))


def test_a_terminated_instance_frees_what_it_used(clients: Clients):
    subnet = create_public_subnet(clients)
    first = launch(clients, subnet, **size(4, 24))
    address = private_ip_of(clients, first).ip_address
    terminate(clients, first)
    second = launch(clients, subnet, **size(4, 24))
    assert vnic_of(clients, second).private_ip == address == "10.0.0.2"


def test_private_addresses_count_up_from_the_third(clients: Clients):
    subnet = create_public_subnet(clients)
    wanted = [None, "10.0.0.9", None]
    given = [vnic_of(clients, launch(clients, subnet, vnic={"private_ip": address})).private_ip for address in wanted]
    assert given == ["10.0.0.2", "10.0.0.9", "10.0.0.3"]
    with refused(400, "InvalidParameter", "10.0.0.9"):
        launch(clients, subnet, vnic={"private_ip": "10.0.0.9"})
