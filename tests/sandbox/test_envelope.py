"""What every service has in common: errors, request ids, retry tokens, etags, pages, states."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import oci
import pytest
from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import (
    create_gateway,
    create_public_subnet,
    create_vcn,
    launch,
    launch_details,
    refused,
    terminate,
    wait_for,
)


def vcn_details(name: str = "site", cidr: str = "10.0.0.0/16") -> models.CreateVcnDetails:
    return models.CreateVcnDetails(compartment_id=TENANCY, cidr_blocks=[cidr], display_name=name)


def test_every_answer_names_its_request(clients: Clients):
    answer = clients.network.list_vcns(TENANCY)
    sent = answer.request.header_params["opc-request-id"]
    assert re.fullmatch(rf"{sent}(/[0-9A-F]{{32}}){{2}}", answer.request_id)


def test_an_unknown_ocid_is_not_found(clients: Clients):
    with refused(404, "NotAuthorizedOrNotFound", "not found"):
        clients.network.get_vcn("ocid1.vcn.oc1.ap-tokyo-1." + "x" * 60)


def test_an_ocid_of_another_kind_is_not_found(clients: Clients):
    vcn = create_vcn(clients)
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.network.get_route_table(vcn.id)


def test_a_foreign_compartment_is_not_found(clients: Clients):
    foreign = "ocid1.compartment.oc1.." + "x" * 60
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.network.list_vcns(foreign)
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.network.create_vcn(models.CreateVcnDetails(compartment_id=foreign, cidr_blocks=["10.0.0.0/16"]))


def test_a_missing_field_is_named(clients: Clients):
    with refused(400, "MissingParameter", "compartmentId"):
        clients.network.create_vcn(models.CreateVcnDetails(cidr_blocks=["10.0.0.0/16"]))


def test_a_malformed_field_is_named(clients: Clients):
    with refused(400, "InvalidParameter", "cidrBlocks"):
        clients.network.create_vcn(vcn_details(cidr="ten"))


def test_a_field_that_is_not_emulated_is_refused_and_not_ignored(clients: Clients):
    with refused(400, "InvalidParameter", "byoipv6CidrDetails"):
        clients.network.create_vcn(
            models.CreateVcnDetails(compartment_id=TENANCY, cidr_blocks=["10.0.0.0/16"], byoipv6_cidr_details=[])
        )


def test_an_operation_that_is_not_emulated_says_so(clients: Clients):
    with refused(501, "NotImplemented", "does not emulate"):
        clients.network.list_drgs(TENANCY)


def test_a_body_that_is_not_json_cannot_be_parsed(cloud: RunningCloud):
    answer = httpx.post(f"{cloud.url}/admin/faults", content="{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "CannotParseRequest")


def test_the_same_retry_token_makes_one_resource(cloud: RunningCloud, clients: Clients):
    subnet = create_public_subnet(clients)
    details = launch_details(clients, subnet)
    first = clients.compute.launch_instance(details, opc_retry_token="token").data
    again = clients.compute.launch_instance(details, opc_retry_token="token").data
    other = clients.compute.launch_instance(details, opc_retry_token="another").data
    assert first.id == again.id != other.id
    wait_for(clients.compute.get_instance, other.id, "RUNNING")
    assert len(cloud.machines.machines) == 2


def test_a_retry_token_holds_for_requests_at_the_same_moment(cloud: RunningCloud, clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    cloud.machines.read_console = lambda name: time.sleep(0.3) or b"slow"
    details = models.CaptureConsoleHistoryDetails(instance_id=instance.id)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(clients.compute.capture_console_history, details, opc_retry_token="t") for _ in range(4)]
    assert len({call.result().data.id for call in calls}) == 1
    assert len(clients.compute.list_console_histories(TENANCY).data) == 1


def test_a_retry_token_is_for_one_body(clients: Clients):
    clients.network.create_vcn(vcn_details("one"), opc_retry_token="token")
    with refused(409, "InvalidatedRetryToken"):
        clients.network.create_vcn(vcn_details("two"), opc_retry_token="token")


def test_a_retry_token_dies_with_its_resource(clients: Clients):
    details = launch_details(clients, create_public_subnet(clients))
    instance = clients.compute.launch_instance(details, opc_retry_token="token").data
    wait_for(clients.compute.get_instance, instance.id, "RUNNING")
    terminate(clients, instance)
    with refused(409, "InvalidatedRetryToken"):
        clients.compute.launch_instance(details, opc_retry_token="token")


def test_a_refused_request_does_not_use_its_retry_token_up(clients: Clients):
    with refused(400, "InvalidParameter"):
        clients.network.create_vcn(vcn_details(cidr="10.0.0.1/16"), opc_retry_token="token")
    assert clients.network.create_vcn(vcn_details(), opc_retry_token="token").status == 200


def test_an_etag_changes_with_the_resource_and_guards_it(clients: Clients):
    vcn = create_vcn(clients)
    read = clients.network.get_vcn(vcn.id).headers["etag"]
    renamed = clients.network.update_vcn(vcn.id, models.UpdateVcnDetails(display_name="new"), if_match=read)
    assert renamed.headers["etag"] == clients.network.get_vcn(vcn.id).headers["etag"] != read
    with refused(412, "NoEtagMatch"):
        clients.network.update_vcn(vcn.id, models.UpdateVcnDetails(display_name="newer"), if_match=read)
    with refused(412, "NoEtagMatch"):
        clients.network.delete_vcn(vcn.id, if_match=read)
    assert clients.network.get_vcn(vcn.id).data.display_name == "new"


def test_a_list_comes_in_pages(clients: Clients):
    first = clients.compute.list_images(TENANCY, limit=7, sort_by="DISPLAYNAME")
    assert len(first.data) == 7
    second = clients.compute.list_images(TENANCY, limit=7, page=first.next_page, sort_by="DISPLAYNAME")
    everything = oci.pagination.list_call_get_all_results(
        clients.compute.list_images, TENANCY, limit=7, sort_by="DISPLAYNAME"
    ).data
    names = [image.display_name for image in everything]
    assert names == sorted(names)
    assert [image.display_name for image in first.data + second.data] == names[:14]
    assert len(names) == 20


def test_the_last_page_says_so(clients: Clients):
    assert not clients.compute.list_images(TENANCY, limit=20).has_next_page
    assert clients.compute.list_images(TENANCY, limit=19).has_next_page


@pytest.mark.parametrize("query", [{"page": "nonsense"}, {"limit": 0}, {"limit": 100000}])
def test_a_page_that_does_not_exist_is_refused(clients: Clients, query: dict):
    with refused(400, "InvalidParameter"):
        clients.compute.list_images(TENANCY, **query)


def test_lists_are_filtered_and_sorted(clients: Clients):
    vcn = create_vcn(clients, display_name="b")
    create_vcn(clients, "10.1.0.0/16", display_name="a")
    ascending = clients.network.list_vcns(TENANCY, sort_by="DISPLAYNAME").data
    newest_first = clients.network.list_vcns(TENANCY).data
    assert [row.display_name for row in ascending] == ["a", "b"]
    assert [row.display_name for row in newest_first] == ["a", "b"]
    assert [row.id for row in clients.network.list_vcns(TENANCY, display_name="b").data] == [vcn.id]
    assert clients.network.list_vcns(TENANCY, lifecycle_state="TERMINATED").data == []
    assert clients.network.list_vcns(clients.identity.list_compartments(TENANCY).data[0].id).data == []


def test_states_take_time_and_the_sdk_waits_for_them(clients: Clients):
    made = clients.network.create_vcn(vcn_details()).data
    assert made.lifecycle_state == "PROVISIONING"
    ready = oci.wait_until(clients.network, clients.network.get_vcn(made.id), "lifecycle_state", "AVAILABLE")
    assert ready.data.lifecycle_state == "AVAILABLE"


def test_a_deleted_network_resource_is_terminating_and_then_unknown(slow_clients: Clients):
    clients = slow_clients
    vcn = create_vcn(clients)
    read = clients.network.get_vcn(vcn.id)
    clients.network.delete_vcn(vcn.id)
    assert clients.network.get_vcn(vcn.id).data.lifecycle_state == "TERMINATING"
    gone = oci.wait_until(clients.network, read, "lifecycle_state", "TERMINATED", succeed_on_not_found=True)
    assert gone is oci.waiter.WAIT_RESOURCE_NOT_FOUND
    assert clients.network.list_vcns(TENANCY).data == []


def test_what_is_still_being_made_cannot_be_built_upon(slow_clients: Clients):
    vcn = slow_clients.network.create_vcn(vcn_details()).data
    with refused(409, "IncorrectState", "PROVISIONING"):
        create_gateway(slow_clients, vcn)


def test_tags_are_kept_and_replaced_as_a_whole(clients: Clients):
    vcn = create_vcn(clients, freeform_tags={"site": "shop", "role": "vcn"}, defined_tags={"ops": {"cost": "0"}})
    assert (vcn.freeform_tags, vcn.defined_tags) == ({"site": "shop", "role": "vcn"}, {"ops": {"cost": "0"}})
    changed = clients.network.update_vcn(vcn.id, models.UpdateVcnDetails(freeform_tags={"site": "blog"})).data
    assert (changed.freeform_tags, changed.display_name) == ({"site": "blog"}, vcn.display_name)
    with refused(400, "InvalidParameter", "freeformTags"):
        clients.network.update_vcn(vcn.id, models.UpdateVcnDetails(freeform_tags={"k" * 101: "v"}))
