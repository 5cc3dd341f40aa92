"""One sandbox without its cloud for all these tests; machines are made directly."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cloud.machines import IngressRule, MachineSpec
from sandbox.lifecycle.cloud import stop_cloud
from sandbox.lifecycle.down import take_down
from sandbox.lifecycle.progress import Progress
from sandbox.lifecycle.up import Sandbox, bring_up
from sandbox.place import Place
from sandbox.vm.machines import DockerMachines
from sandbox.vm.power import PowerSwitch
from tests.sandbox_vm.vocabulary import SSH, Machine

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    place = Place(tmp_path_factory.mktemp("checkout"))
    try:
        sandbox = bring_up(place, Progress())
        # It would switch machines on as well, and hide it when ours does not.
        stop_cloud(sandbox.ground)
        yield sandbox
    finally:
        take_down(place, Progress(), images=False)


@pytest.fixture(scope="session")
def machines(sandbox: Sandbox) -> Iterator[DockerMachines]:
    machines = DockerMachines(sandbox.ground, sandbox.machine_image, sandbox.mirror)
    with PowerSwitch(machines):
        yield machines


@pytest.fixture
def boot(machines: DockerMachines, sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[object]:
    """Boots a machine of the test's own and waits for SSH; terminated afterwards."""
    booted: list[str] = []

    def boot_machine(*ingress: IngressRule, memory_in_gbs: float = 1, user_data: str | None = None) -> Machine:
        name = re.sub(r"[^a-z0-9]+", "-", f"{request.node.name}-{len(booted)}".lower())[-40:].strip("-")
        booted.append(name)
        machine = Machine(machines, sandbox.ground.place.state / "ssh" / "id_ed25519", name)
        machines.create(MachineSpec(name, "web", 1, memory_in_gbs, machine.metadata(user_data)))
        machines.allow_ingress(name, [SSH, *ingress])
        machine.wait_for_ssh()
        return machine

    yield boot_machine
    for name in booted:
        machines.terminate(name)
