import pytest

from resonant.release import build_failure, is_current, parse_services
from tests.vocabulary import live_site, recorded

LIVE = live_site()


def test_a_release_is_current_when_release_environment_and_containers_are():
    assert is_current(LIVE, LIVE["release"], LIVE["environment_sha256"])


@pytest.mark.parametrize(
    "changed", [{"release": "other"}, {"environment_sha256": "other"}, {"containers": ""}, {"release": ""}]
)
def test_any_difference_makes_it_stale(changed: dict[str, str]):
    assert not is_current(live_site(**changed), LIVE["release"], LIVE["environment_sha256"])


def test_all_services_of_a_live_site_are_well():
    states = parse_services(recorded("compose_ps/live_site.jsonl"))
    assert {state.service for state in states} == {"backend", "frontend", "intent_bridge", "nginx", "postgres"}
    assert all(state.is_well for state in states)


@pytest.mark.parametrize("recording", ["three_unwell.jsonl", "array_of_older_compose.json"])
def test_unwell_services_are_told_with_their_state(recording: str):
    states = parse_services(recorded(f"compose_ps/{recording}"))
    assert [str(state) for state in states if not state.is_well] == [
        "backend is unhealthy",
        "intent_bridge is exited (exit code 137)",
        "nginx is created",
    ]


@pytest.mark.parametrize("text", ["", "\n", "[]"])
def test_nothing_was_started(text: str):
    assert parse_services(text) == []


def test_a_failure_names_each_unwell_service_with_its_last_lines():
    states = parse_services(recorded("compose_ps/three_unwell.jsonl"))
    message = str(build_failure("r1", states, {"backend": "could not connect to postgres\n", "nginx": " "}, "error"))
    assert message.startswith("Release r1 did not come up.\nbackend is unhealthy. Its last lines:\ncould not connect")
    assert "nginx is created. Its last lines:\n(no output)" in message
    assert "postgres is" not in message


def test_a_failure_without_an_unwell_service_shows_what_compose_said():
    states = parse_services(recorded("compose_ps/live_site.jsonl"))
    assert "port is already allocated" in str(build_failure("r1", states, {}, "port is already allocated"))
