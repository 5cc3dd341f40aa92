"""Fan-out of live messages to WebSockets: a message is written once, and a client that cannot keep up is dropped."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from backend.intents import Message

QUEUE_SIZE = 64


class Client:
    def __init__(self) -> None:
        self.messages: asyncio.Queue[str] = asyncio.Queue(QUEUE_SIZE)
        self.fell_behind = asyncio.Event()

    def push(self, message: str) -> None:
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            self.fell_behind.set()


class Hub:
    def __init__(self) -> None:
        self._clients: set[Client] = set()

    def __len__(self) -> int:
        return len(self._clients)

    @contextmanager
    def join(self) -> Iterator[Client]:
        """A client that receives every message until the block ends."""
        client = Client()
        self._clients.add(client)
        try:
            yield client
        finally:
            self._clients.discard(client)

    def broadcast(self, message: Message) -> None:
        text = message.model_dump_json()
        for client in self._clients:
            client.push(text)
