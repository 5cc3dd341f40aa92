"""Time in the sandbox: states that take a while, and work on machines that does not hold up the API."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sandbox.cloud.store import Store
from sandbox.cloud.wire import Resource


class Lifecycle:
    def __init__(self, store: Store, delay_seconds: float) -> None:
        self._store = store
        self._delay_seconds = delay_seconds
        self._running: set[asyncio.Task[None]] = set()

    def later(self, act: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(self._delay_seconds, act)

    def settle(self, resource: Resource, state: str) -> None:
        """Let the resource reach this state after the delay, unless it is made to go elsewhere before."""
        before = resource.lifecycle_state
        self.later(lambda: self._store.move(resource, before, state))

    def dissolve(self, resource: Resource) -> None:
        """As network resources go: TERMINATING for a while, then unknown."""
        self._store.change(resource, lifecycle_state="TERMINATING")
        self.later(lambda: self._store.remove(resource))

    async def pause(self) -> None:
        await asyncio.sleep(self._delay_seconds)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
