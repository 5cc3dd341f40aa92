"""Boot volumes: made by a launch, and kept after a termination that asks for it."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from sandbox.cloud.block_storage.models import BootVolume
from sandbox.cloud.compute.models import BootVolumeAttachment
from sandbox.cloud.errors import conflict, incorrect_state, invalid_parameter
from sandbox.cloud.limits import check_limits
from sandbox.cloud.routing import Here, IfMatch, Listing, OciRoute, no_content, show, show_list, show_resources
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import TaggedDetails

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class BootVolumeListing(Listing):
    volume_group_id: str | None = None


class UpdateBootVolumeDetails(TaggedDetails):
    size_in_gbs: int | None = Field(default=None, le=32768)
    vpus_per_gb: int | None = Field(default=None, ge=10, le=120)


@router.get("/bootVolumes")
async def list_boot_volumes(here: Here, listing: Annotated[BootVolumeListing, Query()]) -> JSONResponse:
    return show_resources(here, here.store.all(BootVolume), listing)


@router.get("/bootVolumes/{boot_volume_id}")
async def get_boot_volume(here: Here, boot_volume_id: str) -> JSONResponse:
    return show(here.store.get(BootVolume, boot_volume_id))


@router.put("/bootVolumes/{boot_volume_id}")
async def update_boot_volume(
    here: Here, boot_volume_id: str, details: UpdateBootVolumeDetails, if_match: IfMatch = None
) -> JSONResponse:
    volume = here.store.get(BootVolume, boot_volume_id, if_match)
    _check_alive(volume)
    size = details.size_in_gbs or volume.size_in_gbs
    if size < volume.size_in_gbs:
        raise invalid_parameter(f"sizeInGBs: a volume of {volume.size_in_gbs} GB cannot be made smaller.")
    check_limits(here.config.limits, here.store, {"total-storage-gb": size - volume.size_in_gbs})
    changes = details.given("size_in_gbs", "vpus_per_gb") | details.given_names_and_tags()
    return show(here.store.change(volume, **changes, size_in_mbs=size * 1024))


@router.delete("/bootVolumes/{boot_volume_id}")
async def delete_boot_volume(here: Here, boot_volume_id: str, if_match: IfMatch = None) -> Response:
    volume = here.store.get(BootVolume, boot_volume_id, if_match)
    _check_alive(volume)
    for attachment in here.store.all(BootVolumeAttachment):
        if attachment.boot_volume_id == volume.id and attachment.lifecycle_state != "DETACHED":
            raise conflict(f"Boot volume {volume.id} is attached to instance {attachment.instance_id}.")
    terminate_boot_volume(here, volume)
    return no_content()


def terminate_boot_volume(here: Cloud, volume: BootVolume) -> None:
    here.store.change(volume, lifecycle_state="TERMINATING")
    here.lifecycle.settle(volume, "TERMINATED")


def _check_alive(volume: BootVolume) -> None:
    if volume.lifecycle_state != "AVAILABLE":
        raise incorrect_state(f"Boot volume {volume.id} is {volume.lifecycle_state}.")


@router.get("/volumes")
async def list_volumes(here: Here, listing: Annotated[BootVolumeListing, Query()]) -> JSONResponse:
    """The sandbox attaches no block volumes, so there are none."""
    here.check_compartment(listing.compartment_id)
    return show_list([], listing)
