"""What every task has in common: no caching of side effects, and retries only for what waiting may cure."""

import logging
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from prefect import Task, get_run_logger
from prefect import task as prefect_task
from prefect.cache_policies import NO_CACHE
from prefect.tasks import exponential_backoff

from resonant.errors import ResonantError

P = ParamSpec("P")
R = TypeVar("R")


def is_transient(task: Any, run: Any, state: Any) -> bool:
    """Prefect's retry condition: True for an error that says of itself that the same call may succeed later."""
    error = state.result(raise_on_failure=False)
    return bool(getattr(error, "transient", False))


def step(name: str, *, timeout_seconds: float = 300, retries: int = 0) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task with a name in the story; give `retries` only where the body is idempotent."""
    return prefect_task(
        name=name,
        cache_policy=NO_CACHE,
        timeout_seconds=timeout_seconds,
        retries=retries,
        retry_delay_seconds=exponential_backoff(backoff_factor=2),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
        persist_result=False,
    )


def line_logger(is_telling: Callable[[str], bool] = bool) -> Callable[[str], None]:
    """Writes a command's telling lines into this run's log, also from the thread that reads them."""
    # Prefect's settings are in the context: without it that thread's lines went to another server, one started for them.
    logger, context = get_run_logger(), copy_context()

    def log(line: str) -> None:
        if is_telling(line):
            context.copy().run(logger.info, "%s", line)

    return log


# Prefect's warning about a task that runs beside another: there it is the command's own time limit that ends it.
UNENFORCED_TIMEOUT = "Timeout of"


class PlainErrors(logging.Filter):
    """Leaves Python's traceback out of the log of a failure that a person can act on: its message says all."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ResonantError):
            record.msg, record.args, record.exc_info, record.exc_text = "%s", (str(error),), None, None
        return not record.getMessage().startswith(UNENFORCED_TIMEOUT)


for _logger in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_logger).addFilter(PlainErrors())
