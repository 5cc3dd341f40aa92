"""The loop: claim, ask Claude, store. The call to the API is made outside of any transaction."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from psycopg import OperationalError

from bridge.claude import Claude, Refused, Unavailable
from bridge.intent_queue import Claim, IntentQueue
from bridge.liveness import Liveness
from bridge.metrics import ATTEMPTS, PROCESSED
from bridge.settings import Settings

POLL_SECONDS = 1
DATABASE_RETRY_SECONDS = 1
LOOP_SILENCE_SECONDS = 15
MAX_BACKOFF_SECONDS = 300
MAX_RETRY_AFTER_SECONDS = 3600
SYNTHETIC_ANSWER = "synthetic: answered without asking Claude"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    name: str
    store: Callable[[], Awaitable[bool]]
    reason: str = ""


class Worker:
    def __init__(self, settings: Settings, queue: IntentQueue, claude: Claude, liveness: Liveness) -> None:
        self._settings = settings
        self._queue = queue
        self._claude = claude
        self._liveness = liveness

    async def run(self, wakeup: asyncio.Event, stopping: asyncio.Event) -> None:
        """Until `stopping` is set: the claim in hand is finished. When cancelled: it is given back."""
        while not stopping.is_set():
            self._liveness.promise("loop", LOOP_SILENCE_SECONDS)
            wakeup.clear()
            claim = await self._claim()
            if claim:
                await self._process_or_release(claim)
            else:
                await wait_for_any(wakeup, stopping, timeout_seconds=POLL_SECONDS)

    async def _claim(self) -> Claim | None:
        try:
            return await self._queue.claim()
        except OperationalError as error:
            log.warning("cannot claim: %s", error)
            return None

    async def _process_or_release(self, claim: Claim) -> None:
        self._liveness.promise("loop", self._settings.attempt_deadline_seconds + LOOP_SILENCE_SECONDS)
        try:
            await self._store(claim, await self._attempt(claim))
        except asyncio.CancelledError:
            # Should the database be down, too, the lease ends by itself.
            with suppress(OperationalError):
                await self._queue.release(claim)
                PROCESSED.labels("released").inc()
            raise

    async def _attempt(self, claim: Claim) -> Outcome:
        if claim.attempts > self._settings.bridge_max_attempts:
            return self._fail(claim, f"gave up: interrupted in each of {self._settings.bridge_max_attempts} attempts")
        if claim.synthetic:
            return self._complete(claim, SYNTHETIC_ANSWER)
        try:
            return self._complete(claim, await self._claude.answer(claim.text))
        except Refused as error:
            return self._fail(claim, str(error))
        except Unavailable as error:
            return self._postpone_or_fail(claim, error)

    def _complete(self, claim: Claim, result: str) -> Outcome:
        return Outcome("done", partial(self._queue.complete, claim, result))

    def _fail(self, claim: Claim, reason: str) -> Outcome:
        return Outcome("failed", partial(self._queue.fail, claim, reason), reason)

    def _postpone_or_fail(self, claim: Claim, error: Unavailable) -> Outcome:
        if claim.attempts >= self._settings.bridge_max_attempts:
            return self._fail(claim, f"gave up after {claim.attempts} attempts; the last: {error}")
        delay = choose_delay(claim.attempts, self._settings.bridge_retry_base_seconds, error.retry_after)
        return Outcome("postponed", partial(self._queue.postpone, claim, str(error), delay), str(error))

    async def _store(self, claim: Claim, outcome: Outcome) -> None:
        """Keep trying while the database is down: an answer that was paid for must not be lost."""
        while True:
            try:
                held = await outcome.store()
                break
            except OperationalError as error:
                log.warning("cannot store intent %s: %s", claim.id, error)
            self._liveness.promise("loop", LOOP_SILENCE_SECONDS)
            await asyncio.sleep(DATABASE_RETRY_SECONDS)
        # Deleted by its owner, or taken over by another bridge after the lease.
        name = outcome.name if held else "lost"
        PROCESSED.labels(name).inc()
        if name in ("done", "failed"):
            ATTEMPTS.observe(claim.attempts)
        log.info("intent %s, attempt %d: %s %s", claim.id, claim.attempts, name, outcome.reason)


def choose_delay(attempts: int, base_seconds: float, retry_after: float) -> float:
    """Exponential with jitter; never earlier than the API wishes."""
    backoff = min(base_seconds * 2.0 ** (attempts - 1), MAX_BACKOFF_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311
    return max(backoff, min(retry_after, MAX_RETRY_AFTER_SECONDS))


async def wait_for_any(*events: asyncio.Event, timeout_seconds: float) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
