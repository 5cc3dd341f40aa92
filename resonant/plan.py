"""What a deploy would change, before it changes anything: names and counts, never a secret's value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from resonant.application import Kind
from resonant.errors import ReleaseFailed
from resonant.facts import Facts
from resonant.release import Draft
from resonant.slots import Moves, Placement, Slot


@dataclass(frozen=True)
class Plan:
    """`images` tells by service whether its image is there, built or pulled; `restarts` what visitors or the database notice."""

    release: str
    commit: str
    title: str
    previous: str
    moves: Moves
    images: Mapping[str, str]
    variables: tuple[str, ...]
    stack_changes: tuple[str, ...]
    restarts: tuple[str, ...]
    migration: str
    notes: tuple[str, ...] = ()
    earlier_seconds: tuple[float, ...] = ()
    disk_free_gb: float = 0.0


def decide_migration(draft: Draft, moves: Moves, schema_version: str) -> str:
    database = draft.description.database
    migrate = database.migrate if database else None
    if migrate is None:
        return "none: the application describes no migration"
    if migrate.service not in {entry.service for entry in moves.start}:
        return f"none: {migrate.service} does not change (schema {schema_version or 'unknown'})"
    when = "if one is pending" if migrate.pending else "always"
    return f"`{' '.join(migrate.command)}` in the new {migrate.service}, {when}, after a dump (schema now {schema_version or 'unknown'})"


def compare_variables(now: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    """
    >>> compare_variables({"A": "1", "B": "2"}, {"B": "3", "C": "4"})
    ('- A', '~ B', '+ C')
    """
    marks = [(f"- {name}" if name not in wanted else f"+ {name}" if name not in now else f"~ {name}", name)
             for name in sorted({*now, *wanted}) if now.get(name) != wanted.get(name)]  # fmt: skip
    return tuple(mark for mark, _ in marks)


def list_restarts(moves: Moves, nginx_changes: bool) -> tuple[str, ...]:
    database = tuple(
        f"{entry.service} is restarted: its definition changed; the application waits for it a few seconds"
        for entry in moves.starting("stateful")
        if moves.placement.previous_release
    )
    nginx = ("nginx is replaced: its own definition changed; visitors may notice a second",) if nginx_changes else ()
    return database + nginx


def render_plan(plan: Plan) -> str:
    previous = f"instead of `{plan.previous}`" if plan.previous else "the first one on this machine"
    expected = (
        f"about {median(plan.earlier_seconds):.0f} s, as the last {len(plan.earlier_seconds)} took"
        if plan.earlier_seconds
        else "unknown: no earlier one"
    )
    rows = [
        *[
            f"| {entry.service} | {plan.images.get(entry.service, '')} | {_how(entry.kind, entry.slot)} |"
            for entry in plan.moves.start
        ],
        *[f"| {entry.service} | unchanged | stays as it runs |" for entry in plan.moves.kept],
        *[
            f"| {entry.service} | | removed |"
            for entry in plan.moves.stop
            if not plan.moves.placement.find(entry.service)
        ],
    ]
    return "\n".join(
        [
            f"# Plan: release {plan.release}",
            "",
            f"Commit `{plan.commit[:12]}` {plan.title}, {previous}.",
            "",
            "| service | image | container |",
            "| --- | --- | --- |",
            *rows,
            "",
            f"- **Variables**: {', '.join(plan.variables) or 'no change'}",
            f"- **Stack files**: {', '.join(plan.stack_changes) or 'no change'}",
            f"- **Migration**: {plan.migration}",
            f"- **Noticed outside**: {'; '.join(plan.restarts) or 'nothing: zero downtime'}",
            f"- **Cost**: $0: nothing is created in the tenancy; {plan.disk_free_gb:.0f} GB of the disk are free",
            f"- **Expected duration**: {expected}",
            *[f"- **Note**: {note}" for note in plan.notes],
        ]
    )


def _how(kind: Kind, slot: Slot) -> str:
    if kind == "daemon":
        return f"stopped where it runs, then started in slot {slot}"
    return f"started in slot {slot} beside the old one" if slot else "started in its place"


def decide_notes(draft: Draft, images: Mapping[str, str], known: Facts) -> tuple[str, ...]:
    moving = [name for name, image in images.items() if _is_moving(image)]
    notes = [f"{name}: {images[name]} is a moving tag; what runs may be something else next time" for name in moving]
    if draft.commit.is_uncommitted:
        notes.append("the folder has changes that are not committed")
    if known["maintenance"]:
        notes.append("the maintenance page is on")
    return tuple(notes)


def _is_moving(image: str) -> bool:
    """
    >>> [_is_moving(image) for image in ("postgres", "host:5000/app", "app:latest", "app:1", "app@sha256:0")]
    [True, True, True, False, False]
    """
    tag = image.rpartition("/")[2].partition(":")[2]
    return "@" not in image and tag in ("", "latest")


def is_current(known: Facts, draft: Draft) -> bool:
    """True when nothing has to be built, moved or started, and nothing is left over."""
    placement = known.placement
    wanted = {entry.container for entry in placement.running}
    strays = {
        entry.name for entry in known.containers if entry.name.startswith(("resonant-a-", "resonant-b-"))
    } - wanted
    is_well = bool(wanted) and {*wanted, "resonant-nginx-1"} <= known.well
    return placement.release == draft.id and known.is_accepted and is_well and not strays


def parse_checksums(text: str) -> dict[str, str]:
    """Of `sha256sum`: path -> checksum."""
    rows = (line.split("  ", 1) for line in text.splitlines() if "  " in line)
    return {path.removeprefix("./"): checksum for checksum, path in rows}


def compare_files(now: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    return compare_variables(now, wanted)


def choose_rollback(asked: str, now: Placement, kept: Sequence[str]) -> str:
    """Raises ReleaseFailed naming the releases that can be rolled back to."""
    others = [name for name in kept if name != now.release]
    wanted = asked or now.previous_release
    if wanted not in others:
        what = f"There is no release {wanted} to go back to" if wanted else "No release served before this one"
        raise ReleaseFailed(
            f"{what}; {now.release or 'none'} serves. Kept on the VM: {', '.join(others) or 'none'}. Any other one is brought back by "
            "deploying its commit."
        )
    return wanted
