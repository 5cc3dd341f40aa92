"""Failures ordered through the admin routes: counted, or until reset."""

from dataclasses import dataclass

from sandbox.llm.envelope import ApiError

MESSAGES = {
    429: "This request would exceed your organization's rate limit of 50 requests per minute.",
    500: "Internal server error",
    529: "Overloaded",
    401: "invalid x-api-key",
}
STATUSES = {"rate_limit": 429, "error": 500, "overloaded": 529, "unauthorized": 401}
KINDS = (*STATUSES, "hang", "down")


@dataclass
class Fault:
    """`count` requests fail so; None means all of them until reset. `hang` lasts `seconds`; `down` refuses connections."""

    kind: str
    count: int | None = None
    retry_after_seconds: int = 1
    seconds: float = 3600.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: one of {', '.join(KINDS)}")
        if self.kind == "down" and self.count is not None:
            raise ValueError("count: a server that is down counts nothing; send a reset to bring it back")
        if self.count is not None and self.count < 1:
            raise ValueError("count: at least 1, or none for `until reset`")

    def as_error(self) -> ApiError:
        status = STATUSES[self.kind]
        headers = {"retry-after": str(self.retry_after_seconds)} if self.kind == "rate_limit" else {}
        return ApiError(status, MESSAGES[status], headers)


class FaultQueue:
    """The first fault that still counts is the one that a request meets."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def reset(self) -> None:
        self._faults.clear()

    def take(self) -> Fault | None:
        if not self._faults:
            return None
        fault = self._faults[0]
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self._faults.pop(0)
        return fault

    def pending(self) -> list[Fault]:
        return list(self._faults)
