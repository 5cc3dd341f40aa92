"""Waiting with a deadline: the only loop around `sleep`."""

import time
from collections.abc import Callable
from typing import TypeVar

from resonant.errors import NotReady, ResonantError

Seen = TypeVar("Seen")


def wait_for(
    what: str,
    read: Callable[[], Seen],
    is_ready: Callable[[Seen], bool] = bool,
    *,
    timeout_seconds: float,
    poll_seconds: float,
    hint: str = "",
    on_wait: Callable[[float], None] = lambda waited_seconds: None,
) -> Seen:
    """Return the first value that `is_ready`; a transient error of `read` counts as "not yet".

    Raises NotReady at the deadline, with the last transient error in its text; other errors pass through at once.
    """
    started = time.monotonic()
    last_error = ""
    while True:
        try:
            if is_ready(value := read()):
                return value
        except ResonantError as error:
            if not error.transient:
                raise
            last_error = f"Last answer: {error}"
        waited_seconds = time.monotonic() - started
        if waited_seconds >= timeout_seconds:
            raise NotReady(what, waited_seconds, f"{last_error} {hint}".strip())
        on_wait(waited_seconds)
        time.sleep(poll_seconds)
