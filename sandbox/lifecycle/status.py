"""The sandbox as it is, by name and value."""

from sandbox.engine.command import inspect
from sandbox.engine.daemon import does_engine_answer
from sandbox.engine.network import read_ground
from sandbox.images.reachability import read_reachability
from sandbox.lifecycle.cloud import is_cloud_running
from sandbox.lifecycle.settings import FILE, api_url
from sandbox.llm.container import admin_url, base_url
from sandbox.place import Ground, Place
from sandbox.registry.mirror import mirror_address
from sandbox.vm.machines import DockerMachines


def read_status(place: Place) -> dict[str, str]:
    """Says what is away as well; complete only when the sandbox is up."""
    ground = read_ground(place)
    engine = does_engine_answer()
    status = {"sandbox": place.id, "state": str(place.state), "engine": "running" if engine else "away"}
    if ground is None:
        return {**status, "network": "none; run `python -m sandbox up`"}
    status["network"] = ground.allotment.subnet
    status["cloud"] = "running" if is_cloud_running(ground) else "away"
    status["cloud_api"] = api_url(ground)
    status["settings"] = str(place.state / FILE)
    return {**status, **_read_containers(ground)} if engine else status


def _read_containers(ground: Ground) -> dict[str, str]:
    genuine = read_reachability(ground.place.state).answers
    machines = DockerMachines(ground, image="", mirror=None)
    return {
        "images": "genuine" if genuine else "stand-ins",
        "registry": "none" if genuine else _state_of(ground, "registry"),
        "registry_mirror": "none" if genuine else mirror_address(ground),
        "llm": _state_of(ground, "llm"),
        "llm_api": base_url(ground),
        "llm_admin": admin_url(ground),
        **{f"machine.{name}": _describe_machine(machines, name) for name in machines.names()},
    }


def _describe_machine(machines: DockerMachines, name: str) -> str:
    return f"{'running' if machines.is_running(name) else 'stopped'} {machines.read_address(name)}"


def _state_of(ground: Ground, service: str) -> str:
    found = inspect("container", f"{ground.place.prefix}{service}")
    return str(found["State"]["Status"]) if found else "away"
