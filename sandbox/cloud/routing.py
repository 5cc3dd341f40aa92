"""What every OCI route shares: signature, faults, retry token, error envelope, opc-request-id, lists in pages."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from sandbox.cloud.errors import OciError, invalid_parameter, missing_parameter
from sandbox.cloud.state import Cloud
from sandbox.cloud.wire import Details, Resource

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class OciRoute(APIRoute):
    def get_route_handler(self) -> Answer:
        answer = super().get_route_handler()
        operation = self.name

        async def guarded(request: Request) -> Response:
            cloud = await _cloud_of(request)
            try:
                await cloud.signatures.verify(request)
                await cloud.faults.strike(operation, request.url.path)
                response = await _answer_once(cloud, request, answer)
            except RequestValidationError as error:
                response = explain(error).as_response()
            except OciError as error:
                response = error.as_response()
            cloud.journal.note(operation, request.method, response.status_code)
            response.headers["opc-request-id"] = opc_request_id(request)
            return response

        return guarded


async def _answer_once(cloud: Cloud, request: Request, answer: Answer) -> Response:
    token = request.headers.get("opc-retry-token")
    if token is None:
        return await answer(request)
    async with cloud.retry_tokens.lock:
        response = await cloud.retry_tokens.recall(request, token)
        if response is None:
            response = await answer(request)
            ocid = _ocid_in(bytes(response.body))
            await cloud.retry_tokens.remember(request, token, response, ocid)
        return response


def _ocid_in(body: bytes) -> str | None:
    ocid = json.loads(body).get("id") if body else None
    return ocid if isinstance(ocid, str) else None


def explain(error: RequestValidationError) -> OciError:
    """OCI's error for the first thing that is wrong with the request."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return OciError(400, "CannotParseRequest", "Incorrectly formatted request.")
    field = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "missing":
        return missing_parameter(f"{field} is required.")
    return invalid_parameter(f"{field}: {first['msg']}")


def opc_request_id(request: Request) -> str:
    ours = f"{secrets.token_hex(16).upper()}/{secrets.token_hex(16).upper()}"
    theirs = request.headers.get("opc-request-id", "")
    return f"{theirs}/{ours}" if theirs else ours


async def _cloud_of(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.cloud
    return cloud


Here = Annotated[Cloud, Depends(_cloud_of)]
CompartmentId = Annotated[str, Query(alias="compartmentId")]
IfMatch = Annotated[str | None, Header(alias="if-match")]


class Paging(Details):
    limit: int = Field(default=100, ge=1, le=1000)
    page: str | None = None


class Listing(Paging):
    """The query of a list. Every field that is not about order or pages is a filter on the field of the same name."""

    compartment_id: str
    availability_domain: str | None = None
    display_name: str | None = None
    lifecycle_state: str | None = None
    vcn_id: str | None = None
    sort_by: Literal["TIMECREATED", "DISPLAYNAME"] = "TIMECREATED"
    sort_order: Literal["ASC", "DESC"] | None = None


ListQuery = Annotated[Listing, Query()]


def show(resource: Resource, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    content = resource.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, status, {"etag": resource.etag} | (headers or {}))


def show_list(items: Iterable[BaseModel], paging: Paging) -> JSONResponse:
    """One page of the list, with `opc-next-page` when there is another."""
    rows = list(items)
    start = _offset(paging.page)
    end = start + paging.limit
    headers = {"opc-next-page": urlsafe_b64encode(str(end).encode()).decode()} if end < len(rows) else {}
    return JSONResponse([row.model_dump(mode="json", by_alias=True) for row in rows[start:end]], headers=headers)


def _offset(page: str | None) -> int:
    try:
        return int(urlsafe_b64decode(page)) if page else 0
    except ValueError as error:
        raise invalid_parameter("page: not a token of this list") from error


def show_resources(here: Cloud, resources: Iterable[Resource], listing: Listing) -> JSONResponse:
    here.check_compartment(listing.compartment_id)
    return show_list(select(resources, listing), listing)


def select(resources: Iterable[Resource], listing: Listing) -> list[Resource]:
    wanted = listing.model_dump(exclude_none=True, exclude={"limit", "page", "sort_by", "sort_order"})
    chosen = [row for row in resources if all(getattr(row, name, None) == value for name, value in wanted.items())]
    by_name = listing.sort_by == "DISPLAYNAME"
    descending = listing.sort_order == "DESC" or (listing.sort_order is None and not by_name)
    return sorted(chosen, key=lambda row: getattr(row, _SORT_FIELDS[listing.sort_by]), reverse=descending)


_SORT_FIELDS = {"TIMECREATED": "time_created", "DISPLAYNAME": "display_name"}
NO_CONTENT = 204


def no_content(headers: dict[str, str] | None = None) -> Response:
    return Response(status_code=NO_CONTENT, headers=headers)
