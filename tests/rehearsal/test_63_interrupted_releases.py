"""A release is interrupted at each of its steps: killed, cut off, rebooted, raced. The site serves on, and the next run works."""

import os
import re
import signal
import time

from tests.rehearsal.relay import Relay
from tests.rehearsal.releases import TITLE, assert_failed, assert_tidy, let_lease_end
from tests.sandbox_vm.vocabulary import wait_until

FINISHED = re.compile(r"Task run '(?P<step>[^']+)-[0-9a-f]{3}' - Finished in state Completed")
# The run is killed this long after the step has ended, so in the one that follows.
MOMENTS = {
    "lease": 0.05,
    "settle": 0.05,
    "source": 0.05,
    "files": 0.05,
    "application": 0.05,
    "pull images": 0.7,
    "manifest": 0.05,
    "overrides": 0.05,
    "start beside": 0.2,
    "health gate": 0.05,
    "front door": 0.05,
    "nginx test": 0.1,
    "switch": 0.5,
    "hand over": 0.02,
    "check from outside": 2.0,
    "accept": 0.1,
    "drain": 0.05,
}
SWITCHED = ("switch", "hand over", "check from outside")
ACCEPTED = ("accept", "drain")


def open_deploy(releases, ref, **settings):
    return releases.site.open_flow("deploy", env={**releases.environment, **settings}, ref=ref)


def read_until(process, step):
    """What was printed up to the end of this step."""
    printed = []
    for line in process.stdout:
        printed.append(line)
        found = FINISHED.search(line)
        if found and found["step"] == step:
            return printed
    raise AssertionError(f"ended before {step!r}: {''.join(printed)[-3000:]}")


def kill_after(process, step):
    printed = read_until(process, step)
    time.sleep(MOMENTS[step])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return "".join(printed)


def test_run_is_killed_in_each_of_its_steps(site, releases):
    """Each run meets what the one before has left behind, and gets further."""
    accepted, printed = releases.title, {}
    with releases.nobody_notices():
        for number, step in enumerate(MOMENTS):
            title = f"{TITLE} K{number}"
            with open_deploy(releases, releases.rename(title)) as process:
                printed[step] = kill_after(process, step)
            let_lease_end(site)
            assert releases.title == (title if step in SWITCHED + ACCEPTED else accepted), step
            accepted = title if step in ACCEPTED else accepted
        releases.deploy(releases.rename(f"{TITLE} B"))
    assert releases.title == f"{TITLE} B"
    told = "".join(printed.values())
    assert told.count("took the site over from deploy by") == len(MOMENTS) - 1, told
    assert told.count("was still on trial") == len(SWITCHED), told
    assert_tidy(site)


def test_lease_of_a_killed_run_is_free_within_a_minute(site, releases):
    title, commit = releases.title, releases.rename(f"{TITLE} C")
    with open_deploy(releases, commit) as process:
        kill_after(process, "files")
    killed = time.monotonic()
    with open_deploy(releases, commit, RESONANT_LEASE_WAIT_SECONDS="120") as process:
        read_until(process, "lease")
        assert 30 < time.monotonic() - killed < 60
        os.killpg(process.pid, signal.SIGKILL)
    let_lease_end(site)
    assert releases.title == title


def test_connection_is_cut_after_each_step(site, releases):
    """Each following step begins with a dead connection, or loses it at once."""
    commit = releases.rename(f"{TITLE} E")
    with releases.nobody_notices(), Relay(site.address).running() as relay:
        with open_deploy(releases, commit, RESONANT_SSH_PORT=str(relay.port)) as process:
            printed = []
            for line in process.stdout:
                printed.append(line)
                if FINISHED.search(line):
                    relay.cut()
        assert process.returncode == 0, "".join(printed)
    assert relay.cuts > 20, "".join(printed)
    assert releases.title == f"{TITLE} E"
    assert_tidy(site)


def test_connection_is_cut_in_the_middle_of_what_takes_long(site, releases):
    """The command on the VM goes on, or is begun again; nobody notices."""
    commit = releases.rename(f"{TITLE} F")
    with releases.nobody_notices(), Relay(site.address).running() as relay:
        with open_deploy(releases, commit, RESONANT_SSH_PORT=str(relay.port)) as process:
            for step in ("pull images", "start beside", "switch", "check from outside", "accept"):
                read_until(process, step)
                time.sleep(1)
                relay.cut()
            rest = process.stdout.read()
        assert process.returncode == 0, rest
    assert releases.title == f"{TITLE} F"
    assert_tidy(site)


def test_second_deploy_waits_for_the_first_and_one_that_may_not_wait_is_told_who_works(site, releases):
    first, second = releases.rename(f"{TITLE} G"), releases.rename(f"{TITLE} H")
    with releases.nobody_notices(), open_deploy(releases, first) as process:
        read_until(process, "lease")
        refused = releases.try_deploy(second, RESONANT_LEASE_WAIT_SECONDS="1")
        waited = releases.try_deploy(second)
        rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    assert_failed(refused, "The site is being changed: deploy by", "flow run")
    assert waited.returncode == 0, waited.stdout
    assert "waiting for the site: deploy by" in waited.stdout
    assert releases.title == f"{TITLE} H"


def test_vm_is_rebooted_while_a_release_is_on_trial(site, releases):
    """It comes back by itself and serves the old release; the run says that it failed."""
    title = releases.title
    with open_deploy(releases, releases.rename(f"{TITLE} R"), RESONANT_SOAK_SECONDS="60") as process:
        read_until(process, "check from outside")
        assert releases.title == f"{TITLE} R"
        site.try_ssh("sudo systemctl reboot")
        wait_until(lambda: site.is_serving() and releases.title == title, "old release after the reboot", seconds=120)
        printed = process.communicate(timeout=180)[0]
    assert process.returncode == 1, printed
    assert "The VM was rebooted in the middle of it" in printed.partition("\ndeploy failed: ")[2], printed
    assert "Traceback" not in printed, printed
    wait_until(site.is_prefect_answering, "Prefect server through the tunnel", seconds=120)
    assert releases.title == title
    releases.deploy(releases.rename(f"{TITLE} S"))
    assert releases.title == f"{TITLE} S"
    assert_tidy(site)
