"""A count of what was asked of the cloud, so that a test can say that nothing was changed."""

from collections import Counter

# These are POST only because their argument is a body.
_READS_BY_POST = {
    "get_public_ip_by_ip_address",
    "get_public_ip_by_private_ip_id",
    "create_compute_capacity_report",
}


class Journal:
    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()

    def note(self, operation: str, method: str, status: int) -> None:
        self.calls[operation] += 1
        if method != "GET" and status < 400 and operation not in _READS_BY_POST:
            self.changes[operation] += 1

    def clear(self) -> None:
        self.calls.clear()
        self.changes.clear()
