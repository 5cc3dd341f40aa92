"""Claude's API fails in its several ways, and strangers send nonsense: no intent is lost, the site goes on."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from tests.sandbox_vm.vocabulary import wait_until

BRIDGE_ATTEMPTS = 5
FLOOD = 300


def test_api_is_down_until_the_bridge_gives_up_on_one_intent_and_answers_the_next(site):
    with site.claude_fails(kind="down"):
        first = site.create_intent("Asked when Claude was away")
        wait_until(lambda: site.read_intent(first)["attempts"] >= BRIDGE_ATTEMPTS - 1, "fourth attempt", seconds=120)
        second = site.create_intent("Asked shortly before Claude came back")
        given_up = site.wait_for_intent(first, "failed", seconds=120)
        wait_until(lambda: site.read_intent(second)["error"], "attempt at the second", seconds=30)
        assert site.read_intent(second)["error"] == "Claude API: no connection"
    assert given_up["attempts"] == BRIDGE_ATTEMPTS
    assert given_up["error"] == "gave up after 5 attempts; the last: Claude API: no connection"
    assert site.wait_for_intent(second, "done", seconds=120)["error"] is None


def test_rate_limit_is_waited_for(site):
    with site.claude_fails(kind="rate_limit", count=1, retry_after_seconds=7):
        intent = site.create_intent("One too many this minute")
        wait_until(lambda: site.read_intent(intent)["error"], "attempt")
        postponed = site.read_intent(intent)
        done = site.wait_for_intent(intent, "done")
    assert (postponed["state"], postponed["error"]) == ("pending", "Claude API: the rate limit is reached (429)")
    assert (done["attempts"], done["error"]) == (2, None)
    assert seconds_between(postponed["updated_at"], done["updated_at"]) >= 6.5


def test_overload_is_tried_again(site):
    with site.claude_fails(kind="overloaded", count=4):
        intent = site.create_intent("Asked at the busiest hour")
        done = site.wait_for_intent(intent, "done")
    assert (done["attempts"], done["error"]) == (2, None)


def test_refused_key_is_told_at_once_and_not_shown(site):
    with site.claude_fails(kind="unauthorized"):
        intent = site.create_intent("Asked with a key that was revoked")
        failed = site.wait_for_intent(intent, "failed")
    assert (failed["attempts"], failed["error"]) == (
        1,
        "Claude API: the API key was refused; check ANTHROPIC_API_KEY (401)",
    )
    assert site.wait_for_intent(site.create_intent("Asked with a good key"), "done")["result"]


def test_flood_of_nonsense_is_refused_and_the_site_stays_well(site):
    rng = random.Random(7)  # noqa: S311  # nonsense alone
    count = site.api.get("/api/intents").json()["counts"]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda nonsense: site.api.request(**nonsense).status_code, make_nonsense(rng)))
    assert len(statuses) == FLOOD
    assert {status for status in statuses if not 400 <= status < 500} == set()
    assert site.api.get("/api/health").json()["status"] == "ok"
    assert site.api.get("/api/intents").json()["counts"] == count
    assert {entry["RestartCount"] for entry in site.read_containers()} == {0}


def make_nonsense(rng):
    json = {"content-type": "application/json"}
    kinds = (
        lambda: {
            "method": "POST",
            "url": "/api/intents",
            "content": rng.randbytes(rng.randrange(2000)),
            "headers": json,
        },
        lambda: {"method": "POST", "url": "/api/intents", "json": {"text": "x" * rng.randrange(2001, 9000)}},
        lambda: {"method": "POST", "url": "/api/intents", "json": {"text": rng.choice([None, "", " ", 7, [], "\0"])}},
        lambda: {"method": "POST", "url": "/api/intents", "content": b"x" * (1 << 20) + b"x", "headers": json},
        lambda: {"method": "GET", "url": f"/api/intents?limit={rng.choice(['-1', '0', '1e9', 'x', '9' * 400])}"},
        lambda: {"method": "GET", "url": f"/api/intents/{rng.randbytes(9).hex()}"},
        lambda: {"method": rng.choice(["PUT", "PATCH", "DELETE"]), "url": "/api/intents"},
        lambda: {"method": "GET", "url": f"/api/{rng.randbytes(4).hex()}", "headers": {"x-nonsense": "x" * 9000}},
    )
    return [rng.choice(kinds)() for _ in range(FLOOD)]


def seconds_between(earlier, later):
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
