"""Where an application's services run: two slots, so that a new one can run beside the old. Decisions only."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from resonant.application import Description, Kind
from resonant.errors import ApplicationInvalid

Slot = Literal["a", "b", ""]
PERMANENT: Slot = ""
SUBNETS: Mapping[Slot, str] = {"a": "10.201.1", "b": "10.201.2"}
FIRST_ADDRESS, LAST_ADDRESS = 10, 127
PROJECT = "resonant"


class Running(BaseModel):
    """One service's container. `release` is the folder that its files were taken from; `slot` "" is permanent."""

    model_config = ConfigDict(frozen=True)

    service: str
    kind: Kind
    slot: Slot
    address: str
    release: str
    fingerprint: str
    port: int = 0
    health: str = ""

    @property
    def project(self) -> str:
        return name_project(self.slot)

    @property
    def container(self) -> str:
        return f"{self.project}-{self.service}-1"


class Placement(BaseModel):
    """What the front door leads to. Kept beside nginx's configuration, so that both change in one step."""

    model_config = ConfigDict(frozen=True)

    activation: int = 0
    release: str = ""
    previous_activation: int = 0
    previous_release: str = ""
    running: tuple[Running, ...] = ()

    def find(self, service: str) -> Running | None:
        return next((entry for entry in self.running if entry.service == service), None)

    def in_slot(self, slot: Slot) -> tuple[Running, ...]:
        return tuple(entry for entry in self.running if entry.slot == slot)


@dataclass(frozen=True)
class Wanted:
    """A service as a release wants it."""

    service: str
    kind: Kind
    fingerprint: str
    port: int = 0
    health: str = ""


@dataclass(frozen=True)
class Moves:
    """The placement to reach, and what has to be started and stopped for it."""

    placement: Placement
    start: tuple[Running, ...] = ()
    stop: tuple[Running, ...] = ()
    kept: tuple[Running, ...] = field(default=())

    def starting(self, *kinds: Kind) -> tuple[Running, ...]:
        return tuple(entry for entry in self.start if entry.kind in kinds)

    def stopping(self, *kinds: Kind) -> tuple[Running, ...]:
        return tuple(entry for entry in self.stop if entry.kind in kinds)


def name_project(slot: Slot) -> str:
    return f"{PROJECT}-{slot}" if slot else PROJECT


def list_groups(description: Description, services: Iterable[str]) -> list[tuple[str, ...]]:
    """Services that are replaced together: each independent one alone, all others as one."""
    movable = [name for name in services if description.read_kind(name) != "stateful"]
    alone = [(name,) for name in movable if name in description.independent]
    together = tuple(name for name in movable if name not in description.independent)
    return [*alone, *([together] if together else [])]


def decide_moves(
    release: str,
    activation: int,
    wanted: Iterable[Wanted],
    groups: Iterable[tuple[str, ...]],
    now: Placement,
    well: Collection[str],
) -> Moves:
    """A group moves to the other slot when one of its services changed or is not well; the rest stays where it runs.

    `well` are the containers that run and are not unhealthy. A permanent service whose definition changed is started again
    in its place.
    """
    by_name = {entry.service: entry for entry in wanted}
    _check_kinds(by_name.values(), now)
    running: list[Running] = []
    start: list[Running] = []
    for group in groups:
        current = [now.find(name) for name in group]
        kept = [entry for entry in current if entry and _is_as_wanted(entry, by_name[entry.service], well)]
        if len(kept) == len(group):
            running += [_as_wanted(entry, by_name[entry.service]) for entry in kept]
            continue
        slot = _choose_slot(group, now)
        taken = [entry.address for entry in (*now.in_slot(slot), *running)]
        for name in group:
            taken.append(choose_address(slot, taken))
            start.append(_place(by_name[name], slot, taken[-1], release))
        running += start[-len(group) :]
    for entry in (entry for entry in by_name.values() if entry.kind == "stateful"):
        existing = now.find(entry.service)
        is_kept = existing is not None and _is_as_wanted(existing, entry, well)
        placed = existing if existing and is_kept else _place(entry, PERMANENT, "", release)
        running.append(placed)
        start += [] if is_kept else [placed]
    kept_all = tuple(entry for entry in running if entry not in start)
    stop = tuple(
        old
        for old in now.running
        if old.slot != PERMANENT and not any((old.service, old.slot) == (new.service, new.slot) for new in running)
    )
    placement = Placement(
        activation=activation,
        release=release,
        previous_activation=now.activation,
        previous_release=now.release if now.release != release else now.previous_release,
        running=tuple(running),
    )
    return Moves(placement, tuple(start), stop, kept_all)


def choose_address(slot: Slot, taken: Collection[str]) -> str:
    """The lowest free one of the slot's fixed addresses.

    >>> choose_address("a", ["10.201.1.10"])
    '10.201.1.11'
    """
    candidates = (f"{SUBNETS[slot]}.{last}" for last in range(FIRST_ADDRESS, LAST_ADDRESS + 1))
    free = next((address for address in candidates if address not in taken), None)
    if free is None:
        raise ApplicationInvalid(
            f"More than {LAST_ADDRESS - FIRST_ADDRESS + 1} services: that is more than one VM bears."
        )
    return free


def _check_kinds(wanted: Iterable[Wanted], now: Placement) -> None:
    for entry in wanted:
        existing = now.find(entry.service)
        if existing and "stateful" in (existing.kind, entry.kind) and existing.kind != entry.kind:
            raise ApplicationInvalid(
                f"{entry.service} runs as {existing.kind} and shall be {entry.kind}: for a while two containers would have its data. "
                "Give it another name, or deploy once without it."
            )


def _choose_slot(group: tuple[str, ...], now: Placement) -> Slot:
    occupied = {entry.slot for name in group if (entry := now.find(name))}
    if {"a", "b"} <= occupied:
        raise ApplicationInvalid(
            f"{', '.join(group)} run apart and shall now be replaced together. Leave them under `independent:`, or deploy once "
            "with all of them independent and changed."
        )
    return "b" if "a" in occupied else "a"


def _is_as_wanted(entry: Running, wanted: Wanted, well: Collection[str]) -> bool:
    return entry.fingerprint == wanted.fingerprint and entry.kind == wanted.kind and entry.container in well


def _as_wanted(entry: Running, wanted: Wanted) -> Running:
    """The same container; how visitors are led to it may have changed."""
    return entry.model_copy(update={"port": wanted.port, "health": wanted.health})


def _place(wanted: Wanted, slot: Slot, address: str, release: str) -> Running:
    return Running(
        service=wanted.service, kind=wanted.kind, slot=slot, address=address, release=release,
        fingerprint=wanted.fingerprint, port=wanted.port, health=wanted.health,
    )  # fmt: skip
