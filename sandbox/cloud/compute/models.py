"""The resources of the compute service, as they are sent."""

from typing import Any

from pydantic import Field

from sandbox.cloud.wire import NamedResource, Resource, Wire

GONE = ("TERMINATING", "TERMINATED")


class InstanceShapeConfig(Wire):
    ocpus: float
    vcpus: int
    memory_in_gbs: float = Field(alias="memoryInGBs")
    processor_description: str
    networking_bandwidth_in_gbps: float
    max_vnic_attachments: int = 2
    gpus: int = 0
    local_disks: int = 0


class Instance(NamedResource):
    lifecycle_state: str = "PROVISIONING"
    availability_domain: str
    fault_domain: str
    region: str
    shape: str
    shape_config: InstanceShapeConfig
    image_id: str
    source_details: dict[str, Any]
    metadata: dict[str, str] = Field(default_factory=dict)
    extended_metadata: dict[str, Any] = Field(default_factory=dict)
    launch_mode: str = "PARAVIRTUALIZED"
    agent_config: dict[str, Any] | None = None
    instance_options: dict[str, Any] | None = None
    availability_config: dict[str, Any] | None = None
    launch_options: dict[str, Any] | None = None
    machine: str = Field(exclude=True)
    # A machine that is being started or stopped must not be reported by what it happens to be at the moment.
    is_busy: bool = Field(default=True, exclude=True)


class Attachment(Resource):
    lifecycle_state: str = "ATTACHING"
    availability_domain: str
    display_name: str
    instance_id: str


class VnicAttachment(Attachment):
    subnet_id: str
    vnic_id: str | None = None
    nic_index: int = 0
    vlan_tag: int | None = None


class BootVolumeAttachment(Attachment):
    boot_volume_id: str
    is_pv_encryption_in_transit_enabled: bool = False
    encryption_in_transit_type: str = "NONE"


class ConsoleHistory(NamedResource):
    lifecycle_state: str = "REQUESTED"
    availability_domain: str
    instance_id: str
    content: bytes = Field(default=b"", exclude=True)
