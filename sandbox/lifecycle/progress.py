"""Progress, line by line, each with the time since the start."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

NOTICED_SECONDS = 0.5


class Progress:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        elapsed = time.monotonic() - self._start
        self._console.print(f"[dim]{elapsed:6.1f} s[/dim]  {text}")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Says that the step is under way, and how long it took, when it takes long enough to be noticed."""
        begun = time.monotonic()
        notice = threading.Timer(NOTICED_SECONDS, self.say, [f"{text} …"])
        notice.start()
        try:
            yield
        finally:
            notice.cancel()
        took = time.monotonic() - begun
        if took >= NOTICED_SECONDS:
            self.say(f"{text}: done in {took:.1f} s")
