"""How long each stage of a run took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """`seconds` by stage, in the order in which they ran; a stage that failed is not listed."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
