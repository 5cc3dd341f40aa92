"""One question, one answer, and what follows from the answers."""

import json
import subprocess

import pytest

from resonant import facts
from tests.vocabulary import live_site


def test_asked_of_this_machine_every_question_gets_a_string():
    printed = subprocess.run(facts.build_read(), capture_output=True, text=True, check=True, timeout=90).stdout
    known = facts.parse(printed)
    assert set(json.loads(printed)) == set(facts.QUESTIONS)
    assert (
        known["architecture"]
        == subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    )
    assert "bash" in known.packages


def test_a_question_that_fails_is_answered_by_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(facts, "QUESTIONS", {"broken": "echo half; exit 1", "well": "echo 'two words'"})
    printed = subprocess.run(facts.build_read(), capture_output=True, text=True, check=True, timeout=30).stdout
    known = facts.parse(printed)
    assert (known["broken"], known["well"]) == ("", "two words")


def test_everything_of_a_live_site_is_well():
    known = live_site()
    assert {entry.container for entry in known.placement.running} | {"resonant-nginx-1"} == known.well
    assert known.is_accepted
    assert known.release is not None and known.release.id == known.placement.release


@pytest.mark.parametrize(
    ("state", "status", "is_well"),
    [
        ("running", "Up 2 hours (healthy)", True),
        ("running", "Up 2 hours", True),
        ("running", "Up 3 seconds (health: starting)", False),
        ("running", "Up 2 hours (unhealthy)", False),
        ("restarting", "Restarting (1) 3 seconds ago", False),
        ("exited", "Exited (137) 2 minutes ago", False),
        ("created", "Created", False),
        ("paused", "Up 2 hours (Paused)", False),
    ],
)
def test_what_is_well(state: str, status: str, is_well: bool):
    assert facts.Container("resonant-a-backend-1", "backend", state, status, "image").is_well is is_well


def test_a_bare_machine_has_no_containers_and_no_packages():
    assert facts.parse("{}").containers == ()
    assert facts.parse("{}").packages == frozenset()
    assert facts.parse("{}").placement.release == ""
    assert facts.parse("{}").release is None
    assert not facts.parse("{}").is_accepted
