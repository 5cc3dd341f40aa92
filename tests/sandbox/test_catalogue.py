"""Images and shapes."""

import pytest

from tests.sandbox.conftest import TENANCY, Clients, RunningCloud
from tests.sandbox.vocabulary import A1, AD1, AD2, refused

MICRO = "VM.Standard.E2.1.Micro"


@pytest.mark.parametrize("version", ["22.04", "24.04"])
@pytest.mark.parametrize(("shape", "architecture"), [(A1, "-aarch64"), (MICRO, "")])
def test_the_newest_ubuntu_comes_first(clients: Clients, version: str, shape: str, architecture: str):
    images = clients.compute.list_images(
        TENANCY, operating_system="Canonical Ubuntu", operating_system_version=version, shape=shape
    ).data
    assert [image.display_name for image in images] == [
        f"Canonical-Ubuntu-{version}{architecture}-2026.10.31-0",
        f"Canonical-Ubuntu-{version}{architecture}-2026.08.31-0",
    ]
    assert images[0].time_created > images[1].time_created
    assert clients.compute.get_image(images[0].id).data.operating_system_version == version


def test_an_image_says_which_shapes_it_fits(clients: Clients):
    (image,) = clients.compute.list_images(TENANCY, display_name="Canonical-Ubuntu-24.04-aarch64-2026.10.31-0").data
    fits = clients.compute.list_image_shape_compatibility_entries(image.id).data
    assert [entry.shape for entry in fits] == [A1]
    assert [row.shape for row in clients.compute.list_shapes(TENANCY, image_id=image.id).data] == [A1]


def test_a_flexible_shape_says_how_far_it_goes(clients: Clients):
    shapes = {row.shape: row for row in clients.compute.list_shapes(TENANCY, availability_domain=AD1).data}
    flexible = shapes[A1]
    assert flexible.is_flexible and (flexible.ocpu_options.min, flexible.ocpu_options.max) == (1, 80)
    assert (flexible.memory_options.min_per_ocpu_in_gbs, flexible.memory_options.max_per_ocpu_in_gbs) == (1, 64)
    assert (shapes[MICRO].billing_type, shapes[MICRO].ocpu_options) == ("ALWAYS_FREE", None)


def test_an_availability_domain_may_lack_a_shape(cloud: RunningCloud, clients: Clients):
    cloud.admin("PUT", "capacity", availability_domains_without_a1=[AD1])
    assert A1 not in [row.shape for row in clients.compute.list_shapes(TENANCY, availability_domain=AD1).data]
    assert A1 in [row.shape for row in clients.compute.list_shapes(TENANCY, availability_domain=AD2).data]


def test_an_unknown_image(clients: Clients):
    with refused(404, "NotAuthorizedOrNotFound"):
        clients.compute.get_image("ocid1.image.oc1.ap-tokyo-1.x")
