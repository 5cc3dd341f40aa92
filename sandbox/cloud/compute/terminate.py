"""TerminateInstance, and what an instance leaves behind."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from sandbox.cloud.block_storage.boot_volumes import terminate_boot_volume
from sandbox.cloud.block_storage.models import BootVolume
from sandbox.cloud.compute.models import GONE, BootVolumeAttachment, Instance, VnicAttachment
from sandbox.cloud.network.models import Vnic
from sandbox.cloud.network.vnics import detach_vnic
from sandbox.cloud.routing import Here, IfMatch, OciRoute, no_content
from sandbox.cloud.state import Cloud
from sandbox.cloud.work_requests import WorkRequest, fail_work_request, finish_work_request, open_work_request

router = APIRouter(prefix="/20160918", route_class=OciRoute)


@router.delete("/instances/{instance_id}")
async def terminate_instance(
    here: Here,
    instance_id: str,
    if_match: IfMatch = None,
    preserve_boot_volume: Annotated[bool, Query(alias="preserveBootVolume")] = False,
) -> Response:
    """Asking again for what is already gone changes nothing."""
    instance = here.store.get(Instance, instance_id, if_match)
    if instance.lifecycle_state in GONE:
        return no_content()
    here.store.change(instance, lifecycle_state="TERMINATING", is_busy=True)
    work_request = open_work_request(here, "TerminateInstance", instance, "instance", "instances")
    here.lifecycle.spawn(_terminate(here, instance, work_request, preserve_boot_volume=preserve_boot_volume))
    return no_content({"opc-work-request-id": work_request.id})


async def _terminate(here: Cloud, instance: Instance, work_request: WorkRequest, *, preserve_boot_volume: bool) -> None:
    await here.lifecycle.pause()
    async with here.turn_of(instance.machine):
        failure = await remove(here, instance, preserve_boot_volume=preserve_boot_volume)
        if failure is None:
            finish_work_request(here, work_request, "DELETED")
        else:
            fail_work_request(here, work_request, f"The machine could not be removed: {failure}")


async def remove(here: Cloud, instance: Instance, *, preserve_boot_volume: bool = False) -> BaseException | None:
    """Take the machine away and everything off it; the failure of the machine, which OCI's state ignores."""
    here.traffic.close(instance.machine)
    _detach_all(here, instance, preserve_boot_volume=preserve_boot_volume)
    # One after the other: the addresses are taken from the machine while it still exists.
    withdrawal = await asyncio.gather(here.traffic.apply(), return_exceptions=True)
    removal = asyncio.to_thread(here.machines.terminate, instance.machine)
    results = [*withdrawal, *await asyncio.gather(removal, return_exceptions=True)]
    here.store.change(instance, lifecycle_state="TERMINATED")
    failures = [result for result in results if result is not None and not isinstance(result, KeyError)]
    return failures[0] if failures else None


def _detach_all(here: Cloud, instance: Instance, *, preserve_boot_volume: bool) -> None:
    """Detach everything; the attachments stay listed as DETACHED, the VNIC and its addresses are gone."""
    for attachment in here.store.all(VnicAttachment):
        vnic = here.store.find(Vnic, attachment.vnic_id)
        if attachment.instance_id == instance.id and vnic:
            detach_vnic(here, vnic)
            here.store.change(attachment, lifecycle_state="DETACHED")
    for boot in here.store.all(BootVolumeAttachment):
        if boot.instance_id == instance.id and boot.lifecycle_state != "DETACHED":
            here.store.change(boot, lifecycle_state="DETACHED")
            if not preserve_boot_volume:
                terminate_boot_volume(here, here.store.get(BootVolume, boot.boot_volume_id))
