"""One change of the site: told, alone, undone when it fails, explained, and kept as a receipt."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect.context import FlowRunContext

from resonant.commands import compose
from resonant.compose_model import Model
from resonant.diagnosis import Expectation, ExpectedWeb, Stage, diagnose, render
from resonant.errors import LeaseLost, ReleaseFailed, RemoteCommandFailed, ResonantError
from resonant.facts import Facts
from resonant.names import render_nginx_names
from resonant.receipts import FAILED, SUCCESS, Receipt
from resonant.release import Release
from resonant.remote import Host
from resonant.settings import Settings
from resonant.slots import Moves, decide_moves, list_groups
from tasks.certificate import read_certificate
from tasks.database import ensure_permanent, migrate, read_schema_version
from tasks.evidence import collect_evidence
from tasks.hooks import run_hooks
from tasks.host import read_facts
from tasks.http import check_from_outside
from tasks.images import ensure_images, pull_images, pull_stack
from tasks.lease import build_request, site_lease
from tasks.notify import notified
from tasks.planning import choose_moves, read_stack_changes
from tasks.receipts import append_receipt
from tasks.release import (
    build_draft,
    describe_application,
    put_environment,
    read_description,
    read_kept,
    read_private,
    record_release,
    record_schema,
    ship_files,
)
from tasks.rollout import (
    NotWell,
    accept,
    drain,
    ensure_networks,
    hand_over,
    remove_old,
    settle,
    soak,
    stage_front,
    start_beside,
    switch,
    test_front,
    wait_until_well,
    write_overrides,
)
from tasks.source import fetch_source

# A rollback is made because what serves is bad: what it began may end, but not for long.
QUICK_DRAIN_SECONDS = 3


@dataclass
class Change:
    """What is under way, for whoever has to tell how it ended."""

    host: Host
    what: str
    parameters: Mapping[str, Any]
    known: Facts
    began: float = field(default_factory=time.monotonic)
    stage: Stage = Stage.FETCH
    release: str = ""
    commit: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    moves: Moves | None = None
    told: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def at(self, stage: Stage, name: str = "") -> Iterator[None]:
        """Time the stage; what fails in it is explained as a failure of that kind."""
        self.stage = stage
        began = time.monotonic()
        yield
        self.seconds[name or str(stage)] = time.monotonic() - began


@contextmanager
def change_of_site(host: Host, settings: Settings, what: str, parameters: Mapping[str, Any]) -> Iterator[Change]:
    """Inside, the host is leased. Whatever ends the block early, an interruption too, the accepted release serves afterwards."""
    with notified(settings, what) as news, site_lease(host, settings, what) as leased:
        settled = settle(leased)
        change = Change(leased, what, parameters, read_facts(leased))
        change.told += settled
        with ExitStack() as stack:
            stack.push(partial(_leave, change, settings))
            yield change
        append_receipt(leased, build_receipt(change, SUCCESS, ""))
        news.summary = f"Release {change.release} serves." if change.release else ""


def _leave(
    change: Change, settings: Settings, _kind: type[BaseException] | None, error: BaseException | None, _trace: Any
) -> None:
    """On failure: look for the cause while the containers are still there, put the old release back, and say both."""
    if error is None or isinstance(error, LeaseLost):
        return
    message = _explain(change, settings, error)
    settle(change.host)
    now = read_facts(change.host)
    if now["booted_at"] != change.known["booted_at"]:
        message = f"The VM was rebooted in the middle of it: it started {now['booted_at']}. Run it again."
    append_receipt(change.host, build_receipt(change, FAILED, message))
    if isinstance(error, ResonantError):
        serving = now.placement.release
        serves = f"Release {serving} serves." if serving else "No release serves."
        what = f"{change.what} of release {change.release}" if change.release else change.what
        raise ReleaseFailed(f"{what} failed. {message}\n{serves}") from error


def _explain(change: Change, settings: Settings, error: BaseException) -> str:
    if isinstance(error, NotWell | RemoteCommandFailed):
        return explain(change, settings, error)
    return str(error) if isinstance(error, ResonantError) else f"Interrupted ({type(error).__name__})."


def explain(change: Change, settings: Settings, error: NotWell | RemoteCommandFailed) -> str:
    stage = error.stage if isinstance(error, NotWell) else change.stage
    said = f"{error.container} {error.why}".strip() if isinstance(error, NotWell) else error.said or error.stderr_tail
    moves = change.moves
    web = {entry.service: entry for entry in (moves.start if moves else ()) if entry.kind == "web"}
    stateful = [entry for entry in (moves.placement.running if moves else ()) if entry.kind == "stateful"]
    evidence = collect_evidence(
        change.host,
        {
            "containers": {entry.service: entry.container for entry in (moves.start if moves else ())},
            "web": {
                name: {"address": entry.address, "port": entry.port, "health": entry.health}
                for name, entry in web.items()
            },
            "database": {"service": stateful[0].service, "container": stateful[0].container} if stateful else None,
            "log_lines": 40,
        },
    )
    expected = Expectation(
        web=tuple(ExpectedWeb(name, entry.port, entry.health) for name, entry in web.items()),
        deadline_seconds=settings.health_deadline_seconds,
        daemons=tuple(entry.service for entry in (moves.start if moves else ()) if entry.kind == "daemon"),
        soak=error.soak if isinstance(error, NotWell) else None,
    )
    return render(diagnose(stage, said, evidence, expected))


def build_receipt(change: Change, result: str, message: str) -> Receipt:
    request = build_request(change.what)
    return Receipt(
        flow=change.what,
        result=result,
        seconds=round(time.monotonic() - change.began, 1),
        owner=request.owner,
        flow_run=request.flow_run,
        flow_run_id=request.flow_run_id,
        parameters=dict(change.parameters),
        release=change.release,
        commit=change.commit,
        digests=dict(change.images),
        message=message,
    )


def roll_out(
    change: Change, settings: Settings, address: str, release: Release, model: Model, moves: Moves, *,
    stack_changes: tuple[str, ...], soak_seconds: float, drain_seconds: float, has_served: bool = False,
) -> None:  # fmt: skip
    """Start beside the old, see that it is well, switch, hand over, watch, let the old one go."""
    host, known, placement = change.host, change.known, moves.placement
    change.moves = moves
    with change.at(Stage.START, "permanent services"):
        ensure_networks(host, release, known)
        write_overrides(host, release, model, moves)
        change.told += ensure_permanent(host, release, moves)
    if not has_served:
        with change.at(Stage.MIGRATE):
            change.told += migrate(host, release, moves)
    with change.at(Stage.START, "start beside"):
        change.told += start_beside(host, release, moves)
        wait_until_well(host, settings, moves, has_served=has_served)
    with change.at(Stage.SWITCH):
        stage_front(host, release, placement, render_nginx_names(settings, address))
        is_replaced = compose.NGINX not in known.well or "~ compose.yaml" in stack_changes
        test_front(host, release, placement, is_running=not is_replaced)
        switched_at = switch(host, settings, release, placement, is_replaced=is_replaced)
        change.told.append(f"switched to release {release.id}, {read_flow_seconds():.1f} s after the flow began")
    with change.at(Stage.START, "hand over"):
        change.told += hand_over(host, settings, release, moves)
    with change.at(Stage.SOAK, "watch"):
        check_from_outside(settings, address, read_certificate(host), release.description, known)
        if soak_seconds and known.placement.release and moves.start:
            watched = soak(host, settings, moves, known.placement, switched_at, soak_seconds)
            change.told.append(str(watched))
    with change.at(Stage.SWITCH, "accept and drain"):
        record_schema(host, release, read_schema_version(host, release))
        accept(host, release, placement)
        change.told += drain(host, settings, moves, drain_seconds)
        remove_old(host, settings, placement)


def release_commit(
    change: Change, settings: Settings, address: str, ref: str, *, force: bool, soak_seconds: int | None
) -> Release:
    """A commit of the application becomes the release that serves."""
    host, known = change.host, change.known
    with change.at(Stage.FETCH, "fetch and describe"):
        commit = fetch_source(host, settings, ref)
        change.commit = commit.sha
        description = read_description(host, settings, commit)
        private = read_private(host)
        draft = build_draft(settings, address, commit, ref, description, private, known)
        change.release = draft.id
        stack_changes = read_stack_changes(host, known)
        ship_files(host, draft, private)
        model = describe_application(host, draft)
    with change.at(Stage.HOOK, "hooks before"):
        _run_hooks(change, settings, "pre", settings.pre_release_hooks)
    with change.at(Stage.PULL, "fetch images"):
        if stack_changes or not known.placement.release:
            pull_stack(host, settings, draft.id)
        pull_images(host, settings, model)
    with change.at(Stage.BUILD):
        images, image_ids = ensure_images(host, settings, draft, model, known)
        release = record_release(host, draft, model, images, image_ids)
        change.images = image_ids
    moves = choose_moves(draft, model, image_ids, known, next_activation(change), force=force)
    seconds = settings.soak_seconds if soak_seconds is None else soak_seconds
    roll_out(
        change, settings, address, release, model, moves, stack_changes=stack_changes, soak_seconds=seconds,
        drain_seconds=settings.drain_seconds,
    )  # fmt: skip
    with change.at(Stage.HOOK, "hooks after"):
        _run_hooks(change, settings, "post", settings.post_release_hooks)
    return release


def bring_back(change: Change, settings: Settings, address: str, wanted: str, *, soak_seconds: float) -> Release:
    """A release that is kept on the VM serves again, with its own images and variables; nothing is built, no schema is changed."""
    host, known = change.host, change.known
    with change.at(Stage.FETCH, "read"):
        change.release = wanted
        release, model, variables = read_kept(host, wanted)
        change.commit, change.images = (
            release.commit,
            {name: entry.image_id for name, entry in release.services.items()},
        )
        put_environment(host, variables)
        stack_changes = read_stack_changes(host, known, wanted)
    moves = decide_moves(
        release.id, next_activation(change), release.wanted, list_groups(release.description, model.names),
        known.placement, known.well,
    )  # fmt: skip
    roll_out(
        change, settings, address, release, model, moves, stack_changes=stack_changes, soak_seconds=soak_seconds,
        drain_seconds=min(settings.drain_seconds, QUICK_DRAIN_SECONDS), has_served=True,
    )  # fmt: skip
    return release


def read_flow_seconds() -> float:
    """Since this flow run began to work."""
    context = FlowRunContext.get()
    return (datetime.now(UTC) - context.start_time).total_seconds() if context else 0.0


def next_activation(change: Change) -> int:
    """The fencing token: no two changes share one, and a later one is always greater."""
    return max(change.host.lease, change.known.placement.activation + 1)


def _run_hooks(change: Change, settings: Settings, when: str, hooks: list[str]) -> None:
    variables = {
        "RESONANT_RELEASE": change.release,
        "RESONANT_COMMIT": change.commit,
        "RESONANT_PREVIOUS_RELEASE": change.known.placement.release,
        "RESONANT_SITE": settings.site,
    }
    folder = compose.application_folder(change.release)
    run_hooks(change.host, hooks, when, folder, variables, settings.hook_timeout_seconds)
