"""A plan shown in the Prefect UI, and the answers that a person may give: here by the same calls as the UI's form."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterState
from prefect.client.schemas.filters import FlowRunFilterStateName as StateName
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings

from resonant.errors import NotApproved
from tasks import approval
from tasks.approval import wait_for_approval
from tests.vocabulary import settings

pytestmark = pytest.mark.usefixtures("prefect_api")
PLAN = "# Release 3f2a9c1\n\n| what | change |\n| --- | --- |\n| backend | **new image** |\n"


@flow(name="test-approval")
def story(plan: str = PLAN) -> str:
    wanted = settings(require_approval=True, approval_timeout_seconds=10, poll_seconds=0.5)
    return wait_for_approval(wanted, plan)


def answered(run_input: dict[str, Any] | None) -> State:
    """The flow run, after somebody pressed Resume with this in the form."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(copy_context().run, press_resume, run_input)
        state: State = story(return_state=True)
        answer.result(30)
    return state


def press_resume(run_input: dict[str, Any] | None) -> None:
    run_id = find_paused()
    with get_client(sync_client=True) as client:
        answer = client.request("POST", f"/flow_runs/{run_id}/resume", json={"run_input": run_input})
        assert answer.json()["status"] == "ACCEPT", answer.text


def find_paused() -> UUID:
    """The run that waits, once its form is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=["test-approval"])),
                flow_run_filter=FlowRunFilter(state=FlowRunFilterState(name=StateName(any_=["Paused"]))),
            )
            if runs and read_form(runs[0].id):
                return runs[0].id
        time.sleep(0.2)
    raise AssertionError("no run is paused")


def read_form(run_id: UUID) -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        rows = client.request(
            "POST", f"/flow_runs/{run_id}/input/filter", json={"prefix": "paused-", "limit": 9}
        ).json()
    return {row["key"].rpartition("-")[2]: row["value"] for row in rows} if len(rows) > 1 else {}


def failure_of(state: State) -> str:
    error = state.result(raise_on_failure=False)
    assert isinstance(error, NotApproved), error
    return str(error)


def test_an_approved_plan_goes_on_with_the_persons_note():
    state = answered({"approve": True, "note": "Go, Friday or not."})
    assert state.result() == "Go, Friday or not."


def test_a_note_may_be_left_empty():
    assert answered({"approve": True}).result() == ""


def test_a_refused_plan_fails_with_the_note():
    message = failure_of(answered({"approve": False, "note": "Not on a Friday."}))
    assert message == "The plan was refused in the Prefect UI. The note says: Not on a Friday. Nothing was changed."


def test_a_form_sent_as_it_is_is_a_refusal():
    assert "refused" in failure_of(answered({}))


def test_nobody_answers():
    started = time.monotonic()
    state = story(return_state=True)
    assert state.is_failed() and "Nobody answered within 10 s" in failure_of(state)
    assert "/runs/flow-run/" in failure_of(state)
    assert time.monotonic() - started < 40


def test_the_form_has_the_plan_and_two_fields():
    with ThreadPoolExecutor(1) as pool:
        form = pool.submit(copy_context().run, lambda: read_form(find_paused()))
        story(return_state=True)
    assert json.loads(form.result()["description"]) == PLAN
    assert "approve" in form.result()["schema"] and "note" in form.result()["schema"]


def test_without_the_setting_nobody_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(approval, "ask", None)
    assert wait_for_approval(settings(), PLAN) == ""


def test_without_a_server_it_is_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(approval, "ask", None)
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(NotApproved, match="no Prefect server"):
        wait_for_approval(settings(require_approval=True), PLAN)
