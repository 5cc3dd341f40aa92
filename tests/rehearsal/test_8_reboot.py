"""The VM is rebooted while it deploys: everything comes back by itself, and the run is told to have ended."""

import time

import pytest

from tests.sandbox_vm.vocabulary import wait_until

SERVES_WITHIN_SECONDS = 120


@pytest.fixture
def boot_time(site):
    """When systemd was started; empty while the machine is away."""
    return lambda: site.try_ssh("systemctl show --property UserspaceTimestamp --value").stdout.strip()


def test_reboot_in_the_middle_of_a_deploy(site, boot_time):
    before, intent = boot_time(), site.create_intent("Remember me over the reboot")
    run = site.start_deployment("deploy/vm", force=True)
    site.wait_for_run(run, "RUNNING")
    site.try_ssh("sudo systemctl reboot")
    begun = time.monotonic()
    wait_until(lambda: boot_time() not in ("", before), "reboot", seconds=SERVES_WITHIN_SECONDS)
    wait_until(site.is_serving, "site after the reboot", seconds=SERVES_WITHIN_SECONDS)
    print(f"serves {time.monotonic() - begun:.0f} s after the reboot was asked for")
    assert site.read_intent(intent)["text"] == "Remember me over the reboot"

    wait_until(site.is_prefect_answering, "Prefect server through the tunnel", seconds=SERVES_WITHIN_SECONDS)
    print(f"the Prefect server answers after {time.monotonic() - begun:.0f} s")
    assert site.wait_for_run(run, seconds=120)["state_type"] == "CRASHED"
    # Two deployments, so that both workers are seen at work.
    for name in ("deploy/vm", "check-site/operator"):
        done = site.run_deployment(name)
        assert done.returncode == 0, done.stdout
    site.wait_for_intent(intent, "done")
    assert site.ssh("systemctl is-system-running || true") == "running"
