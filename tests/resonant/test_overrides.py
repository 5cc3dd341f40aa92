"""What is laid over an application's Compose file; and that Compose itself makes of both what we mean."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from resonant.application import parse_description
from resonant.compose_model import Model, parse_model
from resonant.overrides import render_override
from resonant.slots import Running, Slot
from tests.vocabulary import RECORDINGS, recorded

VALUES = {"SESSION_KEY": "s", "API_TOKEN": "t", "CITY": "Oslo", "ONLY_HERE": "x"}
DESCRIPTION = parse_description("web: {web: {port: 8080, paths: [/]}}\ndaemons: [worker]\nstateful: [cache]")
IMAGES = {name: f"resonant/{name}:0123" for name in ("web", "worker", "migrated", "cache")}


def everything() -> Model:
    return parse_model(json.loads(recorded("compose_model/everything.json")), DESCRIPTION, VALUES)


def place(service: str, slot: Slot = "b", address: str = "10.201.2.10") -> Running:
    kind = DESCRIPTION.read_kind(service)
    return Running(service=service, kind=kind, slot=slot, address=address, release="r", fingerprint="f")


def rendered(*running: Running) -> str:
    return render_override(everything(), running, IMAGES)


def section(text: str, service: str) -> str:
    """The lines of one service."""
    lines = text.splitlines()
    began = lines.index(f"  {service}:")
    following = (number for number, line in enumerate(lines) if number > began and not line.startswith("    "))
    return "\n".join(lines[began : next(following, len(lines))])


def test_a_service_gets_an_image_an_address_and_nothing_that_is_published():
    assert section(rendered(place("web"), place("migrated", address="10.201.2.11")), "web") == "\n".join(
        [
            "  web:",
            "    container_name: !reset 'null'",
            "    depends_on: !override",
            "      migrated:",
            "        condition: service_completed_successfully",
            "        required: true",
            "    image: resonant/web:0123",
            "    networks: !override",
            "      resonant-b:",
            "        aliases:",
            "        - shop",
            "        - web",
            "        - www",
            "        ipv4_address: 10.201.2.10",
            "    ports: !reset 'null'",
            "    pull_policy: never",
            "    restart: unless-stopped",
            "    scale: 1",
        ]
    )


def test_a_dependency_that_runs_already_is_left_out():
    assert "depends_on: !reset" in section(rendered(place("web")), "web")


def test_a_daemon_waits_for_nobody_because_it_is_started_last():
    text = rendered(place("worker"), place("cache", "", ""))
    assert "depends_on: !reset" in section(text, "worker")


def test_only_what_is_built_is_never_pulled_and_replicas_are_one():
    text = rendered(place("worker"), place("migrated"))
    assert "pull_policy: never" in section(text, "worker") and "replicas: 1" in section(text, "worker")
    assert "pull_policy" not in section(text, "migrated") and "replicas" not in section(text, "migrated")


def test_what_runs_once_is_not_made_to_run_for_ever():
    text = rendered(place("web"), place("migrated"), place("worker"))
    restarts = {
        name: section(text, name).partition("restart: ")[2].split("\n")[0] for name in ("web", "migrated", "worker")
    }
    assert restarts == {"web": "unless-stopped", "migrated": "'no'", "worker": "unless-stopped"}


def test_what_is_permanent_is_on_both_networks_without_a_fixed_address():
    text = section(rendered(place("cache", "", "")), "cache")
    assert "resonant-a:\n" in text and "resonant-b:\n" in text and "ipv4_address" not in text


def test_volumes_keep_one_name_in_all_releases():
    text = rendered(place("web"))
    assert "  uploads:\n    name: shop_uploads\n" in text and "  cache:\n    name: resonant_cache\n" in text


@pytest.mark.docker
@pytest.mark.parametrize(
    "running",
    [
        (place("web"), place("migrated", address="10.201.2.11")),
        (place("web", "a", "10.201.1.10"),),
        (place("worker"),),
        (place("cache", "", ""),),
    ],
)
def test_compose_reads_both_files_as_we_mean_them(
    compose: dict[str, str], tmp_path: Path, running: tuple[Running, ...]
):
    model = read_by_compose(compose, tmp_path, rendered(*running))
    for entry in running:
        service = model["services"][entry.service]
        assert service["image"] == IMAGES[entry.service]
        assert "ports" not in service and "container_name" not in service and service["scale"] == 1
        assert service.get("deploy", {}).get("replicas", 1) == 1
        wanted = {f"resonant-{entry.slot}"} if entry.slot else {"resonant-a", "resonant-b"}
        assert set(service["networks"]) == wanted
        if entry.slot:
            assert service["networks"][f"resonant-{entry.slot}"]["ipv4_address"] == entry.address
        assert set(service.get("depends_on", {})) <= {other.service for other in running}
        assert all(model["networks"][name]["external"] and model["networks"][name]["name"] == name for name in wanted)
    assert model["volumes"]["uploads"]["name"] == "shop_uploads"


@pytest.mark.docker
def test_the_authors_own_settings_stay(compose: dict[str, str], tmp_path: Path):
    web = read_by_compose(compose, tmp_path, rendered(place("web")))["services"]["web"]
    assert web["environment"]["SESSION_KEY"] == "s" and web["environment"]["PRICE"] == "5$$"
    assert web["logging"]["options"] == {"max-size": "1m"}
    assert {secret["source"] for secret in web["secrets"]} == {"pepper", "token"}
    assert [volume["target"] for volume in web["volumes"]] == ["/etc/web.ini", "/uploads", "/some.sock"]


def read_by_compose(compose: dict[str, str], folder: Path, override: str) -> Any:
    """As `resonant.commands.compose.application` gives the two files."""
    (folder / "compose.yaml").write_text((RECORDINGS / "compose_model/everything.yaml").read_text())
    (folder / "override.yaml").write_text(override)
    (folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in VALUES.items()))
    command = ["docker", "compose", "--project-name", "resonant-b", "--env-file", f"{folder}/.env"]
    command += [
        "--project-directory",
        str(folder),
        "--file",
        f"{folder}/compose.yaml",
        "--file",
        f"{folder}/override.yaml",
    ]
    done = subprocess.run(
        [*command, "config", "--format", "json"], env=compose, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
