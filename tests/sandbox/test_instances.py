"""Instances after their launch: actions, failures, and what happens to the machine behind the API's back."""

import threading
import time

import pytest
from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    create_public_subnet,
    launch,
    launch_details,
    refused,
    terminate,
    wait_for,
)


def the_machine(cloud: RunningCloud):
    (machine,) = cloud.machines.machines.values()
    return machine


@pytest.mark.parametrize(("action", "graceful"), [("STOP", False), ("SOFTSTOP", True)])
def test_stop_and_start(cloud: RunningCloud, clients: Clients, action: str, graceful: bool):
    instance = launch(clients, create_public_subnet(clients))
    assert clients.compute.instance_action(instance.id, action).data.lifecycle_state == "STOPPING"
    wait_for(clients.compute.get_instance, instance.id, "STOPPED")
    assert (the_machine(cloud).is_running, the_machine(cloud).stops) == (False, [graceful])
    assert clients.compute.instance_action(instance.id, "START").data.lifecycle_state == "STARTING"
    wait_for(clients.compute.get_instance, instance.id, "RUNNING")
    assert the_machine(cloud).is_running


@pytest.mark.parametrize(("action", "graceful"), [("RESET", False), ("SOFTRESET", True)])
def test_reset(cloud: RunningCloud, clients: Clients, action: str, graceful: bool):
    instance = launch(clients, create_public_subnet(clients))
    clients.compute.instance_action(instance.id, action)
    wait_for(clients.compute.get_instance, instance.id, "RUNNING")
    assert the_machine(cloud).resets == [graceful]


def test_an_action_needs_the_right_state(slow_clients: Clients):
    clients = slow_clients
    instance = launch(clients, create_public_subnet(clients))
    with refused(409, "IncorrectState", "START needs it to be STOPPED"):
        clients.compute.instance_action(instance.id, "START")
    clients.compute.instance_action(instance.id, "STOP")
    with refused(409, "IncorrectState", "STOPPING"):
        clients.compute.instance_action(instance.id, "STOP")
    terminate(clients, instance)
    with refused(409, "IncorrectState", "TERMINATED"):
        clients.compute.instance_action(instance.id, "START")
    with refused(400, "InvalidParameter", "action"):
        clients.compute.instance_action(instance.id, "DANCE")


def test_a_machine_that_shut_itself_down_is_stopped(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    the_machine(cloud).is_running = False
    assert clients.compute.get_instance(instance.id).data.lifecycle_state == "STOPPED"
    assert clients.compute.list_instances(TENANCY, lifecycle_state="STOPPED").data[0].id == instance.id
    clients.compute.instance_action(instance.id, "START")
    wait_for(clients.compute.get_instance, instance.id, "RUNNING")


def test_a_machine_that_cannot_be_made_ends_terminated(cloud: RunningCloud, clients: Clients):
    cloud.machines.refuse = "no disk left"
    answer = clients.compute.launch_instance(launch_details(clients, create_public_subnet(clients)))
    wait_for(clients.compute.get_instance, answer.data.id, "TERMINATED")
    request_id = answer.headers["opc-work-request-id"]
    assert clients.work_requests.get_work_request(request_id).data.status == "FAILED"
    (error,) = clients.work_requests.list_work_request_errors(request_id).data
    assert "no disk left" in error.message
    (attachment,) = clients.compute.list_vnic_attachments(TENANCY, instance_id=answer.data.id).data
    assert attachment.lifecycle_state == "DETACHED"


def test_work_requests_follow_launch_and_termination(slow_clients: Clients):
    clients = slow_clients
    subnet = create_public_subnet(clients)
    launched = clients.compute.launch_instance(launch_details(clients, subnet))
    request = clients.work_requests.get_work_request(launched.headers["opc-work-request-id"]).data
    assert (request.operation_type, request.status, request.percent_complete) == ("LaunchInstance", "IN_PROGRESS", 0)
    wait_for(clients.compute.get_instance, launched.data.id, "RUNNING")
    request = clients.work_requests.get_work_request(request.id).data
    assert (request.status, request.percent_complete, request.resources[0].action_type) == ("SUCCEEDED", 100, "CREATED")
    ended = clients.compute.terminate_instance(launched.data.id)
    wait_for(clients.compute.get_instance, launched.data.id, "TERMINATED")
    listed = clients.work_requests.list_work_requests(TENANCY, resource_id=launched.data.id).data
    assert [row.id for row in listed] == [ended.headers["opc-work-request-id"], request.id]
    assert clients.work_requests.list_work_request_logs(request.id).data[0].message == "LaunchInstance accepted"


def test_the_api_answers_while_a_machine_is_made(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    may_finish = threading.Event()
    create = cloud.machines.create
    cloud.machines.create = lambda spec: (may_finish.wait(10), create(spec))
    launched = clients.compute.launch_instance(launch_details(clients, subnet)).data
    time.sleep(0.1)
    asked = time.monotonic()
    assert clients.compute.get_instance(launched.id).data.lifecycle_state == "PROVISIONING"
    assert time.monotonic() - asked < 5
    may_finish.set()
    wait_for(clients.compute.get_instance, launched.id, "RUNNING")


def test_a_termination_waits_for_the_launch_to_end(cloud: RunningCloud, clients: Clients):
    events = []
    cloud.machines.create = lambda spec: (time.sleep(0.5), events.append("created"))
    cloud.machines.terminate = lambda name: events.append("terminated")
    launched = clients.compute.launch_instance(launch_details(clients, create_public_subnet(clients))).data
    clients.compute.terminate_instance(launched.id)
    wait_for(clients.compute.get_instance, launched.id, "TERMINATED")
    assert events == ["created", "terminated"]
    assert clients.compute.terminate_instance(launched.id).status == 204


def test_update_renames_and_keeps_the_keys(clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    details = models.UpdateInstanceDetails(display_name="new", freeform_tags={"site": "shop"})
    updated = clients.compute.update_instance(instance.id, details).data
    assert (updated.display_name, updated.freeform_tags, updated.metadata) == (
        "new",
        {"site": "shop"},
        instance.metadata,
    )
    with refused(400, "InvalidParameter", "ssh_authorized_keys"):
        changed = models.UpdateInstanceDetails(metadata={"ssh_authorized_keys": "another"})
        clients.compute.update_instance(instance.id, changed)


def test_the_console_of_a_machine_that_is_not_there_yet(slow_clients: Clients):
    clients = slow_clients
    launched = clients.compute.launch_instance(launch_details(clients, create_public_subnet(clients))).data
    with refused(409, "IncorrectState"):
        clients.compute.capture_console_history(models.CaptureConsoleHistoryDetails(instance_id=launched.id))


def test_a_console_that_cannot_be_read_is_an_internal_error(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    cloud.machines.machines.clear()
    with refused(500, "InternalError", "KeyError"):
        clients.compute.capture_console_history(models.CaptureConsoleHistoryDetails(instance_id=instance.id))
    assert clients.compute.list_console_histories(TENANCY).data == []
