"""One change of the site at a time: who asks for the site, who has it, and what is told to the one who must wait."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """Who asks; the same `id` asked twice, as after a broken connection, is the same lease."""

    id: str
    owner: str
    flow_run: str
    flow_run_id: str
    what: str

    def render(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Lease:
    """As the VM tells it. `token` 0: nobody holds the site, and the rest tells who held it last."""

    id: str
    token: int
    owner: str
    flow_run: str
    flow_run_id: str
    what: str
    acquired_at: str
    heartbeat_at: str
    heartbeat_age_seconds: float | None
    is_alive: bool
    taken_over: "Lease | None" = None
    ended: tuple[str, ...] = ()

    def __str__(self) -> str:
        run = f"flow run {self.flow_run} ({self.flow_run_id})" if self.flow_run else "no flow run"
        return f"{self.what} by {self.owner}, {run}, since {self.acquired_at or 'an unknown time'}"


def parse(text: str) -> Lease:
    """Of the last line that is JSON; the lines before are sudo's or a shell's."""
    lines = [line for line in text.splitlines() if line.startswith("{")]
    return _build(json.loads(lines[-1]))


def render_held(lease: Lease, waited_seconds: float, ttl_seconds: float) -> str:
    age = lease.heartbeat_age_seconds
    return (
        f"The site is being changed: {lease}; last heartbeat {'never' if age is None else f'{age:.0f} s ago'}. "
        f"Waited {waited_seconds:.0f} s. Run again when it has ended, or cancel that flow run in the Prefect UI; the site is "
        f"free {ttl_seconds:.0f} s after the last heartbeat of a run that was killed. RESONANT_LEASE_WAIT_SECONDS waits longer."
    )


def render_lost(token: int, command: str, where: str) -> str:
    return (
        f"`{command}` was not run on {where}: another run took the site over while this one was silent (lease {token} is "
        "not valid any more). This run changes nothing more; see what the other one did, then run this one again."
    )


def render_taken_over(lease: Lease) -> str:
    """What the log says of the run before; "" when there was none to take the site from."""
    took = f"took the site over from {lease.taken_over}: it gave no sign of life" if lease.taken_over else ""
    ended = f"ended what an earlier run had left running: {', '.join(lease.ended)}" if lease.ended else ""
    return "; ".join(part for part in (took, ended) if part)


def _build(values: dict[str, Any]) -> Lease:
    before = values.get("taken_over")
    return Lease(
        id=values["id"],
        token=values["token"],
        owner=values["owner"],
        flow_run=values["flow_run"],
        flow_run_id=values["flow_run_id"],
        what=values["what"],
        acquired_at=values["acquired_at"],
        heartbeat_at=values["heartbeat_at"],
        heartbeat_age_seconds=values["heartbeat_age_seconds"],
        is_alive=values["alive"],
        taken_over=_build(before) if before else None,
        ended=tuple(values.get("ended", ())),
    )
