"""The WebSocket: a snapshot, then every change by LISTEN/NOTIFY."""

import json
import socket
import time
from contextlib import suppress

import pytest
from testing.process import wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def live(backend):
    """An open WebSocket after its snapshot, and after the last echoes of earlier tests."""
    with connect(f"ws://127.0.0.1:{backend.port}/ws") as live:
        receive(live)
        with suppress(TimeoutError):
            while True:
                live.recv(timeout=0.3)
        yield live


def receive(live):
    return json.loads(live.recv(timeout=5))


def receive_until(live, wanted):
    message = receive(live)
    while not wanted(message):
        message = receive(live)
    return message


def test_the_snapshot_comes_first(create, backend):
    intent = create()

    with connect(f"ws://127.0.0.1:{backend.port}/ws") as live:
        assert receive(live) == {
            "type": "snapshot",
            "items": [intent],
            "counts": {"pending": 1, "processing": 0, "done": 0, "failed": 0},
        }


def test_an_intent_is_seen_from_created_to_done_to_deleted(live, create, api, module_database):
    intent = create()
    assert receive(live) == {"type": "changed", "intent": intent, "counts": counts(pending=1)}

    module_database.query("UPDATE intents SET state = 'done', result = 'Hi' WHERE id = %s", intent["id"])
    message = receive(live)
    assert (message["intent"]["state"], message["intent"]["result"]) == ("done", "Hi")
    assert message["counts"] == counts(done=1)

    api.delete(f"/api/intents/{intent['id']}")
    assert receive(live) == {"type": "deleted", "id": intent["id"], "counts": counts()}


def test_a_lone_change_arrives_at_once(live, create):
    start = time.monotonic()
    create()
    receive(live)
    assert time.monotonic() - start < 0.1


def test_a_burst_arrives_as_a_snapshot(live, module_database):
    module_database.query("INSERT INTO intents (text) SELECT 'x' FROM generate_series(1, 500)")
    message = receive_until(live, lambda message: message["counts"]["pending"] == 500)
    assert message["type"] == "snapshot"
    assert len(message["items"]) == 50


def test_what_a_client_says_changes_nothing(live, create):
    live.send("hello")
    live.send(b"\x00\xff")
    create("still here")
    assert receive(live)["intent"]["text"] == "still here"


def test_a_client_that_says_too_much_is_closed(live):
    with pytest.raises(ConnectionClosed) as closed:
        live.send("x" * 5000)
        receive(live)
    assert closed.value.rcvd.code == 1009


def test_a_client_that_does_not_read_is_dropped_and_the_others_are_served(backend, live, api, module_database):
    with socket.socket() as slow:
        open_websocket_without_reading(slow, backend.port)
        wait_for("two clients", lambda: read_gauge(api, "websocket_clients") == 2)
        wait_for("one client left", lambda: flood(module_database, live) and read_gauge(api, "websocket_clients") == 1)

    module_database.query("INSERT INTO intents (text) VALUES ('after')")
    receive_until(live, lambda message: message["type"] == "changed" and message["intent"]["text"] == "after")


def flood(database, live):
    """One snapshot of 50 long intents for everybody; the reading client reads it."""
    database.query("INSERT INTO intents (text) SELECT repeat('x', 2000) FROM generate_series(1, 50)")
    receive_until(live, lambda message: message["type"] == "snapshot")
    return True


def open_websocket_without_reading(slow, port):
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", port))
    slow.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


def read_gauge(api, name):
    [line] = [line for line in api.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def counts(**by_state):
    return {"pending": 0, "processing": 0, "done": 0, "failed": 0} | by_state
