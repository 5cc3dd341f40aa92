"""What a person sees of a run that fails: Failed, one message, and no traceback."""

import subprocess
import sys
import time
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import State

from resonant.errors import HostUnreachable, ResonantError, SshRefused
from tasks.options import step
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.usefixtures("prefect_api")
MESSAGE = "203.0.113.10 refused the key. Is it the key that the machine was created with?"


def run_failing(error: Exception, retries: int = 0) -> tuple[State, int]:
    """The state of a flow whose task fails so each time, and how often the task was tried."""
    tries = 0

    @step("always fails", retries=retries)
    def fails() -> None:
        nonlocal tries
        tries += 1
        raise error

    @flow(name="test-failure")
    def story() -> None:
        fails.with_options(retry_delay_seconds=0)()

    return story(return_state=True), tries


def read_log(state: State, waiting_for: str) -> str:
    """The run's log as the UI shows it, once it holds that text: it is sent in batches."""
    run_id = state.state_details.flow_run_id
    assert isinstance(run_id, UUID)
    deadline = time.monotonic() + 15
    while True:
        with get_client(sync_client=True) as client:
            rows = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))
        text = "\n".join(row.message for row in rows)
        if waiting_for in text or time.monotonic() > deadline:
            return text
        time.sleep(0.3)


def test_the_run_fails_with_the_message_and_without_a_traceback():
    state, _ = run_failing(SshRefused(MESSAGE))
    assert state.is_failed()
    assert MESSAGE in str(state.message)
    log = read_log(state, waiting_for=MESSAGE)
    assert MESSAGE in log
    assert "Traceback" not in log and 'File "' not in log


def test_a_bug_keeps_its_traceback():
    state, _ = run_failing(ZeroDivisionError("a bug"))
    assert state.is_failed()
    assert "Traceback" in read_log(state, waiting_for="Traceback")


@pytest.mark.parametrize(
    ("error", "tries"), [(HostUnreachable("rebooting"), 3), (SshRefused("wrong key"), 1), (ValueError("a bug"), 1)]
)
def test_only_what_waiting_may_cure_is_tried_again(error: Exception, tries: int):
    assert run_failing(error, retries=2)[1] == tries


def run_flow(server: PrefectServer, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows", *arguments],
        env={**server.client_environment, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_wrong_settings_end_in_one_message_and_exit_code_1(prefect_api: PrefectServer):
    done = run_flow(prefect_api, "teardown", RESONANT_OCPUS="many", RESONANT_PREFECT_PORT="80")
    assert done.returncode == 1
    assert "teardown failed: Settings to correct" in done.stderr
    last = done.stderr.rpartition("teardown failed:")[2]
    assert "RESONANT_OCPUS" in last and "RESONANT_PREFECT_PORT" in last
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unknown_flow_is_told_with_those_that_there_are(prefect_api: PrefectServer):
    done = run_flow(prefect_api, "tear-up")
    assert done.returncode == 2
    assert "go-live" in done.stderr and "teardown" in done.stderr


def test_an_error_without_a_message_is_still_one_message():
    assert run_failing(ResonantError("only this"))[0].message.endswith("only this")
