"""The rehearsal model's checks and answers, without a server."""

import json

import pytest

from sandbox.llm.envelope import ApiError
from sandbox.llm.faults import Fault, FaultQueue
from sandbox.llm.messages import build_message, check_request, render_events

GOOD = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Sell more bread"}]}


def ask(**changes: object) -> dict[str, object]:
    return build_message(check_request({**GOOD, **changes}))


def test_prompt_may_come_in_blocks():
    blocks = [{"type": "text", "text": "Sell more bread"}]
    assert ask(messages=[{"role": "user", "content": blocks}])["content"] == ask()["content"]


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"max_tokens": 0}, 400, "max_tokens: Input should be greater than or equal to 1"),
        ({"max_tokens": "9"}, 400, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, 400, "max_tokens: Input should be a valid integer"),
        ({"messages": []}, 400, "messages: at least one message is required"),
        ({"messages": "hello"}, 400, "messages: Input should be a valid list"),
        (
            {"messages": [{"role": "robot", "content": "x"}]},
            400,
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
        ({"messages": [{"role": "user", "content": " "}]}, 400, "messages.0: all messages must have non-empty content"),
        ({"temperature": 1.5}, 400, "temperature: range: 0..1"),
        ({"prompt": "x"}, 400, "prompt: Extra inputs are not permitted"),
        ({"model": "gpt-1"}, 404, "model: gpt-1"),
        ({"model": ""}, 400, "model: String should have at least 1 character"),
    ],
)
def test_requests_that_the_api_refuses(changes, status, message):
    with pytest.raises(ApiError) as caught:
        ask(**changes)
    assert (caught.value.status, caught.value.message) == (status, message)


@pytest.mark.parametrize("name", ["model", "max_tokens", "messages"])
def test_required_fields(name):
    with pytest.raises(ApiError, match=f"{name}: Field required"):
        check_request({field: value for field, value in GOOD.items() if field != name})


def test_body_that_is_no_object():
    with pytest.raises(ApiError, match="valid dictionary"):
        check_request([])


def test_streamed_usage_adds_up():
    events = [json.loads(event.partition("data: ")[2]) for event in render_events(ask())]
    assert events[0]["message"]["content"] == []
    assert events[-2]["usage"]["output_tokens"] == ask()["usage"]["output_tokens"]


def test_faults_are_met_in_order_and_run_out():
    faults = FaultQueue()
    faults.add(Fault("rate_limit", count=2))
    faults.add(Fault("error", count=1))
    kinds = [fault.kind if (fault := faults.take()) else None for _ in range(4)]
    assert kinds == ["rate_limit", "rate_limit", "error", None]
