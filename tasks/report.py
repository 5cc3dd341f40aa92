"""What a run leaves to look at: progress bars and Markdown pages, as Prefect artifacts."""

from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext

from tasks.options import step

REPORT_EVERY_SECONDS = 5.0


class Progress:
    """Called with the seconds waited so far; shows them as a share of the longest wait, in the UI and now and then in the log."""

    def __init__(self, what: str, longest_seconds: float) -> None:
        self._what = what
        self._longest_seconds = longest_seconds
        self._next = REPORT_EVERY_SECONDS
        self._artifact: UUID | None = None

    def __call__(self, waited_seconds: float) -> None:
        if waited_seconds < self._next or not (FlowRunContext.get() or TaskRunContext.get()):
            return
        self._next = waited_seconds + REPORT_EVERY_SECONDS
        get_run_logger().info("%s: %.0f s (at most %.0f s)", self._what, waited_seconds, self._longest_seconds)
        share = min(100.0, 100 * waited_seconds / self._longest_seconds)
        if self._artifact is None:
            created = create_progress_artifact(progress=share, description=self._what)
            self._artifact = created if isinstance(created, UUID) else None
        else:
            update_progress_artifact(self._artifact, progress=share)


@step("report", retries=2)
def publish_markdown(key: str, markdown: str, description: str) -> None:
    """A page under Artifacts; the newest of a key is shown first."""
    create_markdown_artifact(key=key, markdown=markdown, description=description)
