"""What a deploy would do: the same reading and deciding as the deploy itself, and nothing else."""

from collections.abc import Mapping

from prefect import get_run_logger

from resonant import paths, source
from resonant.commands import shell
from resonant.compose_model import Model, fingerprint
from resonant.facts import Facts
from resonant.plan import (
    Plan,
    compare_files,
    compare_variables,
    decide_migration,
    decide_notes,
    list_restarts,
    parse_checksums,
    render_plan,
)
from resonant.receipts import parse_receipts, read_durations
from resonant.release import Draft
from resonant.remote import Host
from resonant.repository import Commit
from resonant.settings import Settings
from resonant.slots import Moves, Wanted, decide_moves, list_groups
from tasks.images import Image, read_images
from tasks.options import step
from tasks.receipts import read_receipts
from tasks.release import Private, build_draft, describe_application, read_description, read_private
from tasks.report import publish_markdown
from tasks.shell import run
from tasks.source import discard_scratch, fetch_source

NOT_YET = "an image that is not there yet"
DURATIONS = 5
EARLIER = 50


def draft_current(
    settings: Settings, address: str, commit: str | None, ref: str, private: Private, known: Facts
) -> Draft | None:
    """The draft of a commit that is the current release's: all that is needed is known then. None for any other."""
    current = known.release
    if current is None or commit != current.commit or settings.application_file is not None:
        return None
    now = Commit(current.commit, current.title, current.is_uncommitted, current.folder)
    return build_draft(settings, address, now, ref, current.description, private, known)


def plan_release(host: Host, settings: Settings, address: str, known: Facts, ref: str, *, force: bool) -> Plan:
    """Looked at in a scratch folder that is gone afterwards: nothing on the VM changes."""
    private = read_private(host)
    commit = fetch_source(host, settings, ref, scratch=True)
    try:
        description = read_description(host, settings, commit)
        draft = build_draft(settings, address, commit, ref, description, private, known)
        model = describe_application(host, draft, scratch=True)
    finally:
        discard_scratch(host, commit)
    images = read_images(host, model)
    moves = choose_moves(draft, model, {name: image.id for name, image in images.items()}, known, 0, force=force)
    files = read_stack_changes(host, known)
    current = known.release
    return Plan(
        release=draft.id,
        commit=commit.sha,
        title=commit.title,
        previous=known.placement.release,
        moves=moves,
        images={service.name: _say_image(service.name, model, images) for service in model.services},
        variables=compare_variables(private.variables, draft.values),
        stack_changes=files,
        restarts=list_restarts(moves, nginx_changes=bool(current) and "~ compose.yaml" in files),
        migration=decide_migration(draft, moves, current.schema_version if current else ""),
        notes=decide_notes(
            draft, {service.name: service.image for service in model.services if not service.is_built}, known
        ),
        earlier_seconds=tuple(
            read_durations(parse_receipts(read_receipts(host, EARLIER).lines), "deploy")[-DURATIONS:]
        ),
        disk_free_gb=int(known["disk_free_kb"] or 0) / 1024**2,
    )


def show_plan(plan: Plan) -> str:
    text = render_plan(plan)
    get_run_logger().info("%s", text)
    publish_markdown("plan", text, f"What deploying {plan.release} would change")
    return text


def choose_moves(
    draft: Draft, model: Model, image_ids: Mapping[str, str], known: Facts, activation: int, *, force: bool
) -> Moves:
    described = draft.description
    wanted = [
        Wanted(
            service.name,
            described.read_kind(service.name),
            fingerprint(service, image_ids.get(service.name, NOT_YET), draft.values),
            described.web[service.name].port if service.name in described.web else 0,
            described.web[service.name].health if service.name in described.web else "",
        )
        for service in model.services
    ]
    # Forced: as if nothing ran well; what keeps data is left alone.
    permanent = {entry.container for entry in known.placement.running if entry.kind == "stateful"}
    well = known.well & permanent if force else known.well
    return decide_moves(draft.id, activation, wanted, list_groups(described, model.names), known.placement, well)


@step("read stack", retries=2)
def read_stack_changes(host: Host, known: Facts, other: str = "") -> tuple[str, ...]:
    """Names of stack files that differ from those of the current release: this checkout's, or those of another kept release."""
    if not known.placement.release:
        return ()
    now = _read_stack(host, known.placement.release)
    return compare_files(now, _read_stack(host, other) if other else source.read_checksums("stack"))


def _read_stack(host: Host, release: str) -> dict[str, str]:
    return parse_checksums(run(host, shell.list_checksums(f"{paths.RELEASES}/{release}/stack")))


def _say_image(name: str, model: Model, images: Mapping[str, Image]) -> str:
    if name in images:
        return f"{model[name].image} is there"
    return f"{model[name].image} is built" if model[name].is_built else f"{model[name].image} is pulled"
