"""LaunchInstance: the answer comes at once, the machine is made in the background."""

import asyncio
import re
import secrets

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from sandbox.cloud.block_storage.models import BootVolume
from sandbox.cloud.compute.images import find_image
from sandbox.cloud.compute.launch_details import (
    LaunchInstanceDetails,
    check_image_fits,
    get_shape,
    needed_limits,
    sized,
)
from sandbox.cloud.compute.models import BootVolumeAttachment, Instance, InstanceShapeConfig, VnicAttachment
from sandbox.cloud.compute.terminate import remove
from sandbox.cloud.errors import invalid_parameter, not_found
from sandbox.cloud.limits import check_limits
from sandbox.cloud.machines import MachineSpec
from sandbox.cloud.network.models import Subnet, Vnic
from sandbox.cloud.network.public_ips import assign_ephemeral
from sandbox.cloud.network.subnets import choose_private_address
from sandbox.cloud.network.vnics import attach_vnic, new_mac_address
from sandbox.cloud.routing import Here, OciRoute, show
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import default_display_name
from sandbox.cloud.work_requests import WorkRequest, fail_work_request, finish_work_request, open_work_request

router = APIRouter(prefix="/20160918", route_class=OciRoute)


@router.post("/instances")
async def launch_instance(here: Here, details: LaunchInstanceDetails) -> JSONResponse:
    here.check_compartment(details.compartment_id)
    here.check_availability_domain(details.availability_domain)
    details.check_placement()
    details.check_metadata()
    shape = get_shape(details.shape)
    if not here.capacity.is_supported(shape.name, details.availability_domain):
        raise not_found(f"shape {shape.name} not found")
    check_image_fits(shape, find_image(here, details.chosen_image_id))
    config = sized(shape, details.shape_config)
    boot_volume_size = details.boot_volume_size_in_gbs()
    subnet = _checked_subnet(here, details)
    address = choose_private_address(here.store, subnet, details.create_vnic_details.private_ip)
    needs = needed_limits(shape, config, boot_volume_size)
    check_limits(here.config.limits, here.store, needs, details.availability_domain)
    fault_domain = here.capacity.take(details.availability_domain, details.fault_domain)

    instance = here.store.add(_new_instance(here, details, config, fault_domain))
    _add_boot_volume(here, instance, boot_volume_size)
    _add_vnic(here, instance, details, subnet, address)
    work_request = open_work_request(here, "LaunchInstance", instance, "instance", "instances")
    here.lifecycle.spawn(_provision(here, instance, _machine_spec(instance, details), work_request))
    return show(instance, headers={"opc-work-request-id": work_request.id})


def _checked_subnet(here: Cloud, details: LaunchInstanceDetails) -> Subnet:
    subnet = here.get_available(Subnet, details.chosen_subnet_id)
    if subnet.availability_domain not in (None, details.availability_domain):
        raise invalid_parameter(f"Subnet {subnet.id} is in availability domain {subnet.availability_domain}.")
    if details.create_vnic_details.assign_public_ip and subnet.prohibit_public_ip_on_vnic:
        raise invalid_parameter(f"assignPublicIp: subnet {subnet.id} prohibits public IPs.")
    return subnet


def _new_instance(
    here: Cloud, details: LaunchInstanceDetails, config: InstanceShapeConfig, fault_domain: str
) -> Instance:
    display_name = details.display_name or default_display_name("instance")
    shared = {"compartment_id", "availability_domain", "shape", "metadata", "extended_metadata"}
    options = {"agent_config", "instance_options", "availability_config", "launch_options"}
    return Instance(
        **details.model_dump(include=shared | options),
        **details.tags(),
        id=here.new_id("instance"),
        display_name=display_name,
        fault_domain=fault_domain,
        region=here.config.region,
        shape_config=config,
        image_id=details.chosen_image_id,
        source_details={"sourceType": "image", "imageId": details.chosen_image_id},
        machine=f"{_hostname(display_name)[:30].strip('-')}-{secrets.token_hex(4)}",
    )


def _hostname(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63] or "instance"


def _machine_spec(instance: Instance, details: LaunchInstanceDetails) -> MachineSpec:
    label = details.create_vnic_details.hostname_label or details.hostname_label
    return MachineSpec(
        name=instance.machine,
        hostname=label or _hostname(instance.display_name),
        ocpus=instance.shape_config.ocpus,
        memory_in_gbs=instance.shape_config.memory_in_gbs,
        metadata=dict(instance.metadata),
    )


def _add_boot_volume(here: Cloud, instance: Instance, size_in_gbs: int) -> None:
    volume = BootVolume(
        id=here.new_id("bootvolume"),
        compartment_id=instance.compartment_id,
        display_name=f"{instance.display_name} (Boot Volume)",
        availability_domain=instance.availability_domain,
        image_id=instance.image_id,
        size_in_gbs=size_in_gbs,
        size_in_mbs=size_in_gbs * 1024,
    )
    here.lifecycle.settle(here.store.add(volume), "AVAILABLE")
    attachment = BootVolumeAttachment(
        # OCI gives the attachment the instance's own OCID; ours differ so that every OCID names one thing.
        id=here.new_id("bootvolumeattachment"),
        compartment_id=instance.compartment_id,
        availability_domain=instance.availability_domain,
        display_name=f"Remote boot attachment for {instance.display_name}",
        instance_id=instance.id,
        boot_volume_id=volume.id,
    )
    here.lifecycle.settle(here.store.add(attachment), "ATTACHED")


def _add_vnic(here: Cloud, instance: Instance, details: LaunchInstanceDetails, subnet: Subnet, address: str) -> None:
    asked = details.create_vnic_details
    vnic = Vnic(
        id=here.new_id("vnic"),
        compartment_id=instance.compartment_id,
        display_name=asked.display_name or instance.display_name,
        **asked.tags(),
        availability_domain=instance.availability_domain,
        subnet_id=subnet.id,
        hostname_label=asked.hostname_label or details.hostname_label,
        mac_address=new_mac_address(),
        private_ip=address,
        skip_source_dest_check=asked.skip_source_dest_check,
        machine=instance.machine,
    )
    private_ip = attach_vnic(here, vnic, subnet)
    here.lifecycle.settle(vnic, "AVAILABLE")
    if asked.assign_public_ip is not False and not subnet.prohibit_public_ip_on_vnic:
        assign_ephemeral(here, private_ip)
    attachment = VnicAttachment(
        id=here.new_id("vnicattachment"),
        compartment_id=instance.compartment_id,
        availability_domain=instance.availability_domain,
        display_name=vnic.display_name,
        instance_id=instance.id,
        subnet_id=subnet.id,
        vnic_id=vnic.id,
    )
    here.lifecycle.settle(here.store.add(attachment), "ATTACHED")


async def _provision(here: Cloud, instance: Instance, spec: MachineSpec, work_request: WorkRequest) -> None:
    await here.lifecycle.pause()
    async with here.turn_of(instance.machine):
        (failure,) = await asyncio.gather(_boot(here, spec), return_exceptions=True)
        if failure is None:
            instance.is_busy = False
            here.store.move(instance, "PROVISIONING", "RUNNING")
            finish_work_request(here, work_request, "CREATED")
        else:
            await remove(here, instance)
            fail_work_request(here, work_request, f"The machine could not be made: {failure}")


async def _boot(here: Cloud, spec: MachineSpec) -> None:
    await asyncio.to_thread(here.machines.create, spec)
    here.traffic.open(spec.name)
    await here.traffic.apply()
