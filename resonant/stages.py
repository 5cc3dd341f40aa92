"""How long each stage of a run took, and stages that need not wait for each other."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context

STAGGER_SECONDS = 0.4


class Stages:
    """`seconds` by stage, in the order in which they ended; a stage that failed is not listed."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started

    def clock(self, name: str, stage: Callable[[], object]) -> Callable[[], None]:
        """The stage, timed when it is called."""

        def timed() -> None:
            with self.timed(name):
                stage()

        return timed


def side_by_side(*stages: Callable[[], None], abort: Callable[[], None]) -> None:
    """Run them at once, each in a copy of this context; all end before the first error is raised.

    `abort` must make running stages fail soon: it is called when this thread is interrupted (Ctrl-C, cancel).
    """
    with ThreadPoolExecutor(len(stages)) as pool:
        running = [pool.submit(copy_context().run, _later, number, stage) for number, stage in enumerate(stages)]
        try:
            wait(running)
        except BaseException:
            abort()
            raise
    for stage in running:
        stage.result()


def _later(number: int, stage: Callable[[], None]) -> None:
    """A little after the one before: Prefect's server on SQLite refuses one of two runs that begin at the same moment, and
    its client then waits two seconds before it asks again."""
    time.sleep(number * STAGGER_SECONDS)
    stage()
