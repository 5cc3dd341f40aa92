"""One LISTEN connection for the whole process turns the database's notifications into live messages."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from uuid import UUID

from psycopg import AsyncConnection, Notify, OperationalError

from backend.counts import CountsCache
from backend.database import CONNECTION
from backend.intents import Changed, Deleted, PageQuery, Snapshot
from backend.live import Hub
from backend.store import IntentStore

CHANNEL = "intents"
BURST = 20
"""More changes than this at once go out as one snapshot."""
GATHER_SECONDS = 0.1
IDLE_SECONDS = 10
RECONNECT_SECONDS = 0.5

log = logging.getLogger(__name__)


class Listener:
    def __init__(self, store: IntentStore, counts: CountsCache, hub: Hub) -> None:
        self._store = store
        self._counts = counts
        self._hub = hub

    async def run(self) -> None:
        """Follow the database until cancelled; after each (re)connection every client gets a fresh snapshot."""
        while True:
            try:
                await self._follow()
            except OperationalError as error:
                log.warning("live updates are interrupted: %s", error)
            finally:
                self._counts.following = False
                self._counts.forget()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def read_snapshot(self) -> Snapshot:
        return Snapshot(items=await self._store.read_page(PageQuery()), counts=await self._counts.read())

    async def _follow(self) -> None:
        async with await AsyncConnection.connect(**CONNECTION) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._counts.following = True
            log.info("live updates are on")
            self._hub.broadcast(await self.read_snapshot())
            async for ids in follow_changes(connection):
                self._counts.forget()
                if ids and len(self._hub):
                    await self._publish(ids)

    async def _publish(self, ids: set[UUID]) -> None:
        if len(ids) > BURST:
            self._hub.broadcast(await self.read_snapshot())
            return
        intents = await self._store.read_many(ids)
        counts = await self._counts.read()
        for intent_id in ids:
            intent = intents.get(intent_id)
            self._hub.broadcast(
                Changed(intent=intent, counts=counts) if intent else Deleted(id=intent_id, counts=counts)
            )


async def follow_changes(connection: AsyncConnection) -> AsyncIterator[set[UUID]]:
    """The ids that changed: a lone change at once, a burst gathered, an empty set when nothing happened for a while."""
    while True:
        batch = [notify async for notify in connection.notifies(timeout=IDLE_SECONDS, stop_after=1)]
        yield set(map(parse_id, batch))
        if batch:
            await asyncio.sleep(GATHER_SECONDS)
        else:
            # A connection that died silently shows only when something is asked over it.
            await connection.execute("SELECT 1")


def parse_id(notify: Notify) -> UUID:
    return UUID(json.loads(notify.payload)["id"])
