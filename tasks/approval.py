"""A person looks at the plan in the Prefect UI and says yes or no."""

from prefect import pause_flow_run
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import FlowPauseTimeout
from prefect.input import RunInput
from prefect.settings import PREFECT_API_URL
from prefect.states import Running
from pydantic import Field

from resonant.errors import NotApproved
from resonant.settings import Settings
from tasks.notify import read_link, tell


class Approval(RunInput):
    """The form behind the button Resume: unless its switch is turned on, nothing is done."""

    approve: bool = Field(False, title="Approve", description="On: the plan is carried out. Off: it is refused.")
    note: str = Field("", title="Note", max_length=500, description="Why, for the record; may be left empty.")


def wait_for_approval(settings: Settings, plan_markdown: str) -> str:
    """Pause the flow run until a person has approved the plan, and return that person's note; call it in a flow.

    Returns at once where the settings ask for no approval. Raises NotApproved when it was refused, when nobody answered in
    time, or when there is no server on which anybody could answer.
    """
    if not settings.require_approval:
        return ""
    if not PREFECT_API_URL.value():
        raise NotApproved(
            "RESONANT_REQUIRE_APPROVAL is on, but this run has no Prefect server in whose UI it could be approved. Start its "
            "deployment instead (docs/runbook.md). Nothing was changed."
        )
    minutes = settings.approval_timeout_seconds / 60
    tell(settings, "waiting for approval", f"Look at the plan and press Resume within {minutes:.0f} min.", "warning")
    answer = ask(settings, plan_markdown)
    if not answer.approve:
        note = f" The note says: {answer.note}" if answer.note else ""
        raise NotApproved(f"The plan was refused in the Prefect UI.{note} Nothing was changed.")
    return answer.note


def ask(settings: Settings, plan_markdown: str) -> Approval:
    try:
        return pause_flow_run(
            wait_for_input=Approval.with_initial_data(description=plan_markdown),
            timeout=settings.approval_timeout_seconds,
            poll_interval=max(1, round(settings.poll_seconds)),
        )
    except FlowPauseTimeout:
        resume()
        raise NotApproved(
            f"Nobody answered within {settings.approval_timeout_seconds} s (RESONANT_APPROVAL_TIMEOUT_SECONDS). Nothing was "
            f"changed. Start the run again, open {read_link()}, and press Resume."
        ) from None


def resume() -> None:
    """Of a pause that is over Prefect says only "never resumed"; a run that runs again fails with our own words."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(context.flow_run.id, Running(), force=True)
