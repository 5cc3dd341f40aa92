"""PostgreSQL goes away and comes back; the backend is told to stop."""

import json
import os
import signal
import time

import httpx
import pytest
from testing.process import wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


@pytest.fixture
def backend(start_backend, database):
    backend = start_backend(database)
    backend.wait_until_healthy("/api/health")
    return backend


@pytest.fixture
def url(backend):
    return f"http://127.0.0.1:{backend.port}"


@pytest.fixture
def outage(cluster):
    cluster.stop()
    yield
    cluster.start()


@pytest.mark.usefixtures("backend", "outage")
def test_without_the_database_health_says_so_quickly(url):
    start = time.monotonic()
    response = httpx.get(f"{url}/api/health")

    assert time.monotonic() - start <= 2
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "database": "TimeoutError"}


@pytest.mark.usefixtures("backend", "outage")
def test_without_the_database_the_api_answers_503_in_json(url):
    for response in (httpx.get(f"{url}/api/intents"), httpx.post(f"{url}/api/intents", json={"text": "x"})):
        assert response.status_code == 503
        assert response.json() == {"detail": "the database is unavailable"}
        assert response.headers["retry-after"] == "5"
    assert httpx.post(f"{url}/api/intents", json={}).status_code == 422


@pytest.mark.usefixtures("backend", "outage")
def test_without_the_database_metrics_are_still_served(url):
    metrics = httpx.get(f"{url}/metrics").text

    assert "database_up 0.0" in metrics
    assert "\nintents{" not in metrics


def test_a_frozen_database_does_not_freeze_health(url, database):
    backends = [pid for [pid] in database.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'backend'")]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        assert httpx.get(f"{url}/api/health").status_code == 503
        assert time.monotonic() - start <= 2
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)


def test_after_a_restart_of_the_database_everything_goes_on_by_itself(cluster, backend, url):
    with connect(f"ws://127.0.0.1:{backend.port}/ws") as live:
        assert json.loads(live.recv(timeout=5))["type"] == "snapshot"
        cluster.stop()
        wait_for("503", lambda: httpx.get(f"{url}/api/health").status_code == 503)
        time.sleep(6)
        cluster.start()

        assert json.loads(live.recv(timeout=5))["type"] == "snapshot"
        wait_for("200", lambda: httpx.get(f"{url}/api/health").status_code == 200, seconds=3)
        intent = httpx.post(f"{url}/api/intents", json={"text": "after"}).raise_for_status().json()
        assert json.loads(live.recv(timeout=5))["intent"] == intent


def test_it_starts_without_the_database_and_finds_it_later(cluster, start_backend, database):
    cluster.stop()
    backend = start_backend(database)
    wait_for("503", lambda: backend.get_status("/api/health") == 503)
    cluster.start()
    backend.wait_until_healthy("/api/health")


def test_a_database_that_is_not_migrated_is_503(cluster, start_backend):
    backend = start_backend(cluster.create_database())
    backend.wait_until_healthy("/api/health")

    response = httpx.get(f"http://127.0.0.1:{backend.port}/api/intents")
    assert (response.status_code, response.json()) == (503, {"detail": "the database is not migrated"})


def test_sigterm_closes_open_websockets_and_ends_in_time(backend):
    with connect(f"ws://127.0.0.1:{backend.port}/ws") as live:
        live.recv(timeout=5)
        code, seconds = backend.terminate()

        assert code in (0, -signal.SIGTERM)
        assert seconds < 5
        with pytest.raises(ConnectionClosed) as closed:
            while True:  # what was on its way before comes first
                live.recv(timeout=5)
        assert closed.value.rcvd.code == 1012
