import httpx
import pytest
from testing.process import wait_for


@pytest.fixture(scope="module")
def backend(start_backend, module_database):
    backend = start_backend(module_database)
    backend.wait_until_healthy("/api/health")
    return backend


@pytest.fixture
def api(backend):
    with httpx.Client(base_url=f"http://127.0.0.1:{backend.port}", timeout=10) as client:
        yield client


@pytest.fixture
def empty(module_database, api):
    """No intents, and the backend knows it."""
    module_database.query("DELETE FROM intents")
    wait_for("empty counts", lambda: not any(read_counts(api).values()))


@pytest.fixture
def create(api):
    def create(text="Hello", **fields):
        response = api.post("/api/intents", json={"text": text, **fields})
        assert response.status_code == 201, response.text
        return response.json()

    return create


def read_counts(api):
    return api.get("/api/intents", params={"limit": 1}).json()["counts"]
