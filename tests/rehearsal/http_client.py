"""One HTTP/1.1 connection over TLS that says exactly how a request failed: what a load needs and a client library hides."""

import asyncio
import ssl
from dataclasses import dataclass

CLOSED = "closed before any byte of an answer"


class Failed(Exception):
    """`kind` in a few words; `was_before_answer` when the server had not begun to answer."""

    def __init__(self, kind: str, *, was_before_answer: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.was_before_answer = was_before_answer


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    is_last: bool
    """The server is about to close this connection."""


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self.is_used = False

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> "Connection":
        try:
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        except ssl.SSLError as error:
            raise Failed(f"TLS: {error.reason}") from error
        except OSError as error:
            raise Failed(f"no connection: {error.strerror or type(error).__name__}") from error
        return cls(reader, writer, host)

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Raises Failed; the connection is of no use after that, nor after an answer that `is_last`."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: traffic\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:
            self._writer.write(f"{head}\r\n".encode() + body)
            first = await self._reader.read(1)
        except OSError:
            first = b""
        if not first:
            raise Failed(CLOSED, was_before_answer=True)
        self.is_used = True
        try:
            return await self._read_answer(first)
        except (OSError, asyncio.IncompleteReadError):
            raise Failed("cut off inside the answer") from None
        except (ValueError, asyncio.LimitOverrunError):
            raise Failed("not an HTTP answer") from None

    def close(self) -> None:
        self._writer.transport.abort()

    async def _read_answer(self, first: bytes) -> Answer:
        head = first + await self._reader.readuntil(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(status_line.split(" ")[1])
        body = await self._read_body(status, headers)
        return Answer(status, body, headers.get("connection", "").lower() == "close")

    async def _read_body(self, status: int, headers: dict[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._read_chunks()
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        return await self._reader.read()

    async def _read_chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return body
