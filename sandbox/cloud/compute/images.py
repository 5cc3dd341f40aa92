"""Images and shapes, and which fit together."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from sandbox.cloud.compute.catalogue import SHAPES, Image, ShapeFacts, build_images
from sandbox.cloud.errors import not_found
from sandbox.cloud.routing import Here, Listing, OciRoute, Paging, select, show, show_list
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import Wire

router = APIRouter(prefix="/20160918", route_class=OciRoute)


class ImageListing(Listing):
    operating_system: str | None = None
    operating_system_version: str | None = None
    shape: str | None = None


class ShapeListing(Paging):
    compartment_id: str
    availability_domain: str | None = None
    image_id: str | None = None
    shape: str | None = None


class OcpuOptions(Wire):
    min: float
    max: float


class MemoryOptions(Wire):
    min_in_gbs: float
    max_in_gbs: float
    default_per_ocpu_in_gbs: float
    min_per_ocpu_in_gbs: float
    max_per_ocpu_in_gbs: float


class Shape(Wire):
    shape: str
    processor_description: str
    ocpus: float
    memory_in_gbs: float
    networking_bandwidth_in_gbps: float
    max_vnic_attachments: int = 2
    is_flexible: bool
    billing_type: str
    ocpu_options: OcpuOptions | None = None
    memory_options: MemoryOptions | None = None


def find_image(here: Cloud, image_id: str) -> Image:
    for image in build_images(here.config.region):
        if image.id == image_id:
            return image
    raise not_found()


@router.get("/images")
async def list_images(here: Here, listing: Annotated[ImageListing, Query()]) -> JSONResponse:
    here.check_compartment(listing.compartment_id)
    images = build_images(here.config.region)
    if listing.shape:
        images = [image for image in images if _fits(listing.shape, image)]
    # Platform images are listed for every compartment and belong to none; `shape` is not a field of an image.
    everywhere = listing.model_copy(update={"compartment_id": None, "shape": None})
    return show_list(select(images, everywhere), listing)


@router.get("/images/{image_id}")
async def get_image(here: Here, image_id: str) -> JSONResponse:
    return show(find_image(here, image_id))


@router.get("/images/{image_id}/shapes")
async def list_image_shape_compatibility_entries(here: Here, image_id: str) -> JSONResponse:
    image = find_image(here, image_id)
    return JSONResponse([{"imageId": image.id, "shape": name} for name in SHAPES if _fits(name, image)])


@router.get("/shapes")
async def list_shapes(here: Here, listing: Annotated[ShapeListing, Query()]) -> JSONResponse:
    here.check_compartment(listing.compartment_id)
    image = find_image(here, listing.image_id) if listing.image_id else None
    domains = [listing.availability_domain] if listing.availability_domain else here.config.availability_domains
    rows = [
        _show_shape(shape)
        for shape in SHAPES.values()
        if listing.shape in (None, shape.name)
        and (image is None or _fits(shape.name, image))
        and any(here.capacity.is_supported(shape.name, domain) for domain in domains)
    ]
    return show_list(rows, listing)


def _fits(shape: str, image: Image) -> bool:
    return shape in SHAPES and SHAPES[shape].architecture == image.architecture


def _show_shape(facts: ShapeFacts) -> Shape:
    options: dict[str, Any] = {}
    if facts.is_flexible:
        options["ocpu_options"] = OcpuOptions(min=1, max=facts.max_ocpus)
        options["memory_options"] = MemoryOptions(
            min_in_gbs=1,
            max_in_gbs=facts.max_memory_in_gbs,
            default_per_ocpu_in_gbs=facts.memory_in_gbs,
            min_per_ocpu_in_gbs=1,
            max_per_ocpu_in_gbs=facts.max_memory_per_ocpu,
        )
    return Shape(
        shape=facts.name,
        processor_description=facts.processor,
        ocpus=facts.ocpus,
        memory_in_gbs=facts.memory_in_gbs,
        networking_bandwidth_in_gbps=facts.bandwidth_in_gbps,
        is_flexible=facts.is_flexible,
        billing_type=facts.billing_type,
        **options,
    )
