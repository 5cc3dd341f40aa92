"""Live updates: a snapshot on connection, then every change, without a poll."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import APIRouter, WebSocket
from psycopg import OperationalError

from backend.live import Client
from backend.services import CurrentServices

TRY_AGAIN_LATER = 1013
CLOSE_SECONDS = 1

router = APIRouter()


@router.websocket("/ws")
async def live(websocket: WebSocket, services: CurrentServices) -> None:
    await websocket.accept()
    # Joined first, so that no change falls between the snapshot and the queue.
    with services.hub.join() as client:
        try:
            snapshot = await services.listener.read_snapshot()
        except OperationalError:
            await websocket.close(TRY_AGAIN_LATER, "the database is unavailable")
            return
        await run_until_first_ends(
            send_messages(websocket, client, snapshot.model_dump_json()),
            wait_for_disconnect(websocket),
            client.fell_behind.wait(),
        )
    if client.fell_behind.is_set():
        await close_congested(websocket)


async def send_messages(websocket: WebSocket, client: Client, snapshot: str) -> None:
    await websocket.send_text(snapshot)
    while True:
        await websocket.send_text(await client.messages.get())


async def wait_for_disconnect(websocket: WebSocket) -> None:
    """Whatever the client sends meanwhile is read and thrown away."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def run_until_first_ends(*coroutines: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A write to a connection that has just gone fails; the end of the connection is all there is to know.
        await asyncio.gather(*tasks, return_exceptions=True)


async def close_congested(websocket: WebSocket) -> None:
    """The close frame may not fit either; the server then drops the connection when the handler returns."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await websocket.close(TRY_AGAIN_LATER, "too slow")
    except TimeoutError:
        pass
