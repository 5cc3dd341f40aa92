"""The JSON API, over HTTP, against PostgreSQL."""

import json
import re
from uuid import uuid4

import pytest

pytestmark = pytest.mark.usefixtures("empty")


def test_health_names_the_server_version(api):
    response = api.get("/api/health")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert response.json()["database"].startswith("15.")


def test_a_created_intent_is_pending_and_can_be_read_where_location_says(api):
    response = api.post("/api/intents", json={"text": "  Say hello  "})

    assert response.status_code == 201
    intent = response.json()
    assert set(intent) == {"id", "text", "state", "result", "error", "attempts", "created_at", "updated_at"}
    assert (intent["text"], intent["state"], intent["attempts"]) == ("Say hello", "pending", 0)
    assert (intent["result"], intent["error"]) == (None, None)
    assert response.headers["location"] == f"/api/intents/{intent['id']}"
    assert api.get(response.headers["location"]).json() == intent


def test_times_are_utc_whatever_the_server_s_time_zone(create):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", create()["created_at"])


def test_the_list_is_newest_first_and_paged_by_time(api, create):
    first, second, third = create("first"), create("second"), create("third")

    page = api.get("/api/intents", params={"limit": 2}).json()
    assert page["items"] == [third, second]
    rest = api.get("/api/intents", params={"limit": 2, "before": second["created_at"]}).json()
    assert rest["items"] == [first]


def test_the_list_filters_by_state(api, create, module_database):
    done = create("done")
    create("pending")
    module_database.query("UPDATE intents SET state = 'done' WHERE id = %s", done["id"])

    assert [item["id"] for item in api.get("/api/intents", params={"state": "done"}).json()["items"]] == [done["id"]]
    assert api.get("/api/intents", params={"state": "failed"}).json()["items"] == []


def test_counts_follow_at_once_what_this_api_changed(api, create):
    intents = [create() for _ in range(3)]
    assert api.get("/api/intents").json()["counts"] == {"pending": 3, "processing": 0, "done": 0, "failed": 0}

    api.delete(f"/api/intents/{intents[0]['id']}")
    assert api.get("/api/intents").json()["counts"]["pending"] == 2


def test_a_deleted_intent_is_gone(api, create):
    path = f"/api/intents/{create()['id']}"

    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


def test_an_unknown_intent_is_404(api):
    assert api.get(f"/api/intents/{uuid4()}").status_code == 404


def test_a_synthetic_intent_is_marked_for_the_bridge(create, module_database):
    intent = create(synthetic=True)

    assert module_database.query("SELECT synthetic FROM intents WHERE id = %s", intent["id"]) == [(True,)]


@pytest.mark.parametrize(
    "text", ["é" * 2000, "日本語", "😀", '"><script>', "'; DROP TABLE intents; --", "\u202e\x01\x7f"]
)
def test_any_text_comes_back_as_it_was(create, text):
    assert create(text)["text"] == text


def test_the_longest_text_fits_however_it_is_escaped(api):
    body = json.dumps({"text": "😀" * 2000}, ensure_ascii=True)

    assert api.post("/api/intents", content=body, headers={"Content-Type": "application/json"}).status_code == 201
