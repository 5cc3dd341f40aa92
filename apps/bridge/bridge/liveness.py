"""Who is alive: each part of the bridge promises its next sign of life, and health is every promise kept."""

import time


class Liveness:
    def __init__(self, *parts: str) -> None:
        self._due = dict.fromkeys(parts, 0.0)

    def promise(self, part: str, seconds: float) -> None:
        self._due[part] = time.monotonic() + seconds

    def read_late(self) -> list[str]:
        """The parts whose promise is overdue, and those that never made one."""
        now = time.monotonic()
        return [part for part, due in self._due.items() if due < now]
