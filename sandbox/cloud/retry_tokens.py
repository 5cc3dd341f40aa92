"""opc-retry-token: the same request sent twice makes one resource."""

import asyncio
import hashlib
from dataclasses import dataclass, field

from fastapi import Request
from fastapi.responses import Response

from sandbox.cloud.errors import invalidated_retry_token
from sandbox.cloud.store import Store


@dataclass(frozen=True)
class Answered:
    body_digest: bytes
    response: Response
    ocid: str | None


@dataclass
class RetryTokens:
    store: Store
    # Held while a request with a token is answered: its twin must wait and then get the same answer.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _answered: dict[tuple[str, str, str], Answered] = field(default_factory=dict)

    async def recall(self, request: Request, token: str) -> Response | None:
        """The earlier answer; 409 when the request differs or what it made is gone."""
        earlier = self._answered.get(_key(request, token))
        if earlier is None:
            return None
        gone = earlier.ocid is not None and not self.store.exists(earlier.ocid)
        if gone or earlier.body_digest != await _digest(request):
            raise invalidated_retry_token()
        return earlier.response

    async def remember(self, request: Request, token: str, response: Response, ocid: str | None) -> None:
        if response.status_code < 400:
            self._answered[_key(request, token)] = Answered(await _digest(request), response, ocid)


def _key(request: Request, token: str) -> tuple[str, str, str]:
    return request.method, request.url.path, token


async def _digest(request: Request) -> bytes:
    return hashlib.sha256(await request.body() + request.url.query.encode()).digest()
