"""LISTEN for changed intents, so that a new one is taken up at once; polling remains as the fallback."""

import asyncio
import logging

from psycopg import AsyncConnection, OperationalError

from bridge.database import CONNECTION
from bridge.liveness import Liveness

PING_SECONDS = 2
SILENCE_SECONDS = 10
RECONNECT_SECONDS = 1

log = logging.getLogger(__name__)


async def listen(wakeup: asyncio.Event, liveness: Liveness) -> None:
    """Until cancelled. The connection also shows, again and again, that the database answers."""
    while True:
        try:
            await follow(wakeup, liveness)
        except OperationalError as error:
            log.warning("the database is unavailable: %s", error)
        await asyncio.sleep(RECONNECT_SECONDS)


async def follow(wakeup: asyncio.Event, liveness: Liveness) -> None:
    async with await AsyncConnection.connect(**CONNECTION) as connection:
        await connection.execute("LISTEN intents")
        while True:
            await connection.execute("SELECT 1")
            liveness.promise("database", SILENCE_SECONDS)
            async for _ in connection.notifies(timeout=PING_SECONDS, stop_after=1):
                wakeup.set()
