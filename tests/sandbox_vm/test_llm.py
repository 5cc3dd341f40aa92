"""The emulator of the Messages API, on the wire as the `anthropic` SDK speaks it."""

import time
from collections.abc import Iterator

import httpx
import pytest

from sandbox.lifecycle.up import Sandbox
from sandbox.llm.container import admin_url, base_url
from tests.sandbox_vm.vocabulary import wait_until

QUESTION = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 500,
    "messages": [{"role": "user", "content": "Plan a garden for bees"}],
}


@pytest.fixture
def claude(sandbox: Sandbox) -> Iterator[httpx.Client]:
    key = (sandbox.ground.place.state / "llm" / "api-key").read_text().strip()
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    with httpx.Client(base_url=base_url(sandbox.ground), headers=headers, timeout=5) as client:
        yield client
    httpx.delete(admin_url(sandbox.ground)).raise_for_status()


@pytest.fixture
def order(sandbox: Sandbox, claude: httpx.Client):
    return lambda **fault: httpx.post(admin_url(sandbox.ground), json=fault)


def ask(client: httpx.Client, **changes: object) -> httpx.Response:
    return client.post("/v1/messages", json={**QUESTION, **changes})


def assert_refused(response: httpx.Response, status: int, kind: str, message: str) -> None:
    body = response.json()
    assert (response.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert message in body["error"]["message"]
    assert body["request_id"] == response.headers["request-id"]


def test_answers_the_same_prompt_with_the_same_text(claude):
    first, second = ask(claude).json(), ask(claude).json()
    assert first == second
    assert (first["type"], first["role"], first["stop_reason"]) == ("message", "assistant", "end_turn")
    assert "rehearsal model" in first["content"][0]["text"] and "garden" in first["content"][0]["text"]
    assert first["usage"]["output_tokens"] > first["usage"]["input_tokens"] > 0


def test_answer_is_cut_at_max_tokens(claude):
    body = ask(claude, max_tokens=3).json()
    assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("max_tokens", 3)


def test_streams_the_same_text(claude):
    whole = ask(claude).json()["content"][0]["text"]
    lines = [
        line.removeprefix("data: ") for line in ask(claude, stream=True).text.splitlines() if line.startswith("data: ")
    ]
    events = [httpx.Response(200, text=line).json() for line in lines]
    assert "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta") == whole
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")


def test_wrong_key_and_missing_headers(claude):
    claude.headers["x-api-key"] = "sk-ant-wrong"
    assert_refused(ask(claude), 401, "authentication_error", "invalid x-api-key")
    del claude.headers["x-api-key"]
    assert_refused(ask(claude), 401, "authentication_error", "x-api-key header is required")


def test_version_is_required(claude):
    del claude.headers["anthropic-version"]
    assert_refused(ask(claude), 400, "invalid_request_error", "anthropic-version: header is required")


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("rate_limit", 429, "rate_limit_error"),
        ("overloaded", 529, "overloaded_error"),
        ("error", 500, "api_error"),
        ("unauthorized", 401, "authentication_error"),
    ],
)
def test_ordered_failures_are_counted(claude, order, kind, status, error):
    assert order(kind=kind, count=2, retry_after_seconds=7).status_code == 201
    for _ in range(2):
        response = ask(claude)
        assert_refused(response, status, error, "")
        assert response.headers.get("retry-after") == ("7" if status == 429 else None)
    assert ask(claude).status_code == 200


def test_failures_without_a_count_last_until_reset(claude, order, sandbox):
    order(kind="overloaded")
    assert [ask(claude).status_code for _ in range(4)] == [529] * 4
    httpx.delete(admin_url(sandbox.ground))
    assert ask(claude).status_code == 200


def test_hang(claude, order):
    order(kind="hang", count=1, seconds=30)
    begun = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        claude.post("/v1/messages", json=QUESTION, timeout=1)
    assert time.monotonic() - begun < 5
    assert ask(claude).status_code == 200


def test_down_refuses_connections_until_reset(claude, order, sandbox):
    order(kind="down")
    with pytest.raises(httpx.ConnectError):
        ask(claude)
    httpx.delete(admin_url(sandbox.ground))
    wait_until(lambda: answers(claude), "answer", seconds=10)


def test_order_that_makes_no_sense(order):
    for fault, reason in (
        ({"kind": "flood"}, "kind: one of"),
        ({"kind": "down", "count": 1}, "count: a server that is down"),
        ({"kind": "error", "count": 0}, "count: at least 1"),
        ({"kind": "error", "often": True}, "often"),
    ):
        response = order(**fault)
        assert (response.status_code, reason in response.json()["error"]) == (400, True)


def answers(client: httpx.Client) -> bool:
    try:
        return ask(client).is_success
    except httpx.ConnectError:
        return False
