"""The Claude Messages API; the only importer of the SDK. Its exceptions become `Unavailable` or `Refused` here."""

import asyncio
import time
from typing import Any

import anthropic
from anthropic import APIRequest, AsyncAnthropic, AsyncAPIResponse, AsyncCallNext
from pydantic import BaseModel, ValidationError

from bridge.metrics import API_SECONDS
from bridge.settings import Settings

SYSTEM = "You are the bridge of the Resonant Dashboard. Answer the user's intent in plain text, in a few sentences."
MAX_TOKENS = 1024
MAX_RETRIES = 2
PATIENCE_SECONDS = 5
"""A longer `retry-after` is waited for in the database, where it blocks nothing and survives a restart."""

TRANSIENT_STATUSES = frozenset({408, 409, 429})
ADVICE = {
    400: "the request was rejected",
    401: "the API key was refused; check ANTHROPIC_API_KEY",
    402: "the account has a billing problem",
    403: "the API key lacks the permission",
    404: "not found; check ANTHROPIC_MODEL and ANTHROPIC_BASE_URL",
    408: "the request timed out",
    429: "the rate limit is reached",
    529: "the API is overloaded",
}


class Unavailable(Exception):
    """May succeed later; `retry_after` is the API's own wish in seconds."""

    def __init__(self, reason: str, retry_after: float = 0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Refused(Exception):
    """Will fail in the same way each time."""


class Block(BaseModel):
    type: str
    text: str = ""


class Answer(BaseModel):
    """The part of a Message that matters here, checked: what came with a 200 may still be a proxy's page."""

    content: list[Block]
    stop_reason: str | None = None


class Claude:
    def __init__(self, settings: Settings) -> None:
        self._model = settings.anthropic_model
        self._deadline_seconds = settings.attempt_deadline_seconds
        self._client = AsyncAnthropic(
            api_key=settings.anthropic_api_key.get_secret_value(),
            base_url=settings.anthropic_base_url,
            timeout=settings.bridge_request_timeout_seconds,
            max_retries=MAX_RETRIES,
            middleware=[observe, postpone_long_waits],
        )

    async def answer(self, text: str) -> str:
        """Claude's answer."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return join_text(await self._ask(text))
        except TimeoutError:
            raise Unavailable(f"Claude API: no answer within {self._deadline_seconds:.0f} s") from None
        except anthropic.APIStatusError as error:
            raise translate_status(error) from error
        except anthropic.APITimeoutError as error:
            raise Unavailable("Claude API: the request timed out") from error
        except anthropic.APIConnectionError as error:
            raise Unavailable("Claude API: no connection") from error
        except ValidationError as error:
            raise Unavailable("Claude API: the answer could not be understood") from error

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, text: str) -> Answer:
        response = await self._client.messages.with_raw_response.create(
            model=self._model,
            max_tokens=MAX_TOKENS,
            system=SYSTEM,
            messages=[{"role": "user", "content": text}],
        )
        return Answer.model_validate_json(await response.read())


def join_text(answer: Answer) -> str:
    """Without NUL, which PostgreSQL's text cannot hold."""
    text = "".join(block.text for block in answer.content if block.type == "text").replace("\x00", "").strip()
    if not text:
        raise Refused(f"Claude API: the answer has no text (stop_reason: {answer.stop_reason})")
    return text


def describe(status: int) -> str:
    advice = ADVICE.get(status, "the API failed" if status >= 500 else "the request was rejected")
    return f"Claude API: {advice} ({status})"


def translate_status(error: anthropic.APIStatusError) -> Unavailable | Refused:
    status = error.status_code
    reason = describe(status)
    if status in TRANSIENT_STATUSES or status >= 500:
        return Unavailable(reason, read_retry_after(error.response.headers))
    # A person needs the detail of a rejected request; a refusal of the key could quote the key.
    return Refused(f"{reason}: {error.api_message}" if status == 400 and error.api_message else reason)


def read_retry_after(headers: Any) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0


async def postpone_long_waits(request: APIRequest, call_next: AsyncCallNext) -> AsyncAPIResponse[Any]:
    response = await call_next(request)
    retry_after = read_retry_after(response.headers)
    if response.status_code in (429, 503, 529) and retry_after > PATIENCE_SECONDS:
        raise Unavailable(describe(response.status_code), retry_after)
    return response


async def observe(request: APIRequest, call_next: AsyncCallNext) -> AsyncAPIResponse[Any]:
    status = "no answer"
    start = time.perf_counter()
    try:
        response = await call_next(request)
        status = str(response.status_code)
        return response
    finally:
        API_SECONDS.labels(status).observe(time.perf_counter() - start)
