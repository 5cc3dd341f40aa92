"""The sandbox cloud: OCI's REST API on one loopback port, as the real SDK speaks it."""

from ipaddress import ip_address

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.cloud import admin, identity, limits, work_requests
from sandbox.cloud.block_storage import boot_volumes
from sandbox.cloud.compute import (
    attachments,
    capacity_reports,
    console_histories,
    images,
    instances,
    launch,
    terminate,
)
from sandbox.cloud.config import CloudConfig
from sandbox.cloud.errors import OciError, internal_error, not_emulated
from sandbox.cloud.machines import Machines
from sandbox.cloud.network import gateways, public_ips, security_lists, subnets, vcns, vnics
from sandbox.cloud.routing import explain, opc_request_id
from sandbox.cloud.state import Cloud

SERVICES = (
    identity,
    vcns,
    gateways,
    security_lists,
    subnets,
    vnics,
    public_ips,
    images,
    launch,
    instances,
    terminate,
    attachments,
    console_histories,
    capacity_reports,
    boot_volumes,
    limits,
    work_requests,
    admin,
)


def build_app(cloud: CloudConfig, machines: Machines) -> FastAPI:
    """The whole cloud as an ASGI application. It keeps everything in memory and answers loopback only."""
    app = FastAPI(title="Sandbox cloud", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.cloud = Cloud(cloud, machines)
    for service in SERVICES:
        app.include_router(service.router)
    app.state.operations = {route.name for service in SERVICES for route in service.router.routes}
    app.add_exception_handler(OciError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_unknown_route)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(Exception, _answer_crash)
    app.add_middleware(LoopbackOnly)
    return app


class LoopbackOnly:
    """Whatever address the server was bound to, nobody from outside is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] == "http" and not (client and ip_address(client[0]).is_loopback):
            refusal = JSONResponse({"code": "Forbidden", "message": "The sandbox answers loopback only."}, 403)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _answer_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OciError)  # noqa: S101 - what the handler is registered for
    return _with_request_id(request, error)


async def _answer_unknown_route(request: Request, error: Exception) -> JSONResponse:
    return _with_request_id(request, not_emulated(f"{request.method} {request.url.path}"))


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what the handler is registered for
    return _with_request_id(request, explain(error))


async def _answer_crash(request: Request, error: Exception) -> JSONResponse:
    return _with_request_id(request, internal_error(f"The sandbox failed: {error!r}"))


def _with_request_id(request: Request, error: OciError) -> JSONResponse:
    response = error.as_response()
    response.headers["opc-request-id"] = opc_request_id(request)
    return response
