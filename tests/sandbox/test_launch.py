"""From nothing to a running instance, and back."""

import oci
from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    A1,
    create_public_subnet,
    launch,
    launch_details,
    terminate,
    vnic_of,
    wait_for,
)


def test_launch_makes_a_machine_of_the_asked_size(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    instance = launch(clients, subnet, metadata={"ssh_authorized_keys": "key", "user_data": "I2Nsb3VkLWNvbmZpZw=="})
    (machine,) = cloud.machines.machines.values()
    assert (machine.spec.ocpus, machine.spec.memory_in_gbs) == (1, 6)
    assert machine.spec.metadata == {"ssh_authorized_keys": "key", "user_data": "I2Nsb3VkLWNvbmZpZw=="}
    assert machine.spec.hostname == "dashboard"
    assert (instance.shape, instance.shape_config.memory_in_gbs, instance.region) == (A1, 6, "ap-tokyo-1")


def test_composite_operation_launches_and_waits(clients: Clients):
    subnet = create_public_subnet(clients)
    composite = oci.core.ComputeClientCompositeOperations(clients.compute)
    answer = composite.launch_instance_and_wait_for_state(
        launch_details(clients, subnet), wait_for_states=["RUNNING"], waiter_kwargs={"max_interval_seconds": 0.05}
    )
    assert answer.data.lifecycle_state == "RUNNING"
    assert vnic_of(clients, answer.data).private_ip == "10.0.0.2"


def test_console_history_shows_the_console_of_that_moment(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    captured = clients.compute.capture_console_history(
        models.CaptureConsoleHistoryDetails(instance_id=instance.id)
    ).data
    assert captured.lifecycle_state == "REQUESTED"
    wait_for(clients.compute.get_console_history, captured.id, "SUCCEEDED")
    content = clients.compute.get_console_history_content(captured.id).data
    assert b"cloud-init on dashboard" in _as_bytes(content)
    part = clients.compute.get_console_history_content(captured.id, offset=2, length=4)
    assert (_as_bytes(part.data), part.headers["opc-bytes-remaining"]) == (b" OK ", str(len(content) - 6))
    listed = clients.compute.list_console_histories(TENANCY, instance_id=instance.id).data
    assert [row.id for row in listed] == [captured.id]
    clients.compute.delete_console_history(captured.id)
    assert clients.compute.list_console_histories(TENANCY).data == []


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def test_terminated_instance_stays_listed(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    terminate(clients, instance)
    assert cloud.machines.machines == {}
    (listed,) = clients.compute.list_instances(TENANCY).data
    assert (listed.id, listed.lifecycle_state) == (instance.id, "TERMINATED")
