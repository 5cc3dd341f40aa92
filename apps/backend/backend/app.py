"""The application, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backend import api, metrics, websocket
from backend.errors import add_error_handlers
from backend.services import run_services

BODY_MAX_BYTES = 32 * 1024
"""Room for the longest text with every character as a JSON escape of twelve bytes."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with run_services() as services:
        app.state.services = services
        yield


def create_app() -> FastAPI:
    app = FastAPI(
        title="Resonant Dashboard",
        lifespan=lifespan,
        max_body_size=BODY_MAX_BYTES,
        redirect_slashes=False,
        openapi_url="/api/openapi.json",
        # Both pages load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(metrics.RequestMetrics)
    add_error_handlers(app)
    for module in (api, metrics, websocket):
        app.include_router(module.router)
    return app
