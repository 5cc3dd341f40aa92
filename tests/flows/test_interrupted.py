"""Whenever provision or teardown dies, the next run ends where one undisturbed run would have ended."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

from flows.provision import provision
from flows.teardown import teardown
from tests.flows.tenancy import WHOLE_SITE, Tenancy, killed_after_one_change, lose_the_answer
from tests.prefect_server import PrefectServer

CHANGES_OF_PROVISION = (
    "create_vcn", "create_internet_gateway", "create_route_table", "create_security_list", "create_subnet",
    "launch_instance", "create_public_ip", "capture_console_history", "delete_console_history", "update_instance",
)  # fmt: skip
CHANGES_OF_TEARDOWN = (
    "terminate_instance", "delete_public_ip", "delete_subnet", "delete_route_table", "delete_security_list",
    "delete_internet_gateway", "delete_vcn",
)  # fmt: skip


def killed_everywhere(tenancy: Tenancy, run: Callable[[], object], changes: tuple[str, ...]) -> None:
    """Run it until it dies after each of these changes in turn; what comes next is the run that may end."""
    for change in changes:
        killed_after_one_change(tenancy, run)
        assert tenancy.changes().get(change), f"died after {tenancy.changes()}, not after {change}"


def test_provision_killed_after_every_change_goes_on_where_it_was(tenancy: Tenancy):
    until_the_console = CHANGES_OF_PROVISION[:-3]
    killed_everywhere(tenancy, provision, until_the_console)
    provision()
    assert tenancy.changes() == dict.fromkeys(CHANGES_OF_PROVISION, 1)
    assert tenancy.census() == WHOLE_SITE


def test_provision_killed_while_it_reads_the_console_reads_it_again(tenancy: Tenancy):
    killed_everywhere(tenancy, provision, CHANGES_OF_PROVISION[:-2])
    provision()
    assert tenancy.changes()["update_instance"] == 1
    assert tenancy.census() == WHOLE_SITE


def test_an_answer_that_is_lost_does_nothing_twice(tenancy: Tenancy):
    for operation in CHANGES_OF_PROVISION:
        lose_the_answer(tenancy, operation)
    provision()
    assert all(tenancy.calls(operation) >= 2 for operation in CHANGES_OF_PROVISION)
    assert tenancy.census() == WHOLE_SITE


def test_teardown_killed_after_every_change_goes_on_where_it_was(tenancy: Tenancy):
    provision()
    tenancy.forget_requests()
    killed_everywhere(tenancy, lambda: teardown(confirm_site="resonant"), CHANGES_OF_TEARDOWN)
    teardown(confirm_site="resonant")
    assert tenancy.changes() == dict.fromkeys(CHANGES_OF_TEARDOWN, 1)
    assert tenancy.census() == {}


def test_ctrl_c_is_obeyed_at_once_and_answered_in_one_line(tenancy: Tenancy, prefect_server: PrefectServer):
    tenancy.exhaust({})
    command = [sys.executable, "-m", "flows", "provision"]
    with subprocess.Popen(command, env=prefect_server.client_environment, stderr=subprocess.PIPE, text=True) as process:
        wait_for_change(tenancy, "create_subnet")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.endswith("\nprovision was interrupted. Run it again: it goes on where it stopped.\n")
    assert "Traceback" not in said


def test_a_killed_process_leaves_nothing_in_the_way(tenancy: Tenancy, prefect_server: PrefectServer):
    """With a real process and a real SIGKILL, while the launch is under way."""
    tenancy.fault("slow_answer", "launch_instance", seconds=1)
    command = [sys.executable, "-m", "flows", "provision"]
    with subprocess.Popen(command, env=prefect_server.client_environment, stderr=subprocess.DEVNULL) as process:
        wait_for_change(tenancy, "create_subnet")
        process.send_signal(signal.SIGKILL)
    provision()
    assert tenancy.census() == WHOLE_SITE


def wait_for_change(tenancy: Tenancy, operation: str) -> None:
    deadline = time.monotonic() + 60
    while operation not in tenancy.changes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
