"""One question, one answer, and what follows from the answers."""

import json
import subprocess

import pytest

from resonant import facts
from resonant.commands.compose import SERVICES
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
    assert known["release"] == "" or len(known["release"]) == 16


def test_a_question_that_fails_is_answered_by_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(facts, "QUESTIONS", {"broken": "echo half; exit 1", "well": "echo 'two words'"})
    printed = subprocess.run(facts.build_read(), capture_output=True, text=True, check=True, timeout=30).stdout
    known = facts.parse(printed)
    assert (known["broken"], known["well"]) == ("", "two words")


def test_containers_of_a_live_site_are_well():
    known = live_site()
    assert {container.service for container in known.containers} == set(SERVICES)
    assert known.are_well(SERVICES)


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
    assert facts.Container("backend", state, status, "image").is_well is is_well


def test_a_service_without_a_container_is_not_well():
    without_nginx = "\n".join(line for line in live_site()["containers"].splitlines() if not line.startswith("nginx"))
    assert not live_site(containers=without_nginx).are_well(SERVICES)


def test_one_ill_container_of_two_makes_the_service_ill():
    twice = live_site()["containers"] + "\nbackend\trunning\tUp 1 second (unhealthy)\tresonant/backend:production"
    assert not live_site(containers=twice).are_well(SERVICES)


def test_a_bare_machine_has_no_containers_and_no_packages():
    assert facts.parse("{}").containers == ()
    assert facts.parse("{}").packages == frozenset()
