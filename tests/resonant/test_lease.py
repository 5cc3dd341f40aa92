"""What is told about the lease."""

import json
from dataclasses import replace

from resonant import lease
from resonant.lease import Lease

ANN = Lease(
    "1", 7, "ann@laptop", "brave-otter", "0a1b", "deploy", "2026-01-02T03:04:05Z", "2026-01-02T03:05:00Z", 4.2, True
)


def test_whoever_must_wait_is_told_everything_and_what_to_do():
    told = lease.render_held(ANN, 60.2, 45)
    for part in ("deploy", "ann@laptop", "brave-otter", "0a1b", "2026-01-02T03:04:05Z", "4 s ago", "Waited 60 s"):
        assert part in told
    assert "cancel that flow run" in told and "45 s" in told


def test_a_holder_without_a_flow_run_or_a_heartbeat_is_told_too():
    told = lease.render_held(replace(ANN, flow_run="", heartbeat_age_seconds=None, acquired_at=""), 0, 45)
    assert "no flow run" in told and "last heartbeat never" in told and "an unknown time" in told


def test_the_answer_is_found_below_what_a_shell_says():
    text = 'sudo: unable to resolve host x\n{"id": "1", "token": 7, "owner": "ann@laptop", "flow_run": "", "flow_run_id": "", '
    text += '"what": "deploy", "acquired_at": "", "heartbeat_at": "", "heartbeat_age_seconds": null, "alive": false}\n'
    assert lease.parse(text).owner == "ann@laptop"


def test_a_takeover_is_told_only_when_there_was_one():
    assert lease.render_taken_over(ANN) == ""
    told = lease.render_taken_over(replace(ANN, taken_over=ANN, ended=("docker compose up (process 12)",)))
    assert "from deploy by ann@laptop" in told and "docker compose up (process 12)" in told


def test_a_request_is_one_line_of_json():
    text = lease.Request("1", "ann@laptop", "brave-otter", "0a1b", "deploy").render()
    assert json.loads(text)["what"] == "deploy" and "\n" not in text
