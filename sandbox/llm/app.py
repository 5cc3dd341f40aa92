"""The two web applications: the API, and the admin routes that order its failures."""

import asyncio
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.llm.envelope import ApiError
from sandbox.llm.faults import Fault, FaultQueue
from sandbox.llm.messages import build_message, check_request, render_events

MAX_BODY_BYTES = 32 * 1024**2


class Api:
    """POST /v1/messages. Counts what it answered, by status."""

    def __init__(self, api_key: str, faults: FaultQueue) -> None:
        self._api_key = api_key
        self._faults = faults
        self.answers: dict[int, int] = {}

    def build_app(self) -> Starlette:
        routes = [Route("/v1/messages", self.create_message, methods=["POST"])]
        return Starlette(routes=routes, exception_handlers={404: _answer_not_found, 405: _answer_not_found})

    async def create_message(self, request: Request) -> Response:
        request_id = f"req_{secrets.token_hex(12)}"
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = JSONResponse(error.render(request_id), error.status, error.headers)
        response.headers["request-id"] = request_id
        self.answers[response.status_code] = self.answers.get(response.status_code, 0) + 1
        return response

    async def _answer(self, request: Request) -> Response:
        await self._meet_fault()
        self._check_headers(request)
        body = check_request(await _read_json(request))
        message = build_message(body)
        if body.get("stream"):
            return StreamingResponse(render_events(message), media_type="text/event-stream")
        return JSONResponse(message)

    async def _meet_fault(self) -> None:
        fault = self._faults.take()
        if fault is None:
            return
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        else:
            raise fault.as_error()

    def _check_headers(self, request: Request) -> None:
        key = _read_key(request)
        if key is None:
            raise ApiError(401, "x-api-key header is required")
        if not hmac.compare_digest(key.encode(), self._api_key.encode()):
            raise ApiError(401, "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            raise ApiError(400, "anthropic-version: header is required")


def _read_key(request: Request) -> str | None:
    """From either header that the API takes: the SDK sends the newer one, the documentation's curl the older."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else request.headers.get("x-api-key")


class Admin:
    """POST orders a fault, DELETE ends all faults, GET shows what is pending and what was answered."""

    def __init__(self, api: Api, faults: FaultQueue, set_listening: Callable[[bool], Awaitable[None]]) -> None:
        self._api = api
        self._faults = faults
        self._set_listening = set_listening

    def build_app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/admin/faults", self.order, methods=["POST"]),
                Route("/admin/faults", self.reset, methods=["DELETE"]),
                Route("/admin/faults", self.show, methods=["GET"]),
            ]
        )

    async def order(self, request: Request) -> Response:
        try:
            fault = Fault(**await request.json())
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        if fault.kind == "down":
            await self._set_listening(False)
        else:
            self._faults.add(fault)
        return JSONResponse(asdict(fault), 201)

    async def reset(self, request: Request) -> Response:
        self._faults.reset()
        await self._set_listening(True)
        return Response(status_code=204)

    async def show(self, request: Request) -> Response:
        pending = [asdict(fault) for fault in self._faults.pending()]
        return JSONResponse({"pending": pending, "answers": self._api.answers})


async def _read_json(request: Request) -> Any:
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(413, "Request exceeds the maximum size")
    try:
        return json.loads(body)
    except ValueError:
        raise ApiError(400, "The request body is not valid JSON") from None


async def _answer_not_found(request: Request, _: Exception) -> Response:
    return JSONResponse(ApiError(404, "Not Found").render(f"req_{secrets.token_hex(12)}"), 404)
