"""Bridges that compete, that are killed, and a database that goes away: nothing is lost, nothing is done twice."""

import time

import httpx
import pytest
from testing.claude_api import Fault
from testing.process import wait_for


@pytest.fixture
def all_done(database):
    def all_done():
        return database.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]

    return all_done


def test_two_bridges_never_process_one_intent_twice(start_bridge, add, database, claude_api, all_done):
    texts = [f"intent {number}" for number in range(200)]
    for text in texts:
        add(text)
    bridges = [start_bridge(), start_bridge()]
    wait_for("all done", all_done, seconds=60)

    assert sorted(claude_api.texts) == sorted(texts)
    assert database.query("SELECT DISTINCT attempts FROM intents") == [(1,)]
    assert all(count_done(bridge) > 20 for bridge in bridges)


def count_done(bridge):
    [line] = [
        line
        for line in httpx.get(f"http://127.0.0.1:{bridge.port}/metrics").text.splitlines()
        if line.startswith('bridge_intents_processed_total{outcome="done"}')
    ]
    return float(line.split()[1])


def test_the_intent_of_a_killed_bridge_is_taken_up_after_its_lease(
    start_bridge, add, wait_for_state, claude_api, wait_until_asked
):
    claude_api.faults.append(Fault(hang_seconds=60))
    bridge = start_bridge(BRIDGE_LEASE_SECONDS="3")
    intent = add()
    wait_until_asked(intent)
    bridge.kill()

    start_bridge()
    assert wait_for_state(intent, "done") == ("answer to hello", None, 2)


def test_an_intent_whose_every_bridge_died_is_failed(start_bridge, add, database, wait_for_state, claude_api):
    intent = add()
    database.query(
        "UPDATE intents SET state = 'processing', attempts = 5, next_attempt_at = now() WHERE id = %s", intent
    )
    start_bridge()

    assert wait_for_state(intent, "failed")[1] == "gave up: interrupted in each of 5 attempts"
    assert claude_api.texts == []


def test_sigterm_lets_the_claim_in_hand_finish(start_bridge, add, wait_for_state, claude_api, wait_until_asked):
    claude_api.faults.append(Fault(hang_seconds=1))
    bridge = start_bridge()
    intent = add()
    wait_until_asked(intent)
    waiting = add("waits for the next bridge")

    code, seconds = bridge.terminate()
    assert (code, seconds < 10) == (0, True)
    assert wait_for_state(intent, "done") == ("answer to hello", None, 1)
    assert wait_for_state(waiting, "pending") == (None, None, 0)


def test_sigterm_gives_back_a_claim_that_takes_too_long(
    start_bridge, add, wait_for_state, claude_api, wait_until_asked
):
    claude_api.faults.append(Fault(hang_seconds=60))
    bridge = start_bridge()
    intent = add()
    wait_until_asked(intent)

    code, seconds = bridge.terminate()
    assert (code, seconds < 10) == (0, True)
    assert wait_for_state(intent, "pending") == (None, None, 0)
    start_bridge()
    assert wait_for_state(intent, "done")[2] == 1


def test_sigterm_ends_an_idle_bridge_at_once(start_bridge):
    bridge = start_bridge()
    bridge.wait_until_healthy("/health")

    code, seconds = bridge.terminate()
    assert (code, seconds < 2) == (0, True)


def test_sigterm_ends_a_bridge_whose_database_is_down(start_bridge, add, cluster, claude_api, wait_until_asked):
    claude_api.faults.append(Fault(hang_seconds=60))
    bridge = start_bridge()
    wait_until_asked(add())
    cluster.stop()
    try:
        assert bridge.terminate()[1] < 10
    finally:
        cluster.start()


def test_a_bridge_starts_without_the_database_and_finds_it_later(start_bridge, add, wait_for_state, cluster):
    intent = add()
    cluster.stop()
    bridge = start_bridge()
    wait_for("503", lambda: bridge.get_status("/health") == 503)
    cluster.start()

    bridge.wait_until_healthy("/health")
    assert wait_for_state(intent, "done")[2] == 1


def test_an_answer_is_kept_while_the_database_is_down(
    start_bridge, add, wait_for_state, cluster, claude_api, wait_until_asked
):
    claude_api.faults.append(Fault(hang_seconds=1))
    bridge = start_bridge()
    intent = add()
    wait_until_asked(intent)
    cluster.stop()
    wait_for("503", lambda: bridge.get_status("/health") == 503)
    cluster.start()

    assert wait_for_state(intent, "done") == ("answer to hello", None, 1)
    assert claude_api.texts == ["hello"]
    bridge.wait_until_healthy("/health")


def test_an_intent_deleted_meanwhile_is_let_go(
    start_bridge, add, wait_for_state, database, claude_api, wait_until_asked
):
    claude_api.faults.append(Fault(hang_seconds=0.5))
    start_bridge()
    intent = add("unwanted")
    wait_until_asked(intent)
    database.query("DELETE FROM intents WHERE id = %s", intent)

    wait_for_state(add("wanted"), "done")
    assert claude_api.texts == ["unwanted", "wanted"]


def test_without_a_notification_polling_finds_the_intent(start_bridge, add, wait_for_state, database):
    database.query("ALTER TABLE intents DISABLE TRIGGER intents_notify")
    start_bridge().wait_until_healthy("/health")
    time.sleep(0.5)

    wait_for_state(add(), "done", seconds=5)


def test_an_unknown_path_of_the_status_server_is_404(start_bridge):
    bridge = start_bridge()
    bridge.wait_until_healthy("/health")

    assert bridge.get_status("/nothing") == 404
