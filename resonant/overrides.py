"""What is laid over an application's own Compose file, which stays as its author wrote it."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from resonant.compose_model import Model, Service
from resonant.slots import PERMANENT, SUBNETS, Running, Slot, name_project

SLOTS: tuple[Slot, ...] = ("a", "b")


class Override(dict[str, Any]):
    """A mapping that replaces the one below it instead of being merged."""


class Reset:
    """Takes away what the file below has."""


class Dumper(yaml.SafeDumper):
    pass


Dumper.add_representer(Override, lambda dumper, value: dumper.represent_mapping("!override", value))
Dumper.add_representer(Reset, lambda dumper, value: dumper.represent_scalar("!reset", "null"))


def render_override(model: Model, running: Iterable[Running], images: Mapping[str, str]) -> str:
    """For the services of one slot (or the permanent ones), all of them running in the same Compose project."""
    placed = list(running)
    names = {entry.service for entry in placed}
    services = {entry.service: _override(model[entry.service], entry, images, names) for entry in placed}
    networks = {f"resonant-{slot}": {"name": name_project(slot), "external": True} for slot in SLOTS}
    volumes = {name: {"name": entry["name"]} for name, entry in model.volumes if "name" in entry}
    content = {"services": services, "networks": networks, "volumes": volumes}
    return yaml.dump({key: value for key, value in content.items() if value}, Dumper=Dumper, sort_keys=True)


def _override(service: Service, entry: Running, images: Mapping[str, str], together: set[str]) -> dict[str, Any]:
    changed: dict[str, Any] = {
        "image": images[service.name],
        "container_name": Reset(),
        "ports": Reset(),
        "networks": _networks(service, entry),
        "depends_on": _dependencies(service, entry, together),
        # Also after a reboot: what was stopped on purpose stays so.
        "restart": _restart(service),
        # A fixed address is for one; more of them is what more slots would be for.
        "scale": 1,
    }
    if "replicas" in (service.definition.get("deploy") or {}):
        changed["deploy"] = {"replicas": 1}
    if service.is_built:
        changed["pull_policy"] = "never"
    return {key: value for key, value in changed.items() if value is not None}


def _networks(service: Service, entry: Running) -> Override:
    """One private network instead of the file's own; the aliases that it gives there are kept."""
    given = service.definition.get("networks") or {}
    named = given.values() if isinstance(given, Mapping) else ()
    aliases = sorted({alias for network in named for alias in (network or {}).get("aliases") or ()} | {service.name})
    if entry.slot == PERMANENT:
        return Override({name_project(slot): {"aliases": aliases} for slot in SUBNETS})
    return Override({name_project(entry.slot): {"ipv4_address": entry.address, "aliases": aliases}})


def _dependencies(service: Service, entry: Running, together: set[str]) -> Override | Reset | None:
    """Only on services that are started with it: the others run already."""
    given = service.definition.get("depends_on")
    if not given:
        return None
    wanted = given if isinstance(given, Mapping) else {name: {"condition": "service_started"} for name in given}
    kept = {name: dict(how) for name, how in wanted.items() if name in together} if entry.kind != "daemon" else {}
    return Override(kept) if kept else Reset()


def _restart(service: Service) -> str:
    given = str(service.definition.get("restart") or "unless-stopped")
    return "unless-stopped" if given == "always" else given
