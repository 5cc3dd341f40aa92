"""Registration against a real server: twice is once, a person's pause stays, and what left prefect.yaml goes."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse

from deployments import register
from resonant.errors import ResonantError
from resonant.source import CHECKOUT, PROJECT_PATHS, read_source
from tests.prefect_server import PrefectServer


@pytest.fixture(scope="module")
def registered(prefect_server: PrefectServer) -> PrefectServer:
    """Registered twice by the command that the VM runs."""
    environment = {
        **prefect_server.client_environment,
        "RESONANT_TIME_ZONE": "Asia/Tokyo",
        "RESONANT_ANTHROPIC_API_KEY": "a-key",
    }
    for _ in range(2):
        command = [sys.executable, "-m", "deployments", "register"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    return prefect_server


@pytest.fixture
def client(registered: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncPrefectClient]:
    monkeypatch.setenv("RESONANT_ANTHROPIC_API_KEY", "a-key")
    with registered.as_api(), get_client(sync_client=True) as client:
        yield client


def read_all(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    flows = {flow.id: flow.name for flow in client.read_flows()}
    found = [entry for entry in client.read_deployments() if entry.work_pool_name in register.POOLS]
    names = [f"{flows[entry.flow_id]}/{entry.name}" for entry in found]
    assert len(set(names)) == len(names), "a deployment is there twice"
    return dict(zip(names, found, strict=True))


def test_everything_declared_is_there_once(client: SyncPrefectClient):
    declared = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())["deployments"]
    assert set(read_all(client)) == register.read_names()
    assert len(register.read_names()) == len(declared)


def test_each_in_its_pool_alone_and_described(client: SyncPrefectClient):
    for name, entry in read_all(client).items():
        assert entry.work_pool_name == name.partition("/")[2]
        assert entry.concurrency_options.collision_strategy.value == "CANCEL_NEW", name
        assert entry.global_concurrency_limit.limit == 1, name
        assert entry.description and entry.tags, name
        assert entry.version == read_source(PROJECT_PATHS).digest


def test_schedules_are_in_the_sites_time_zone(client: SyncPrefectClient):
    schedules = [schedule for entry in read_all(client).values() for schedule in entry.schedules]
    assert schedules
    assert {schedule.schedule.timezone for schedule in schedules} == {"Asia/Tokyo"}
    assert all(schedule.active for schedule in schedules)


def test_both_pools_are_process_pools(client: SyncPrefectClient):
    pools = {pool.name: pool.type for pool in client.read_work_pools() if pool.name in register.POOLS}
    assert pools == {"operator": "process", "vm": "process"}


def read_automations(client: SyncPrefectClient) -> dict[str, dict]:
    answer = client.request("POST", "/automations/filter")
    counted = Counter(entry["name"] for entry in answer.json())
    assert set(counted.values()) == {1}, counted
    return {entry["name"]: entry for entry in answer.json()}


def test_automations_are_there_once(client: SyncPrefectClient):
    wanted = yaml.safe_load(register.AUTOMATIONS.read_text())["automations"]
    assert set(read_automations(client)) == {entry["name"] for entry in wanted}


def test_an_automation_is_updated_in_place(client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before, wanted = read_automations(client), yaml.safe_load(register.AUTOMATIONS.read_text())
    wanted["automations"][0]["trigger"]["within"] = 120
    monkeypatch.setattr(register, "AUTOMATIONS", tmp_path / "automations.yaml")
    register.AUTOMATIONS.write_text(yaml.safe_dump(wanted))
    register.ensure_automations()
    after, name = read_automations(client), wanted["automations"][0]["name"]
    assert after[name]["trigger"]["within"] == 120
    assert {key: entry["id"] for key, entry in after.items()} == {key: entry["id"] for key, entry in before.items()}


@pytest.fixture
def smaller_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This checkout, but prefect.yaml has lost its last deployment."""
    for name in ("flows", "tasks", "resonant", "deployments"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    text = (CHECKOUT / "prefect.yaml").read_text()
    (tmp_path / "prefect.yaml").write_text(text[: text.rindex("  - name: ")])
    monkeypatch.setattr(register, "CHECKOUT", tmp_path)
    return tmp_path


def test_a_paused_schedule_stays_paused_and_a_removed_deployment_goes(
    client: SyncPrefectClient, smaller_checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    before = read_all(client)
    name = next(name for name, entry in before.items() if entry.schedules and name in register.read_names())
    client.update_deployment_schedule(before[name].id, before[name].schedules[0].id, active=False)
    register.register_all()
    after = read_all(client)
    assert [schedule.active for schedule in after[name].schedules] == [False]
    assert len(set(before) - set(after)) == 1
    assert set(after) == register.read_names()
    assert all(after[name].id == before[name].id for name in after)


def test_a_deployment_of_another_pool_is_not_ours_to_remove(client: SyncPrefectClient):
    flow_id = next(iter(read_all(client).values())).flow_id
    client.create_deployment(flow_id, "of-somebody-else")
    register.prune_deployments(client)
    mine = [entry for entry in client.read_deployments() if entry.name == "of-somebody-else"]
    assert len(mine) == 1
    client.delete_deployment(mine[0].id)


def test_a_broken_prefect_yaml_is_told(client: SyncPrefectClient, smaller_checkout: Path):
    (smaller_checkout / "prefect.yaml").write_text("deployments:\n  - name: x\n    entrypoint: flows.nothing:nothing\n")
    with pytest.raises(ResonantError, match=r"prefect deploy --all. failed"):
        register.deploy_all()
    shutil.rmtree(smaller_checkout / ".prefect", ignore_errors=True)
