"""Intents by state, counted again only after something changed: a full count for every reader would not scale."""

import asyncio

from backend.intents import Counts
from backend.store import IntentStore


class CountsCache:
    """Kept only while `following`: while the database's notifications arrive and call `forget`."""

    def __init__(self, store: IntentStore) -> None:
        self._store = store
        self._counts: Counts | None = None
        self._version = 0
        self._lock = asyncio.Lock()
        self.following = False

    def forget(self) -> None:
        self._counts = None
        self._version += 1

    async def read(self) -> Counts:
        async with self._lock:
            return self._counts or await self._count()

    async def _count(self) -> Counts:
        version = self._version
        counts = await self._store.count()
        # A change that came in during the query may or may not be in the result: do not keep it.
        if self.following and version == self._version:
            self._counts = counts
        return counts
