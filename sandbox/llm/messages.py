"""Requests checked as the genuine API checks them, and answers made from the prompt alone."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.llm.envelope import ApiError

FIELDS = {
    *(
        "cache_control",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
    ),
    *("temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"),
}
CHARACTERS_PER_TOKEN = 4


def check_request(body: Any) -> dict[str, Any]:
    """The body when the API would take it; otherwise ApiError with the API's wording."""
    if not isinstance(body, dict):
        raise ApiError(400, "Input should be a valid dictionary")
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            raise ApiError(400, f"{name}: Field required")
    for name in sorted(set(body) - FIELDS):
        raise ApiError(400, f"{name}: Extra inputs are not permitted")
    _check_parameters(body)
    _check_messages(body["messages"])
    return body


def _check_parameters(body: Mapping[str, Any]) -> None:
    max_tokens, temperature = body["max_tokens"], body.get("temperature", 1)
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool):
        raise ApiError(400, "max_tokens: Input should be a valid integer")
    if max_tokens < 1:
        raise ApiError(400, "max_tokens: Input should be greater than or equal to 1")
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 1:
        raise ApiError(400, "temperature: range: 0..1")
    if not isinstance(body["model"], str) or not body["model"]:
        raise ApiError(400, "model: String should have at least 1 character")
    if not body["model"].startswith("claude-"):
        raise ApiError(404, f"model: {body['model']}")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        raise ApiError(400, "messages: Input should be a valid list")
    if not messages:
        raise ApiError(400, "messages: at least one message is required")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise ApiError(400, f"messages.{index}.role: Input should be 'user' or 'assistant'")
        if not read_text(message.get("content")).strip():
            raise ApiError(400, f"messages.{index}: all messages must have non-empty content")


def read_text(content: Any) -> str:
    """The text of a message's or system prompt's content, given as a string or as blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(
        str(block["text"])
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "text" and "text" in block
    )


def render_answer(prompt: str) -> str:
    """The same text for the same prompt; it says what it is, and shows that the prompt was read."""
    words = re.findall(r"\w[\w'-]{3,}", prompt.lower())
    topics = ", ".join(word for word, _ in Counter(words).most_common(5)) or "nothing in particular"
    request = " ".join(prompt.split())
    if len(request) > 160:
        request = request[:157].rstrip() + "…"
    return (
        f"The rehearsal model read your request: “{request}”\n\n"
        f"It is about: {topics}.\n"
        "Suggested next steps:\n"
        "1. Say what must be true when this is done.\n"
        f"2. Do the smallest part of it that can be seen: start with “{topics.partition(',')[0]}”.\n"
        "3. Look at the result together and decide what follows.\n\n"
        "(In production, Claude answers here.)"
    )


def build_message(body: Mapping[str, Any]) -> dict[str, Any]:
    """The API's answer to a request that was checked."""
    prompt = read_text(body["messages"][-1]["content"])
    everything = read_text(body.get("system")) + "".join(read_text(message["content"]) for message in body["messages"])
    answer = render_answer(prompt)
    limit = body["max_tokens"] * CHARACTERS_PER_TOKEN
    return {
        "id": f"msg_{hashlib.sha256(everything.encode()).hexdigest()[:24]}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": answer[:limit]}],
        "stop_reason": "max_tokens" if len(answer) > limit else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": _count_tokens(everything),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": _count_tokens(answer[:limit]),
            "service_tier": "standard",
        },
    }


def render_events(message: Mapping[str, Any]) -> Iterator[str]:
    """The same answer as server-sent events, for `stream: true`."""
    text = message["content"][0]["text"]
    opening = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield _event("message_start", message=opening)
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for piece in re.findall(r"\S+\s*", text):
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield _event("content_block_stop", index=0)
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=ending, usage={"output_tokens": message["usage"]["output_tokens"]})
    yield _event("message_stop")


def _event(kind: str, **content: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **content})}\n\n"


def _count_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
