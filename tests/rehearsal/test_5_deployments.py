"""Every deployment of prefect.yaml is on the server as written, and can be run: from outside, and on the VM."""

import json

import pytest
import yaml

from resonant.source import CHECKOUT, PROJECT_PATHS, read_source
from tests.sandbox_vm.vocabulary import wait_until

TIME_ZONE = "UTC"
DECLARED = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())["deployments"]


def full_name(entry):
    return f"{entry['entrypoint'].partition(':')[2].replace('_', '-')}/{entry['name']}"


NAMES = [full_name(entry) for entry in DECLARED]


@pytest.fixture
def registered(site):
    flows = {flow["id"]: flow["name"] for flow in site.ask_prefect("flows/filter")}
    found = site.ask_prefect("deployments/filter")
    return {f"{flows[entry['flow_id']]}/{entry['name']}": entry for entry in found}


def test_server_has_what_the_file_says(registered):
    wanted, version = {full_name(entry): entry for entry in DECLARED}, read_source(PROJECT_PATHS).digest
    assert set(registered) == set(wanted)
    for name, entry in registered.items():
        for field in ("entrypoint", "description", "tags"):
            assert entry[field] == wanted[name][field], name
        assert (entry["work_pool_name"], entry["version"]) == (wanted[name]["work_pool"]["name"], version), name
        assert entry["global_concurrency_limit"]["limit"] == 1, name
        assert entry["concurrency_options"]["collision_strategy"] == "CANCEL_NEW", name
        crons = [(plan["slug"], plan["cron"], TIME_ZONE) for plan in wanted[name].get("schedules", [])]
        assert [read_schedule(plan) for plan in entry["schedules"]] == crons, name


def read_schedule(plan):
    return plan["slug"], plan["schedule"]["cron"], plan["schedule"]["timezone"]


def test_scheduled_runs_are_planned(site, registered):
    scheduled = {entry["id"] for entry in registered.values() if entry["schedules"]}
    waiting = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    assert len(scheduled) == 3
    wait_until(
        lambda: {run["deployment_id"] for run in site.ask_prefect("flow_runs/filter", flow_runs=waiting)} >= scheduled,
        "planned runs of every schedule",
        seconds=70,
    )


# The default of a maintenance run closes the site.
PARAMETERS = {"maintenance": {"on": False}}


def parameters(name):
    return PARAMETERS.get(name.partition("/")[0], {})


def test_each_is_run_from_outside(site):
    assert site.run_deployment("deploy/operator", force=True, soak_seconds=0).returncode == 0
    site.cloud_admin.delete("/requests").raise_for_status()
    others = [name for name in NAMES if not name.startswith("rollback/")]
    # One after the other: each change of the site would wait for the lease of the one before.
    done = {name: site.run_deployment(name, **parameters(name)) for name in others}
    assert {name: run.stdout for name, run in done.items() if run.returncode != 0} == {}
    for name in others:
        assert site.read_runs(name)[0]["state_name"] == "Completed", name
    # The teardown among them was not confirmed.
    assert site.cloud_admin.get("/requests").json()["changes"] == {}
    pages = {page["key"]: page["data"] for page in site.ask_prefect("artifacts/latest/filter")}
    assert "- would remove" in pages["teardown"] and "- removed" not in pages["teardown"]
    site.assert_serves_https()


@pytest.mark.parametrize("name", ["rollback/operator", "rollback/vm"])
def test_a_rollback_says_what_it_can_go_back_to(site, name):
    refused = site.run_deployment(name, release="none-such")
    assert refused.returncode == 1
    assert "Kept on the VM" in site.read_runs(name)[0]["state"]["message"]
    site.assert_serves_https()


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("/vm") and not name.startswith("rollback/")])
def test_each_of_the_vm_is_run_on_the_vm(site, name):
    given = "".join(f" --param {key}={json.dumps(value)}" for key, value in parameters(name).items())
    command = f"sudo prefect deployment run {name}{given} --watch 2>&1"
    assert "finished successfully" in site.ssh(command, timeout_seconds=200)


def test_run_beside_another_of_its_kind_is_cancelled(site):
    first = site.start_deployment("deploy/vm", force=True)
    site.wait_for_run(first, "RUNNING")
    second = site.wait_for_run(site.start_deployment("deploy/vm"), seconds=60)
    assert second["state_type"] == "CANCELLED"
    assert site.wait_for_run(first, seconds=180)["state_type"] == "COMPLETED"


def test_teardown_with_another_name_is_refused(site):
    refused = site.run_deployment("teardown/operator", confirm_site="another-site")
    assert refused.returncode == 1
    [run] = site.read_runs("teardown/operator")[:1]
    assert run["state_type"] == "FAILED"
    assert "nothing was removed" in run["state"]["message"]
