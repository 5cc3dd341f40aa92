"""The shapes and platform images that exist: a few of Oracle's, with names of the form that Oracle uses."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field

from sandbox.cloud.wire import Resource


@dataclass(frozen=True)
class ShapeFacts:
    """`limit` is the service limit that counts it; shapes without one are not for sale to a free tenancy."""

    name: str
    processor: str
    architecture: str
    ocpus: float
    memory_in_gbs: float
    bandwidth_in_gbps: float
    is_flexible: bool = False
    max_ocpus: int = 1
    max_memory_in_gbs: int = 1
    max_memory_per_ocpu: int = 64
    billing_type: str = "PAID"


A1_FLEX = ShapeFacts(
    name="VM.Standard.A1.Flex",
    processor="3.0 GHz Ampere® Altra™",
    architecture="aarch64",
    ocpus=1,
    memory_in_gbs=6,
    bandwidth_in_gbps=1,
    is_flexible=True,
    max_ocpus=80,
    max_memory_in_gbs=512,
    billing_type="LIMITED_FREE",
)
E2_MICRO = ShapeFacts(
    name="VM.Standard.E2.1.Micro",
    processor="2.0 GHz AMD EPYC™ 7551 (Naples)",
    architecture="x86_64",
    ocpus=1,
    memory_in_gbs=1,
    bandwidth_in_gbps=0.48,
    billing_type="ALWAYS_FREE",
)
E5_FLEX = ShapeFacts(
    name="VM.Standard.E5.Flex",
    processor="2.4 GHz AMD EPYC™ 9J14 (Genoa)",
    architecture="x86_64",
    ocpus=1,
    memory_in_gbs=12,
    bandwidth_in_gbps=1,
    is_flexible=True,
    max_ocpus=94,
    max_memory_in_gbs=1049,
)
SHAPES = {shape.name: shape for shape in (A1_FLEX, E2_MICRO, E5_FLEX)}


class Image(Resource):
    # Platform images belong to no compartment of the tenancy.
    compartment_id: str | None = None  # type: ignore[assignment]
    lifecycle_state: str = "AVAILABLE"
    display_name: str
    operating_system: str
    operating_system_version: str
    size_in_mbs: int = 47694
    billable_size_in_gbs: int = 4
    create_image_allowed: bool = True
    launch_mode: str = "NATIVE"
    listing_type: str | None = None
    freeform_tags: dict[str, str] = Field(default_factory=dict)

    @property
    def architecture(self) -> str:
        return "aarch64" if "aarch64" in self.display_name else "x86_64"


def build_images(region: str) -> list[Image]:
    """Two releases of each platform image, the newest last, as a region lists them."""
    images = []
    for date in (datetime(2026, 8, 31, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)):
        for version in ("22.04", "24.04"):
            for architecture in ("", "aarch64"):
                images += [
                    _build_image(region, "Canonical Ubuntu", version, "", architecture, date),
                    _build_image(region, "Canonical Ubuntu", version, "Minimal", architecture, date),
                ]
        images += [
            _build_image(region, "Oracle Linux", "9", "", architecture, date) for architecture in ("", "aarch64")
        ]
    return images


def _build_image(region: str, system: str, version: str, flavour: str, architecture: str, date: datetime) -> Image:
    name = "-".join(filter(None, (system.replace(" ", "-"), version, flavour, architecture, f"{date:%Y.%m.%d}", "0")))
    # An image's OCID is the same in every run, as the name is.
    suffix = "".join(letter for letter in name.lower() if letter.isalnum()).rjust(60, "a")[-60:]
    return Image(
        id=f"ocid1.image.oc1.{region}.{suffix}",
        time_created=date,
        display_name=name,
        operating_system=system,
        operating_system_version=" ".join(filter(None, (version, flavour, flavour and architecture))),
    )
