"""`python -m bridge`: runs until SIGTERM or SIGINT, then finishes the claim in hand or gives it back."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from pydantic import ValidationError

from bridge.claude import Claude
from bridge.database import build_pool
from bridge.intent_queue import IntentQueue
from bridge.liveness import Liveness
from bridge.settings import Settings
from bridge.status_server import StatusServer
from bridge.wakeup import listen
from bridge.worker import Worker

GRACE_SECONDS = 4
"""For the claim in hand; with giving it back and closing the pool, the exit stays under 10 s."""


def main() -> None:
    settings = read_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # One line for each request, at INFO, says nothing that the metrics do not.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    asyncio.run(run(settings))


def read_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
        sys.exit("bridge: wrong settings: " + "; ".join(wrong))


async def run(settings: Settings) -> None:
    liveness = Liveness("loop", "database")
    StatusServer(settings.bridge_port, liveness).start()
    wakeup, stopping = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    pool = build_pool()
    await pool.open(wait=False)
    claude = Claude(settings)
    worker = Worker(settings, IntentQueue(pool, settings.bridge_lease_seconds), claude, liveness)
    listening = asyncio.create_task(listen(wakeup, liveness))
    working = asyncio.create_task(worker.run(wakeup, stopping))
    try:
        await wait_until_stopped(working, stopping)
    finally:
        listening.cancel()
        await claude.close()
        await pool.close(timeout=1)


async def wait_until_stopped(working: asyncio.Task[None], stopping: asyncio.Event) -> None:
    """Raises what the worker raises: the container is then restarted, and the claim comes back after its lease."""
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    with suppress(asyncio.CancelledError, TimeoutError):
        await asyncio.wait_for(working, GRACE_SECONDS)


if __name__ == "__main__":
    main()
