"""The body of LaunchInstance, and everything that can be wrong with it."""

import json
import re
from typing import Any, Literal

from pydantic import Field, field_validator

from sandbox.cloud.compute.catalogue import A1_FLEX, E2_MICRO, SHAPES, Image, ShapeFacts
from sandbox.cloud.compute.models import InstanceShapeConfig
from sandbox.cloud.config import FAULT_DOMAINS
from sandbox.cloud.errors import invalid_parameter, missing_parameter, not_found
from sandbox.cloud.wire import Details, TaggedDetails

MIN_BOOT_VOLUME_IN_GBS = 47
MAX_BOOT_VOLUME_IN_GBS = 32768
MAX_METADATA_BYTES = 32000
_HOSTNAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", re.IGNORECASE)


class ShapeConfigDetails(Details):
    ocpus: float | None = None
    memory_in_gbs: float | None = None
    baseline_ocpu_utilization: Literal["BASELINE_1_1"] | None = None


class SourceDetails(Details):
    """Only images: a kept boot volume has no disk behind it here, so launching from one would be a pretence."""

    source_type: Literal["image"]
    image_id: str
    boot_volume_size_in_gbs: int | None = None
    boot_volume_vpus_per_gb: int | None = Field(default=None, ge=10, le=120)


class CreateVnicDetails(TaggedDetails):
    subnet_id: str | None = None
    assign_public_ip: bool | None = None
    assign_private_dns_record: bool | None = None
    hostname_label: str | None = None
    private_ip: str | None = None
    skip_source_dest_check: bool = False

    @field_validator("hostname_label")
    @classmethod
    def _is_hostname(cls, value: str | None) -> str | None:
        if value is not None and not _HOSTNAME.match(value):
            raise ValueError(f"{value!r} is not a hostname")
        return value


class LaunchInstanceDetails(TaggedDetails):
    compartment_id: str
    availability_domain: str
    fault_domain: str | None = None
    shape: str
    shape_config: ShapeConfigDetails | None = None
    source_details: SourceDetails | None = None
    image_id: str | None = None
    subnet_id: str | None = None
    hostname_label: str | None = None
    create_vnic_details: CreateVnicDetails = Field(default_factory=CreateVnicDetails)
    metadata: dict[str, str] = Field(default_factory=dict)
    extended_metadata: dict[str, Any] = Field(default_factory=dict)
    # Accepted and shown again; they change nothing about a machine of the sandbox.
    agent_config: dict[str, Any] | None = None
    instance_options: dict[str, Any] | None = None
    availability_config: dict[str, Any] | None = None
    launch_options: dict[str, Any] | None = None
    is_pv_encryption_in_transit_enabled: bool | None = None

    @property
    def chosen_subnet_id(self) -> str:
        """`subnetId` and `imageId` of the launch itself are deprecated, and still work."""
        subnet_id = self.create_vnic_details.subnet_id or self.subnet_id
        if subnet_id is None:
            raise missing_parameter("createVnicDetails.subnetId is required.")
        return subnet_id

    @property
    def chosen_image_id(self) -> str:
        image_id = self.source_details.image_id if self.source_details else self.image_id
        if image_id is None:
            raise missing_parameter("sourceDetails is required.")
        return image_id

    def boot_volume_size_in_gbs(self) -> int:
        asked = self.source_details.boot_volume_size_in_gbs if self.source_details else None
        size = MIN_BOOT_VOLUME_IN_GBS if asked is None else asked
        if not MIN_BOOT_VOLUME_IN_GBS <= size <= MAX_BOOT_VOLUME_IN_GBS:
            raise invalid_parameter(
                f"bootVolumeSizeInGBs: {size} must be between {MIN_BOOT_VOLUME_IN_GBS} and {MAX_BOOT_VOLUME_IN_GBS}."
            )
        return size

    def check_placement(self) -> None:
        if self.fault_domain is not None and self.fault_domain not in FAULT_DOMAINS:
            raise invalid_parameter(f"faultDomain: {self.fault_domain} is unknown in {self.availability_domain}.")

    def check_metadata(self) -> None:
        if len(json.dumps(self.metadata)) + len(json.dumps(self.extended_metadata)) > MAX_METADATA_BYTES:
            raise invalid_parameter(f"metadata: the combined size must not exceed {MAX_METADATA_BYTES} bytes.")


def get_shape(name: str) -> ShapeFacts:
    if name not in SHAPES:
        raise not_found(f"shape {name} not found")
    return SHAPES[name]


def check_image_fits(shape: ShapeFacts, image: Image) -> None:
    if shape.architecture != image.architecture:
        raise invalid_parameter(f"Shape {shape.name} is not valid for image {image.id}.")


def sized(shape: ShapeFacts, asked: ShapeConfigDetails | None) -> InstanceShapeConfig:
    """What the instance gets; a flexible shape must say how many OCPUs."""
    if not shape.is_flexible:
        return _shape_config(shape, shape.ocpus, shape.memory_in_gbs)
    if asked is None or asked.ocpus is None:
        raise missing_parameter(f"shapeConfig.ocpus is required for shape {shape.name}.")
    ocpus = asked.ocpus
    memory = asked.memory_in_gbs if asked.memory_in_gbs is not None else ocpus * shape.memory_in_gbs
    if ocpus != int(ocpus) or not 1 <= ocpus <= shape.max_ocpus:
        raise invalid_parameter(f"shapeConfig.ocpus: {ocpus:g} must be a whole number from 1 to {shape.max_ocpus}.")
    most = min(ocpus * shape.max_memory_per_ocpu, shape.max_memory_in_gbs)
    if not ocpus <= memory <= most:
        raise invalid_parameter(f"shapeConfig.memoryInGBs: {memory:g} must be between {ocpus:g} and {most:g}.")
    return _shape_config(shape, ocpus, memory)


def _shape_config(shape: ShapeFacts, ocpus: float, memory_in_gbs: float) -> InstanceShapeConfig:
    threads = 1 if shape.architecture == "aarch64" else 2
    return InstanceShapeConfig(
        ocpus=ocpus,
        vcpus=int(ocpus * threads),
        memory_in_gbs=memory_in_gbs,
        processor_description=shape.processor,
        networking_bandwidth_in_gbps=max(shape.bandwidth_in_gbps, ocpus if shape.is_flexible else 0),
    )


def needed_limits(shape: ShapeFacts, config: InstanceShapeConfig, boot_volume_size_in_gbs: int) -> dict[str, float]:
    """What the launch adds, by the name of the limit that counts it."""
    storage = {"total-storage-gb": float(boot_volume_size_in_gbs)}
    if shape is A1_FLEX:
        cores, memory = config.ocpus, config.memory_in_gbs
        return storage | {
            "standard-a1-core-count": cores,
            "standard-a1-core-regional-count": cores,
            "standard-a1-memory-count": memory,
            "standard-a1-memory-regional-count": memory,
        }
    if shape is E2_MICRO:
        return storage | {"vm-standard-e2-1-micro-count": 1}
    return storage | {"standard-e5-core-count": config.ocpus}
