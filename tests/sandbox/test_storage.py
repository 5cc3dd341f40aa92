"""Boot volumes, from launch to orphan."""

from oci.core import models

from tests.sandbox.conftest import TENANCY, Clients
from tests.sandbox.vocabulary import AD1, AD2, create_public_subnet, launch, refused, terminate, wait_for


def boot_volume_of(clients: Clients, instance):
    (attachment,) = clients.compute.list_boot_volume_attachments(AD1, TENANCY, instance_id=instance.id).data
    return clients.storage.get_boot_volume(attachment.boot_volume_id).data


def test_a_launch_makes_a_boot_volume_of_the_asked_size(clients: Clients):
    subnet = create_public_subnet(clients)
    big = boot_volume_of(clients, launch(clients, subnet, source={"boot_volume_size_in_gbs": 100}))
    least = boot_volume_of(clients, launch(clients, subnet))
    assert (big.size_in_gbs, big.size_in_mbs, least.size_in_gbs) == (100, 102400, 47)
    listed = clients.storage.list_boot_volumes(availability_domain=AD1, compartment_id=TENANCY).data
    assert {row.id for row in listed} == {big.id, least.id}
    assert clients.storage.list_boot_volumes(availability_domain=AD2, compartment_id=TENANCY).data == []


def test_an_attached_boot_volume_cannot_be_deleted(clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    volume = boot_volume_of(clients, instance)
    with refused(409, "Conflict", instance.id):
        clients.storage.delete_boot_volume(volume.id)


def test_a_kept_boot_volume_is_an_orphan_until_it_is_deleted(clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    volume = boot_volume_of(clients, instance)
    terminate(clients, instance, preserve_boot_volume=True)
    assert clients.storage.get_boot_volume(volume.id).data.lifecycle_state == "AVAILABLE"
    clients.storage.delete_boot_volume(volume.id)
    wait_for(clients.storage.get_boot_volume, volume.id, "TERMINATED")


def test_a_boot_volume_goes_with_its_instance(clients: Clients):
    instance = launch(clients, create_public_subnet(clients))
    volume = boot_volume_of(clients, instance)
    terminate(clients, instance)
    wait_for(clients.storage.get_boot_volume, volume.id, "TERMINATED")
    (attachment,) = clients.compute.list_boot_volume_attachments(AD1, TENANCY).data
    assert attachment.lifecycle_state == "DETACHED"


def test_a_boot_volume_grows_within_the_limit_and_never_shrinks(clients: Clients):
    volume = boot_volume_of(clients, launch(clients, create_public_subnet(clients)))
    wait_for(clients.storage.get_boot_volume, volume.id, "AVAILABLE")
    grown = clients.storage.update_boot_volume(volume.id, models.UpdateBootVolumeDetails(size_in_gbs=200)).data
    assert (grown.size_in_gbs, grown.size_in_mbs) == (200, 204800)
    with refused(400, "InvalidParameter", "smaller"):
        clients.storage.update_boot_volume(volume.id, models.UpdateBootVolumeDetails(size_in_gbs=100))
    with refused(400, "LimitExceeded", "total-storage-gb"):
        clients.storage.update_boot_volume(volume.id, models.UpdateBootVolumeDetails(size_in_gbs=201))
