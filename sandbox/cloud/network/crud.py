"""The reads that every networking resource has."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from sandbox.cloud.errors import still_referenced
from sandbox.cloud.routing import Here, ListQuery, show, show_resources
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import NamedResource, TaggedDetails, default_display_name


def add_reads(router: APIRouter, path: str, kind: type[NamedResource], *, one: str, many: str) -> None:
    """`GET path` as operation `many` and `GET path/{ocid}` as operation `one`."""

    async def get_one(here: Here, ocid: str) -> JSONResponse:
        return show(here.store.get(kind, ocid))

    async def list_all(here: Here, listing: ListQuery) -> JSONResponse:
        return show_resources(here, here.store.all(kind), listing)

    router.add_api_route(path + "/{ocid}", get_one, name=one)
    router.add_api_route(path, list_all, name=many)


def common_fields(here: Cloud, kind: str, details: TaggedDetails) -> dict[str, Any]:
    """What every new resource starts with."""
    return {
        "id": here.new_id(kind),
        "display_name": details.display_name or default_display_name(kind),
        **details.tags(),
    }


def check_unreferenced(resource: NamedResource, others: Mapping[str, NamedResource | None]) -> None:
    """409 when any of these, named by kind, still needs the resource."""
    for kind, other in others.items():
        if other is not None:
            raise still_referenced(type(resource).__name__, resource.id, kind, other.id)
