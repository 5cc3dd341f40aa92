"""What one running backend is made of, and how a route gets at it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from backend.counts import CountsCache
from backend.database import Pool, build_pool
from backend.listener import Listener
from backend.live import Hub
from backend.store import IntentStore


@dataclass(frozen=True)
class Services:
    pool: Pool
    store: IntentStore
    counts: CountsCache
    hub: Hub
    listener: Listener


def get_services(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


CurrentServices = Annotated[Services, Depends(get_services)]


@asynccontextmanager
async def run_services() -> AsyncIterator[Services]:
    """Start them without waiting for the database, which may come up later or go away."""
    pool = build_pool()
    await pool.open(wait=False)
    store = IntentStore(pool)
    counts = CountsCache(store)
    hub = Hub()
    listener = Listener(store, counts, hub)
    listening = asyncio.create_task(listener.run())
    try:
        yield Services(pool, store, counts, hub, listener)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await pool.close(timeout=1)
