"""The resources of the block storage service, as they are sent."""

from typing import Any

from sandbox.cloud.wire import NamedResource


class BootVolume(NamedResource):
    lifecycle_state: str = "PROVISIONING"
    availability_domain: str
    image_id: str
    size_in_gbs: int
    size_in_mbs: int
    vpus_per_gb: int = 10
    is_hydrated: bool = True
    is_auto_tune_enabled: bool = False
    source_details: dict[str, Any] | None = None
