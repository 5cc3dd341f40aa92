"""What becomes of an intent, with the real SDK against an API that fails in each known way."""

import json
import time

import httpx
import pytest
from testing.claude_api import Fault, build_message
from testing.process import choose_free_port, wait_for


def test_an_intent_is_answered(start_bridge, add, wait_for_state):
    start_bridge()

    assert wait_for_state(add("hello"), "done") == ("answer to hello", None, 1)


def test_a_new_intent_is_taken_up_at_once(start_bridge, add, wait_for_state):
    bridge = start_bridge()
    bridge.wait_until_healthy("/health")
    wait_for_state(add("the first"), "done")

    start = time.monotonic()
    wait_for_state(add("the second"), "done")
    assert time.monotonic() - start < 0.5


def test_a_synthetic_intent_costs_nothing(start_bridge, add, wait_for_state, claude_api):
    start_bridge()

    result, _, attempts = wait_for_state(add(synthetic=True), "done")
    assert result.startswith("synthetic")
    assert (attempts, claude_api.texts) == (1, [])


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_a_fault_that_passes_is_outlived_by_the_sdk(start_bridge, add, wait_for_state, claude_api, status):
    claude_api.faults.append(Fault(status, {"retry-after-ms": "10"}))
    start_bridge()

    assert wait_for_state(add(), "done") == ("answer to hello", None, 1)
    assert len(claude_api.texts) == 2


def test_a_fault_that_lasts_longer_is_outlived_in_the_database(start_bridge, add, wait_for_state, claude_api):
    claude_api.faults.extend([Fault(529, {"retry-after-ms": "10"})] * 7)
    start_bridge()

    assert wait_for_state(add(), "done") == ("answer to hello", None, 3)
    assert len(claude_api.texts) == 8


@pytest.mark.parametrize(
    ("status", "reason"),
    [(429, "the rate limit is reached (429)"), (500, "the API failed (500)"), (529, "the API is overloaded (529)")],
)
def test_a_fault_that_stays_ends_as_failed_with_the_reason(
    start_bridge, add, wait_for_state, claude_api, status, reason
):
    claude_api.always = Fault(status, {"retry-after-ms": "10"})
    start_bridge(BRIDGE_MAX_ATTEMPTS="2")

    assert wait_for_state(add(), "failed") == (None, f"gave up after 2 attempts; the last: Claude API: {reason}", 2)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "the request was rejected (400): scripted 400"),
        (401, "the API key was refused; check ANTHROPIC_API_KEY (401)"),
        (403, "the API key lacks the permission (403)"),
        (404, "not found; check ANTHROPIC_MODEL and ANTHROPIC_BASE_URL (404)"),
        (422, "the request was rejected (422)"),
    ],
)
def test_a_refusal_fails_at_once(start_bridge, add, wait_for_state, claude_api, status, reason):
    claude_api.always = Fault(status)
    start_bridge()

    assert wait_for_state(add(), "failed") == (None, f"Claude API: {reason}", 1)
    assert len(claude_api.texts) == 1


def test_a_wrong_key_is_named_but_not_shown(start_bridge, add, wait_for_state):
    bridge = start_bridge(ANTHROPIC_API_KEY="sk-ant-wrong-key")

    _, error, _ = wait_for_state(add(), "failed")
    assert "ANTHROPIC_API_KEY" in error
    assert "sk-ant" not in error + bridge.log.read_text()


def test_while_the_api_asks_for_patience_nothing_is_sent_and_others_are_served(
    start_bridge, add, read, wait_for_state, claude_api
):
    claude_api.faults.append(Fault(429, {"retry-after": "60"}))
    start_bridge()
    patient = add("patient")
    wait_for("postponed", lambda: read(patient)[2])

    assert read(patient, "state, error") == ("pending", "Claude API: the rate limit is reached (429)")
    assert read(patient, "next_attempt_at - now() BETWEEN '55 s' AND '61 s'") == (True,)
    wait_for_state(add("other"), "done")
    assert claude_api.texts == ["patient", "other"]


def test_a_short_retry_after_is_honoured(start_bridge, add, wait_for_state, claude_api):
    claude_api.faults.append(Fault(429, {"retry-after": "1"}))
    start_bridge()

    start = time.monotonic()
    assert wait_for_state(add(), "done")[2] == 1
    assert time.monotonic() - start > 1


def test_an_api_that_hangs_is_given_up(start_bridge, add, wait_for_state, claude_api):
    claude_api.always = Fault(hang_seconds=60)
    start_bridge(BRIDGE_MAX_ATTEMPTS="1", BRIDGE_REQUEST_TIMEOUT_SECONDS="0.2")

    assert wait_for_state(add(), "failed")[1].endswith("Claude API: the request timed out")


def test_an_attempt_ends_before_its_lease(start_bridge, add, wait_for_state, claude_api):
    claude_api.always = Fault(hang_seconds=60)
    start_bridge(BRIDGE_MAX_ATTEMPTS="1", BRIDGE_LEASE_SECONDS="2")

    assert wait_for_state(add(), "failed")[1].endswith("Claude API: no answer within 2 s")


def test_an_api_that_is_not_there_is_given_up(start_bridge, add, wait_for_state):
    start_bridge(BRIDGE_MAX_ATTEMPTS="1", ANTHROPIC_BASE_URL=f"http://127.0.0.1:{choose_free_port()}")

    assert wait_for_state(add(), "failed")[1].endswith("Claude API: no connection")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "text/html"}, b"<html>a captive portal</html>"),
        ({}, b"{"),
        ({}, b"[]"),
        ({}, b'{"content": 1}'),
        ({}, b'{"content": [{"type": "text", "text": 1}]}'),
        ({}, json.dumps(build_message("a lone surrogate: \ud800")).encode()),
        ({"Content-Type": "text/html"}, b""),
    ],
)
def test_an_answer_that_is_none_is_retried_then_failed(start_bridge, add, wait_for_state, claude_api, headers, body):
    claude_api.always = Fault(200, headers, body)
    start_bridge(BRIDGE_MAX_ATTEMPTS="2")

    assert wait_for_state(add(), "failed")[1].endswith("Claude API: the answer could not be understood")


def test_an_answer_without_text_is_failed(start_bridge, add, wait_for_state, claude_api):
    claude_api.always = Fault(body=json.dumps(build_message("") | {"stop_reason": "refusal"}).encode())
    start_bridge()

    assert wait_for_state(add(), "failed")[1] == "Claude API: the answer has no text (stop_reason: refusal)"


def test_a_nul_that_postgresql_cannot_store_is_left_out(start_bridge, add, wait_for_state, claude_api):
    claude_api.always = Fault(body=json.dumps(build_message("a\x00b 😀")).encode())
    start_bridge()

    assert wait_for_state(add(), "done")[0] == "ab 😀"


def test_metrics_count_outcomes_and_the_api(start_bridge, add, wait_for_state, claude_api):
    claude_api.faults.extend([Fault(), Fault(400)])
    bridge = start_bridge()
    wait_for_state(add(), "done")
    wait_for_state(add(), "failed")

    metrics = httpx.get(f"http://127.0.0.1:{bridge.port}/metrics").text
    assert 'bridge_intents_processed_total{outcome="done"} 1.0' in metrics
    assert 'bridge_intents_processed_total{outcome="failed"} 1.0' in metrics
    assert 'bridge_intents_processed_total{outcome="postponed"} 0.0' in metrics
    assert 'bridge_api_request_duration_seconds_count{status="400"} 1.0' in metrics
    assert "bridge_intent_attempts_count 2.0" in metrics


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_bridge_without_a_usable_key_says_so_and_stops(start_bridge, key):
    bridge = start_bridge(ANTHROPIC_API_KEY=key)

    assert bridge.wait() == 1
    log = bridge.log.read_text()
    assert log.startswith("bridge: wrong settings: ANTHROPIC_API_KEY: ")
    assert log.count("\n") == 1
    assert not key or key not in log
