"""A TCP relay in front of the VM's sshd whose connections a story can cut, as a bad line does: no farewell."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

CHUNK_BYTES = 64 * 1024
SSH_PORT = 22


class Relay:
    """`port`, on the VM's own address, leads to its sshd."""

    def __init__(self, address: str) -> None:
        self.port = 0
        self.cuts = 0
        self._address = address
        self._ready, self._loop = Event(), asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Every connection that is open now."""
        self._loop.call_soon_threadsafe(self._abort)

    @contextmanager
    def running(self) -> Iterator["Relay"]:
        thread = Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        thread.start()
        assert self._ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(10)

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._connect, self._address, 0)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        await self._ended.wait()
        server.close()
        self._abort()

    def _abort(self) -> None:
        self.cuts += bool(self._writers)
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(self._address, SSH_PORT)
            ends = {writer, far_writer}
            self._writers |= ends
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            self._writers -= ends

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        writer.close()
