"""What is attached to an instance: its VNIC and its boot volume."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from sandbox.cloud.compute.models import BootVolumeAttachment, VnicAttachment
from sandbox.cloud.routing import Here, Listing, OciRoute, show, show_resources

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class VnicAttachmentListing(Listing):
    instance_id: str | None = None
    vnic_id: str | None = None


class BootVolumeAttachmentListing(Listing):
    availability_domain: str
    instance_id: str | None = None
    boot_volume_id: str | None = None


@router.get("/vnicAttachments")
async def list_vnic_attachments(here: Here, listing: Annotated[VnicAttachmentListing, Query()]) -> JSONResponse:
    return show_resources(here, here.store.all(VnicAttachment), listing)


@router.get("/vnicAttachments/{vnic_attachment_id}")
async def get_vnic_attachment(here: Here, vnic_attachment_id: str) -> JSONResponse:
    return show(here.store.get(VnicAttachment, vnic_attachment_id))


@router.get("/bootVolumeAttachments")
async def list_boot_volume_attachments(
    here: Here, listing: Annotated[BootVolumeAttachmentListing, Query()]
) -> JSONResponse:
    return show_resources(here, here.store.all(BootVolumeAttachment), listing)


@router.get("/bootVolumeAttachments/{boot_volume_attachment_id}")
async def get_boot_volume_attachment(here: Here, boot_volume_attachment_id: str) -> JSONResponse:
    return show(here.store.get(BootVolumeAttachment, boot_volume_attachment_id))
