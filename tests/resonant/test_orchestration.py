"""What the VM's Prefect is told: made once, kept, and no more than it needs."""

from pathlib import Path

import pytest

from resonant import orchestration
from resonant.environment import render_environment
from resonant.settings import FILE_VARIABLE, read_settings
from tests.vocabulary import ADDRESS, settings


def test_passwords_are_made_once_and_kept():
    first = orchestration.decide_server_environment({})
    assert orchestration.decide_server_environment(first) == first
    other = orchestration.decide_server_environment({})
    for name in ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_ENCRYPTION_KEY"):
        assert first[name] != other[name] and len(first[name]) > 30


def test_the_worker_logs_in_with_the_servers_password():
    server = orchestration.decide_server_environment({})
    worker = orchestration.decide_worker_environment(server)
    assert worker["PREFECT_API_AUTH_STRING"] == server["PREFECT_SERVER_API_AUTH_STRING"]
    assert int(worker["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) < 90, "the automation's patience"


def test_nothing_is_told_to_anybody_outside():
    for environment in (orchestration.decide_server_environment({}), orchestration.QUIET):
        assert environment["DO_NOT_TRACK"] == "1"
        assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
        assert environment["PREFECT_SERVER_UI_V2_ENABLED"] == "false"


def test_the_vm_reads_back_the_settings_that_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ours = settings(
        domain="example.org", time_zone="Asia/Tokyo", anthropic_api_key="sk-a b$c", poll_seconds=0.2, soak_seconds=7,
        require_approval=True, pre_release_hooks=["echo 'a \\ b'"], notify_urls=["json://user:pa%27ss@host/"],
    )  # fmt: skip
    variables = {"A": "it's", "B": 'say "x"', "C": "back\\slash $HOME"}
    file = tmp_path / "settings.env"
    file.write_text(render_environment(orchestration.decide_site_settings(ours, ADDRESS, variables)))
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    there = read_settings()
    assert (there.connection, there.address) == ("local", ADDRESS)
    assert {name: value.get_secret_value() for name, value in there.environment.items()} == variables
    assert (there.application_repository, there.folder) == ("/opt/resonant/site/application.git", "apps")
    for name in (
        "site", "domain", "time_zone", "anthropic_api_key", "anthropic_model", "poll_seconds", "soak_seconds", "require_approval",
        "pre_release_hooks", "notify_urls",
    ):  # fmt: skip
        assert getattr(there, name) == getattr(ours, name), name


def test_the_vm_is_given_no_key_of_ours():
    told = orchestration.decide_site_settings(settings(), ADDRESS, {})
    assert [name for name in told if "OCI" in name or "SSH" in name or "COMPARTMENT" in name] == []


def test_the_environment_is_new_when_the_lock_or_python_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(orchestration, "CHECKOUT", tmp_path)
    (tmp_path / orchestration.LOCK_FILE).write_text("a==1")
    names = [orchestration.read_venv_name("3.12.3"), orchestration.read_venv_name("3.13.5")]
    (tmp_path / orchestration.LOCK_FILE).write_text("a==2")
    names.append(orchestration.read_venv_name("3.12.3"))
    assert len(set(names)) == 3
    assert orchestration.read_venv_name("3.12.3") == names[2]
