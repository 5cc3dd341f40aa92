"""What must hold of the stack whatever is added to it."""

from typing import Any

import pytest
import yaml

from resonant.application import parse_description
from resonant.facts import SERVER_UNIT, WORKER_UNIT
from resonant.routes import render_policy
from resonant.source import CHECKOUT

STACK = CHECKOUT / "stack"
APPS = CHECKOUT / "apps"
COMPOSE: dict[str, Any] = yaml.safe_load((STACK / "compose.yaml").read_text())
DESCRIPTION = parse_description((APPS / "resonant.yaml").read_text())
ALL: dict[str, dict[str, Any]] = {
    **COMPOSE["services"],
    **yaml.safe_load((APPS / "compose.yaml").read_text())["services"],
}
ALWAYS = {name: service for name, service in ALL.items() if "profiles" not in service}


def test_stack_and_reference_application_are_the_services_of_the_site():
    assert set(ALWAYS) == {"nginx", "postgres", "backend", "frontend", "intent_bridge"}
    assert {name: DESCRIPTION.read_kind(name) for name in ALWAYS if name != "nginx"} == {
        "postgres": "stateful", "backend": "web", "frontend": "web", "intent_bridge": "daemon",
    }  # fmt: skip


@pytest.mark.parametrize("name", ALWAYS)
def test_a_service_restarts_is_checked_limited_and_cannot_fill_the_disk(name: str):
    service = ALWAYS[name]
    assert service["restart"] == "always"
    assert service["healthcheck"]["interval"]
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_all_fits_into_the_free_machine():
    sizes = [ALWAYS[name]["deploy"]["resources"]["limits"]["memory"] for name in ALWAYS]
    megabytes = sum(int(size[:-1]) * (1024 if size.endswith("G") else 1) for size in sizes)
    assert megabytes < 12 * 1024 / 2


@pytest.mark.parametrize("name", ALL)
def test_a_service_is_pinned_and_replaceable(name: str):
    service = ALL[name]
    if "build" not in service:
        tag = service["image"].rpartition(":")[2]
        assert tag and tag != "latest" and "/" not in tag
    assert "container_name" not in service, "two containers of a service could not run side by side"
    assert all("condition" in how for how in service.get("depends_on", {}).values())


def test_nginx_stands_on_both_networks():
    assert ALL["nginx"]["networks"] == ["a", "b"]
    assert [COMPOSE["networks"][name]["name"] for name in ("a", "b")] == ["resonant-a", "resonant-b"]


def test_only_nginx_is_reached_from_outside():
    assert {name: service["ports"] for name, service in ALL.items() if "ports" in service} == {
        "nginx": ["80:80", "443:443"]
    }
    assert not any("network_mode" in service or service.get("privileged") for service in ALL.values())


def test_no_secret_and_no_password_is_written_in_the_stack():
    for file in (file for file in STACK.rglob("*") if file.is_file()):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(":")
            if any(word in name for word in ("PASSWORD", "API_KEY", "SECRET", "TOKEN")):
                assert value.strip().startswith("${"), f"{file}: {line}"


def test_prefect_listens_on_loopback_as_nobodys_root():
    server = (STACK / "systemd" / SERVER_UNIT).read_text()
    assert "--host 127.0.0.1 " in server and "User=resonant-prefect" in server
    assert "Restart=always" in server


def test_the_worker_ends_old_runs_before_it_serves():
    worker = (STACK / "systemd" / WORKER_UNIT).read_text()
    assert "ExecStartPre=/opt/resonant/venv/bin/python -m deployments reconcile vm" in worker
    assert "Restart=always" in worker


def test_https_is_told_to_stay_and_the_challenge_is_answered_over_http():
    headers, nginx = (STACK / "nginx/headers.conf").read_text(), (STACK / "nginx/nginx.conf").read_text()
    for header in ("Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy"):
        assert header in headers, header
    # The policy is the application's: it is rendered into a file of its own.
    assert "include policy.conf;" in headers
    assert "Content-Security-Policy" in render_policy(DESCRIPTION)
    assert "/.well-known/acme-challenge/" in nginx
    assert "http2 on;" in nginx and "ssl_protocols TLSv1.2 TLSv1.3;" in nginx
