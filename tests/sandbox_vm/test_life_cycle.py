"""`python -m sandbox` on checkouts of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sandbox.cloud.machines import MachineSpec
from sandbox.engine.network import ensure_ground, read_ground
from sandbox.lifecycle.up import MARK, Sandbox
from sandbox.place import Place
from sandbox.vm.machines import DockerMachines
from tests.sandbox_vm.vocabulary import count_traces, wait_until

REPOSITORY = Path(__file__).parents[2]
NOTHING = {"container": 0, "volume": 0, "network": 0}


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path):
    """A second checkout beside the session's; images are there already."""
    place = Place(tmp_path)
    yield place
    run(place, "down")


def command(place: Place, *words: str) -> list[str]:
    return [sys.executable, "-m", "sandbox", "--checkout", str(place.checkout), *words]


def run(place: Place, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, **environment}
    return subprocess.run(
        command(place, *words), cwd=REPOSITORY, env=settings, capture_output=True, text=True, timeout=200
    )


def assert_one_message(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] != []
    for part in parts:
        assert part in done.stderr


def test_up_status_env_down(place):
    assert run(place, "up").returncode == 0
    status = dict(line.split("=", 1) for line in run(place, "status").stdout.splitlines())
    assert (status["cloud"], status["registry"], status["llm"]) == ("running", "running", "running")
    assert run(place, "env").stdout == (place.state / "settings.env").read_text()
    for secret in ("settings.env", "oci/config", "oci/api_key.pem", "ssh/id_ed25519", "llm/api-key"):
        assert (place.state / secret).stat().st_mode & 0o777 == 0o600
    assert run(place, "up").returncode == 0
    assert run(place, "down").returncode == 0
    assert count_traces(place.label) == NOTHING
    assert not place.state.exists()
    assert run(place, "down").returncode == 0


def test_two_sandboxes_side_by_side(place, sandbox, machines):
    place.open_state()
    other = ensure_ground(place)
    assert other.allotment.subnet != sandbox.ground.allotment.subnet
    assert {other.allotment.api_port, other.allotment.registry_port}.isdisjoint(
        {sandbox.ground.allotment.api_port, sandbox.ground.allotment.registry_port}
    )
    twin = MachineSpec("twin", "web", 1, 0.5)
    neighbours = DockerMachines(other, sandbox.machine_image, None)
    machines.create(twin)
    neighbours.create(twin)
    neighbours.terminate("twin")
    assert (neighbours.names(), machines.is_running("twin")) == ([], True)
    machines.terminate("twin")


def test_port_in_use_names_its_holder(place):
    place.open_state()
    ground = ensure_ground(place)
    with socket.create_server(("127.0.0.1", ground.allotment.registry_port)):
        assert_one_message(
            run(place, "up"), str(ground.allotment.registry_port), f"(process {os.getpid()})", "sandbox's registry"
        )
    assert run(place, "up").returncode == 0


def test_port_of_the_site_in_use_names_its_holder(place):
    place.open_state()
    address = ensure_ground(place).public_addresses[0]
    with socket.create_server((address, 443)):
        assert_one_message(run(place, "up"), f"Port 443 on {address}", f"(process {os.getpid()})")


@pytest.mark.parametrize("moment", ["network", "registry"])
def test_down_after_up_was_killed(place, moment):
    with subprocess.Popen(
        command(place, "up"), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as up:
        kind = "network" if moment == "network" else "container"
        wait_until(lambda: count_traces(place.label)[kind] > 0, moment, seconds=60)
        up.kill()
    assert run(place, "down").returncode == 0
    assert count_traces(place.label) == NOTHING
    assert not place.state.exists()


def test_down_ends_what_a_killed_up_left_building(place):
    ours, theirs = (
        subprocess.Popen(["sleep", "100"], env={**os.environ, MARK: mark}) for mark in (place.id, "another")
    )
    with ours, theirs:
        assert run(place, "down").returncode == 0
        assert (ours.wait(timeout=5), theirs.poll()) == (-signal.SIGTERM, None)
        theirs.kill()


def test_up_goes_on_after_ctrl_c(place):
    with subprocess.Popen(
        command(place, "up"), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as up:
        wait_until(lambda: count_traces(place.label)["network"] > 0, "network", seconds=60)
        os.killpg(up.pid, signal.SIGINT)
        _, said = up.communicate(timeout=60)
        assert (up.returncode, "goes on from here" in said, "Traceback" in said) == (130, True, False)
    assert run(place, "up").returncode == 0


def test_cloud_that_died_is_started_again_without_its_orphans(place, sandbox):
    assert run(place, "up").returncode == 0
    ground = read_ground(place)
    assert ground
    orphan = DockerMachines(ground, sandbox.machine_image, None)
    orphan.create(MachineSpec("orphan", "web", 1, 0.5))
    cloud = next(
        one
        for one in psutil.process_iter()
        if place.checkout.name in " ".join(one.cmdline()) and "serve" in one.cmdline()
    )
    cloud.kill()
    time.sleep(0.2)
    assert run(place, "up").returncode == 0
    assert orphan.names() == []


def test_down_when_the_engine_is_gone(place):
    place.open_state()
    ensure_ground(place)
    done = run(place, "down", DOCKER_HOST="tcp://127.0.0.1:1")
    assert (done.returncode, "engine is away" in done.stderr) == (0, True)
    assert not place.state.exists()
    assert run(place, "down").returncode == 0
    assert count_traces(place.label) == NOTHING


def test_no_engine_where_docker_host_points(place):
    assert_one_message(
        run(place, "up", DOCKER_HOST="tcp://127.0.0.1:1"), "No Docker engine answers at DOCKER_HOST=tcp://127.0.0.1:1"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [("/nowhere", "only root may start one"), (os.environ["PATH"], "Docker's socket refuses this user")],
    ids=["no engine", "not in the group"],
)
def test_engine_that_an_ordinary_user_may_not_use(place, path, message):
    done = run_as_nobody(
        "from pathlib import Path; from sandbox.engine.daemon import ensure_engine",
        f"ensure_engine(Path({str(place.state)!r}))",
        PATH=path,
    )
    assert message in done.stderr


def test_second_up_at_the_same_time_is_told_to_wait(place):
    with subprocess.Popen(
        command(place, "up"), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        wait_until(lambda: (place.state / "lock").exists(), "lock", seconds=30)
        assert_one_message(run(place, "up"), "Another `up` or `down` is at work")
        assert first.wait(timeout=200) == 0


def test_env_without_a_sandbox(place):
    assert_one_message(run(place, "env"), "There is no sandbox here yet")


def run_as_nobody(imports: str, call: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Imported before, because the interpreter itself may lie where nobody may read.
    program = "\n".join(["import os", imports, "os.setgroups([]); os.setgid(65534); os.setuid(65534)", call])
    settings = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=settings, capture_output=True, text=True, timeout=60
    )
