"""Progress, line by line, each with the time since the start."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        elapsed = time.monotonic() - self._start
        self._console.print(f"[dim]{elapsed:6.1f} s[/dim]  {text}")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Says when the step begins, and how long it took when that was worth noticing."""
        begun = time.monotonic()
        self.say(f"{text} …")
        yield
        took = time.monotonic() - begun
        if took >= 1:
            self.say(f"{text}: done in {took:.1f} s")
