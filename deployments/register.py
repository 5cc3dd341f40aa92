"""Work pools, deployments and automations on the server, brought to what this checkout says. Idempotent."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from deployments.server import open_server
from resonant.errors import ResonantError
from resonant.settings import read_settings
from resonant.source import CHECKOUT, PROJECT_PATHS, read_source

POOLS = {
    "operator": "Run by a worker on the operator's machine: creating the VM, first go-live, anything when the VM is gone.",
    "vm": "Run by the worker on the VM itself.",
}
AUTOMATIONS = Path(__file__).with_name("automations.yaml")


def register_all() -> None:
    with open_server() as client:
        ensure_pools(client)
        deploy_all()
        prune_deployments(client)
    ensure_automations()


def ensure_pools(client: SyncPrefectClient) -> None:
    for name, description in POOLS.items():
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type="process", description=description))
        except ObjectAlreadyExists:
            continue


def deploy_all() -> None:
    """`prefect deploy --all`, so that prefect.yaml means exactly what Prefect's documentation says."""
    settings = read_settings()
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "RESONANT_PROJECT": read_source(PROJECT_PATHS).digest,
        "RESONANT_TIME_ZONE": settings.time_zone,
    }
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        raise ResonantError(f"`prefect deploy --all` failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def read_names() -> set[str]:
    """flow-name/deployment-name of everything that prefect.yaml declares."""
    declared: dict[str, Any] = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())
    return {f"{_flow_name(entry['entrypoint'])}/{entry['name']}" for entry in declared["deployments"]}


def prune_deployments(client: SyncPrefectClient) -> None:
    """Remove deployments of our two pools that prefect.yaml no longer has."""
    flows = {flow.id: flow.name for flow in client.read_flows()}
    for deployment in client.read_deployments():
        name = f"{flows.get(deployment.flow_id, '?')}/{deployment.name}"
        if deployment.work_pool_name in POOLS and name not in read_names():
            client.delete_deployment(deployment.id)


def ensure_automations() -> None:
    """Upsert by name: Prefect's own `automation create` would add a second one each time."""
    for wanted in yaml.safe_load(AUTOMATIONS.read_text())["automations"]:
        automation = Automation.model_validate(wanted)
        try:
            existing: Any = Automation.read(name=wanted["name"])
        except ValueError:
            automation.create()
            continue
        automation.id = existing.id
        automation.update()


def _flow_name(entrypoint: str) -> str:
    return entrypoint.partition(":")[2].replace("_", "-")
