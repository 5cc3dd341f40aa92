"""The VM's worker and the run that it executes are killed: the run does not stay Running, the next one works."""

from tests.sandbox_vm.vocabulary import wait_until

WORKER = "resonant-prefect-worker"
TOLD = "The worker that ran it stopped"


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
