"""Whatever a client sends, the fault is the client's: 4xx, never 5xx."""

import json
import socket

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from testing.process import wait_for

JSON = {"Content-Type": "application/json"}
NASTY_BODIES = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b'{"text": "\xff"}',
    b'{"text": "\xed\xa0\x80"}',
    b'{"text": "\\ud800"}',
    b'{"text": "a\\u0000b"}',
    b'{"\\ud800": 1, "text": "x"}',
    b'{"text": "x", "\\u0000": 1}',
    b'{"text": "x", "state": "done"}',
    b'{"text": "x", "synthetic": "\\udfff"}',
    b'{"text": ""}',
    b'{"text": " \\t\\n\\u3000 "}',
    b'{"text": 1}',
    b'{"text": ["x"]}',
    b'{"text": NaN}',
    b'{"text": ' + b"9" * 5000 + b"}",
    b"[" * 30_000,
    b'{"a":' * 6000,
    json.dumps({"text": "x" * 2001}).encode(),
    json.dumps({"text": "\U0001f600" * 2001}).encode(),
]
NASTY_QUERIES = [
    "state=nothing",
    "state=%00",
    "state=%ED%A0%80",
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=1e9",
    "limit=" + "9" * 500,
    "before=yesterday",
    "before=2026-01-01T00:00:00",
    "before=%00",
    "before=1e400",
    "before=NaN",
    "unknown=1",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


def assert_client_error(response):
    assert 400 <= response.status_code < 500, f"{response.status_code} {response.text}"
    assert "detail" in response.json()


@pytest.mark.parametrize("body", NASTY_BODIES, ids=lambda body: repr(body[:30]))
def test_a_nasty_body_is_refused(api, body):
    assert_client_error(api.post("/api/intents", content=body, headers=JSON))


@pytest.mark.parametrize("query", NASTY_QUERIES, ids=lambda query: query[:30])
def test_a_nasty_query_is_refused(api, query):
    assert_client_error(api.get(f"/api/intents?{query}"))


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59", "-62135596800"])
def test_the_ends_of_time_are_answered(api, when):
    assert api.get(f"/api/intents?before={when}").status_code in (200, 422)


@pytest.mark.parametrize("intent_id", ["1", "%00", "%ED%A0%80", "..%2f", "g" * 36, "{intent_id}", "0" * 5000])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_nasty_id_is_refused(api, method, intent_id):
    assert_client_error(api.request(method, f"/api/intents/{intent_id}"))


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=utf-7", "multipart/form-data"])
def test_a_nasty_content_type_is_no_server_error(api, content_type):
    response = api.post("/api/intents", content=b'{"text": 1}', headers={"Content-Type": content_type})

    assert_client_error(response)


def test_a_wrong_method_is_405(api):
    assert api.put("/api/intents", json={"text": "x"}).status_code == 405
    assert api.request("PROPFIND", "/api/intents").status_code == 405
    assert api.request("BREW", "/api/intents").status_code == 400


def test_a_body_that_announces_too_much_is_413(api):
    assert api.post("/api/intents", content=b" " * 40_000, headers=JSON).status_code == 413


def test_an_endless_chunked_body_is_413(api):
    response = api.post("/api/intents", content=(b" " * 4096 for _ in range(10_000)), headers=JSON)

    assert response.status_code == 413


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
def test_no_json_at_all_is_a_server_error(api, value):
    response = api.post("/api/intents", content=json.dumps(value).encode(), headers=JSON)

    assert response.status_code in (400, 422)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=50), synthetic=st.booleans() | json_values)
def test_no_field_at_all_is_a_server_error(api, text, synthetic):
    body = json.dumps({"text": text, "synthetic": synthetic}).encode()

    assert api.post("/api/intents", content=body, headers=JSON).status_code in (201, 422)


def test_bytes_that_are_not_http_leave_the_server_well(api, backend):
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 1000, b"POST"):
        with socket.create_connection(("127.0.0.1", backend.port)) as connection:
            connection.sendall(nonsense)

    assert api.get("/api/health").status_code == 200


def test_the_flood_left_no_server_error_in_the_metrics(api):
    api.post("/api/intents", content=b"[", headers=JSON)
    metrics = wait_for("metrics", lambda: httpx.get(f"{api.base_url}/metrics").text)

    assert 'status="422"' in metrics
    assert 'status="5' not in metrics
