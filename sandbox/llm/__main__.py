"""Runs in a container: the API on one port, the admin routes on another, so that "down" can really stop listening.

Usage: python3 -m sandbox.llm API_PORT ADMIN_PORT KEY_FILE
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from sandbox.llm.app import Admin, Api
from sandbox.llm.faults import FaultQueue


class _QuietServer(uvicorn.Server):
    """Leaves signals alone: the process has two servers, and the engine ends it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listener:
    """A web application that can be taken off its port and put back."""

    def __init__(self, app: Starlette, port: int) -> None:
        self._app = app
        self._port = port
        self._server: _QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def set_listening(self, wanted: bool) -> None:
        if wanted and self._serving is None:
            config = uvicorn.Config(self._app, host="0.0.0.0", port=self._port, log_level="warning")  # noqa: S104
            self._server = _QuietServer(config)
            self._serving = asyncio.create_task(self._server.serve())
        elif not wanted and self._server and self._serving:
            self._server.should_exit = self._server.force_exit = True
            await self._serving
            self._server = self._serving = None


async def run(api_port: int, admin_port: int, api_key: str) -> None:
    faults = FaultQueue()
    api = Api(api_key, faults)
    listener = Listener(api.build_app(), api_port)
    await listener.set_listening(True)
    admin = Admin(api, faults, listener.set_listening).build_app()
    await _QuietServer(uvicorn.Config(admin, host="0.0.0.0", port=admin_port, log_level="warning")).serve()  # noqa: S104


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_text().strip()))
