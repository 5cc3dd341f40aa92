"""Faults that wait for a request to strike. They are queued through the admin routes."""

import asyncio
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.cloud.errors import (
    OciError,
    internal_error,
    limit_exceeded,
    not_authenticated,
    not_found,
    too_many_requests,
)

FaultKind = Literal[
    "too_many_requests", "limit_exceeded", "not_authenticated", "not_found", "internal_error", "slow_answer"
]

# A false LimitExceeded of a launch names these although nothing runs.
_FALSE_LIMITS = ("standard-a1-memory-regional-count", "standard-a1-core-regional-count")
_ERRORS: dict[str, Callable[[], OciError]] = {
    "limit_exceeded": lambda: limit_exceeded(_FALSE_LIMITS),
    "not_authenticated": not_authenticated,
    "not_found": not_found,
    "internal_error": internal_error,
}


class Fault(BaseModel):
    """Strikes the next `times` requests of an operation ("launch_instance") or of a path pattern ("/20160918/vcns*")."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    operation: str | None = None
    path: str | None = None
    times: int = Field(default=1, ge=1)
    retry_after: int | None = Field(default=None, description="Seconds, for too_many_requests.")
    seconds: float = Field(default=1, ge=0, le=600, description="How long a slow_answer takes.")

    @model_validator(mode="after")
    def _names_a_target(self) -> "Fault":
        if (self.operation is None) == (self.path is None):
            raise ValueError("name either an operation or a path")
        return self

    def strikes(self, operation: str, path: str) -> bool:
        return self.operation == operation if self.path is None else fnmatch(path, self.path)

    def error(self) -> OciError:
        return too_many_requests(self.retry_after) if self.kind == "too_many_requests" else _ERRORS[self.kind]()


class Faults:
    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def queue(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    async def strike(self, operation: str, path: str) -> None:
        """Delay or refuse this request, if a fault was waiting for it."""
        for kind in ("slow_answer", "other"):
            fault = self._take(operation, path, slow=kind == "slow_answer")
            if fault and fault.kind == "slow_answer":
                await asyncio.sleep(fault.seconds)
            elif fault:
                raise fault.error()

    def _take(self, operation: str, path: str, *, slow: bool) -> Fault | None:
        for fault in self.waiting:
            if (fault.kind == "slow_answer") == slow and fault.strikes(operation, path):
                fault.times -= 1
                self.waiting = [left for left in self.waiting if left.times > 0]
                return fault
        return None
