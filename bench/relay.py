"""A TCP relay that makes a host further away: `with delayed(address, 22, 0.05) as port:`."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

CHUNK_BYTES = 64 * 1024


@contextmanager
def delayed(address: str, port: int, round_trip_seconds: float) -> Iterator[int]:
    """The port, on the same address, behind which the real one is that much further away."""
    ports: queue.Queue[int] = queue.Queue()
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: asyncio.run(serve(address, port, round_trip_seconds, ports, stop)), daemon=True
    )
    thread.start()
    try:
        yield ports.get(timeout=10)
    finally:
        stop.set()
        thread.join(10)


async def serve(
    address: str, port: int, round_trip_seconds: float, ports: queue.Queue[int], stop: threading.Event
) -> None:
    server = await asyncio.start_server(partial(connect, address, port, round_trip_seconds), address, 0)
    ports.put(server.sockets[0].getsockname()[1])
    while not stop.is_set():
        await asyncio.sleep(0.1)
    server.close()


async def connect(
    address: str, port: int, round_trip_seconds: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await asyncio.sleep(round_trip_seconds)  # TCP's own handshake
    with suppress(OSError, asyncio.CancelledError):
        far_reader, far_writer = await asyncio.open_connection(address, port)
        half = round_trip_seconds / 2
        await asyncio.gather(pump(reader, far_writer, half), pump(far_reader, writer, half))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_seconds: float) -> None:
    """Each piece leaves so much later than it came, in order; pieces under way together are late together."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def take_in() -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                under_way.put_nowait((loop.time() + delay_seconds, data))
        under_way.put_nowait((loop.time() + delay_seconds, b""))

    async def deliver() -> None:
        with suppress(OSError):
            while (piece := await under_way.get())[1]:
                await asyncio.sleep(max(0.0, piece[0] - loop.time()))
                writer.write(piece[1])
                await writer.drain()
        writer.close()

    await asyncio.gather(take_in(), deliver())
