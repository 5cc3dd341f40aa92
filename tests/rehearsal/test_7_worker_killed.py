"""The VM's worker and the run that it executes are killed: the run does not stay Running, the next one works."""

import pytest

from tests.rehearsal.releases import assert_tidy, let_lease_end
from tests.sandbox_vm.vocabulary import wait_until

WORKER = "resonant-prefect-worker"
TOLD = "The worker that ran it stopped"
CURRENT = "/opt/resonant/site/nginx/current"
# What is seen on the VM at that moment, by a command that succeeds then; and whether the new release stays.
PHASES = {
    "new containers start": (
        'before=$(sudo docker ps -q | wc -l); until [ "$(sudo docker ps -q | wc -l)" -gt "$before" ]; do sleep 0.1; done',
        False,
    ),
    "visitors are switched": (
        f'before=$(readlink {CURRENT}); until [ "$(readlink {CURRENT})" != "$before" ]; do sleep 0.1; done; sleep 1',
        False,
    ),
    "the release is accepted": (
        f'before=$(readlink {CURRENT}); until [ "$(readlink {CURRENT})" != "$before" ] && [ -e {CURRENT}/accepted ];'
        " do sleep 0.1; done",
        True,
    ),
}


def test_worker_and_its_run_are_killed(site):
    before = site.ssh(f"systemctl show --property MainPID --value {WORKER}")
    run = site.start_deployment("deploy/vm", force=True)
    site.wait_for_run(run, "RUNNING")
    site.ssh(f"sudo systemctl kill --signal KILL {WORKER}")
    crashed = site.wait_for_run(run, seconds=60)
    assert (crashed["state_type"], TOLD in crashed["state"]["message"]) == ("CRASHED", True)
    wait_until(lambda: site.ssh(f"systemctl is-active {WORKER} || true") == "active", "worker", seconds=60)
    assert site.ssh(f"systemctl show --property MainPID --value {WORKER}") != before

    again = site.run_deployment("deploy/vm", force=True)
    assert again.returncode == 0, again.stdout
    site.assert_serves_https()


def test_run_alone_is_killed(site):
    """Its worker lives, sees it, and says so."""
    run = site.start_deployment("deploy/vm", force=True)
    site.wait_for_run(run, "RUNNING")
    worker = site.ssh(f"systemctl show --property MainPID --value {WORKER}")
    site.ssh(f"sudo pkill -KILL -P {worker}")
    assert site.wait_for_run(run, seconds=60)["state_type"] == "CRASHED"
    assert site.run_deployment("deploy/vm").returncode == 0
    site.assert_serves_https()


@pytest.mark.parametrize("phase", PHASES)
def test_worker_on_the_vm_is_killed_while(site, phase):
    """Every container of the application is replaced; afterwards those serve that should, and the next run works."""
    until, is_accepted = PHASES[phase]
    before = {entry["Id"] for entry in site.read_containers()}
    watching = site.open_ssh(f"timeout 120 sh -c '{until}' && sudo systemctl kill --signal KILL {WORKER}")
    run = site.start_deployment("deploy/vm", force=True, soak_seconds=10)
    assert watching.wait(150) == 0
    assert site.is_serving()
    assert site.wait_for_run(run, seconds=60)["state_type"] == "CRASHED"
    let_lease_end(site)
    again = site.run_deployment("deploy/vm", soak_seconds=0)
    assert again.returncode == 0, again.stdout
    site.assert_serves_https()
    assert_tidy(site)
    now = {entry["Id"] for entry in site.read_containers()}
    assert (now == before) != is_accepted
