"""Prometheus metrics: every request's duration by route template, and the state of the intents at scrape time."""

import time

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Histogram, generate_latest
from psycopg import OperationalError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.counts import CountsCache
from backend.database import Pool
from backend.services import CurrentServices

METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})

REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Duration of HTTP requests.",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
INTENTS = Gauge("intents", "Intents by state; absent while the database is down.", ["state"])
DATABASE_UP = Gauge("database_up", "Whether the database answered this scrape.")
POOL_CONNECTIONS = Gauge("database_pool_connections", "Connections of the pool.")
POOL_IDLE = Gauge("database_pool_idle_connections", "Connections of the pool that nobody uses.")
POOL_WAITING = Gauge("database_pool_waiting_requests", "Requests that wait for a connection.")
WEBSOCKET_CLIENTS = Gauge("websocket_clients", "Open WebSockets.")

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(services: CurrentServices) -> Response:
    await observe_intents(services.counts)
    observe_pool(services.pool)
    WEBSOCKET_CLIENTS.set(len(services.hub))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def observe_intents(counts: CountsCache) -> None:
    try:
        by_state = (await counts.read()).model_dump()
    except OperationalError:
        INTENTS.clear()
        DATABASE_UP.set(0)
        return
    DATABASE_UP.set(1)
    for state, count in by_state.items():
        INTENTS.labels(state).set(count)


def observe_pool(pool: Pool) -> None:
    stats = pool.get_stats()
    POOL_CONNECTIONS.set(stats.get("pool_size", 0))
    POOL_IDLE.set(stats.get("pool_available", 0))
    POOL_WAITING.set(stats.get("requests_waiting", 0))


class RequestMetrics:
    """ASGI middleware. Labels come from closed sets: a scanner's paths and methods must not grow the registry."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        try:
            await self.app(scope, receive, send_noting_status)
        finally:
            REQUEST_SECONDS.labels(read_route(scope), read_method(scope), status).observe(time.perf_counter() - start)


def read_route(scope: Scope) -> str:
    """The route's template, as in `/api/intents/{intent_id}`."""
    return str(getattr(scope.get("route"), "path", "(none)"))


def read_method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in METHODS else "OTHER"
