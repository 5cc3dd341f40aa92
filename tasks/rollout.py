"""From one release to another while visitors come: start beside, switch, watch, then let the old one go."""

import io
import json
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefect import get_run_logger

from resonant import paths
from resonant.commands import compose
from resonant.commands.on_vm import on_vm
from resonant.compose_model import Model
from resonant.diagnosis import Soak, Stage
from resonant.errors import ReleaseFailed
from resonant.facts import Facts
from resonant.overrides import SLOTS, render_override
from resonant.release import Release
from resonant.remote import Host
from resonant.routes import render_locations, render_policy, render_site, render_upstreams
from resonant.settings import Settings
from resonant.slots import Moves, Placement, Running
from resonant.source import CHECKOUT
from tasks.options import step
from tasks.shell import put, run

NGINX_SECONDS = 60
# So long a new container has to be well before it counts: some programs start well and then end.
SETTLES_SECONDS = 3.0
# One that has served before has shown that already.
SERVED_SETTLES_SECONDS = 0.5
FEWEST_FOR_A_GAP = 20
# For whatever stops between the switch and the verdict: then the old release is put back by a timer on the VM.
TRIAL_MARGIN_SECONDS = 180
SETTLE = "/opt/resonant/bin/settle.py"


class NotWell(ReleaseFailed):
    """A container of the new release, and what is wrong with it; the cause is found out afterwards."""

    def __init__(self, stage: Stage, container: str, why: str, soak: Soak | None = None) -> None:
        super().__init__(f"{container or 'the release'} {why}")
        self.stage = stage
        self.container = container
        self.why = why
        self.soak = soak


@dataclass(frozen=True)
class Watched:
    """What visitors got while the release was on trial."""

    seconds: float
    requests: int
    errors: int
    p95_seconds: float
    worst_gap_seconds: float

    def __str__(self) -> str:
        return (
            f"watched for {self.seconds:.0f} s: {self.requests} requests, {self.errors} errors, "
            f"p95 {self.p95_seconds * 1000:.0f} ms; {self._gap}"
        )

    @property
    def _gap(self) -> str:
        """With few visitors there are gaps because nobody asked."""
        if self.requests < FEWEST_FOR_A_GAP:
            return "too few to tell a gap"
        return f"longest time between two good answers {self.worst_gap_seconds:.2f} s"


@step("settle", timeout_seconds=300, retries=3)
def settle(host: Host) -> tuple[str, ...]:
    """Undo what an interrupted change left: a release on trial is put back, containers that nobody is led to are removed."""
    answer = json.loads(run(host, on_vm("settle", paths.ACTIVATIONS), timeout_seconds=240))
    # Nothing is on trial now: a timer of before would take the next release's containers for strays.
    run(host, compose.disarm_trial())
    told = []
    if answer["put_back"]:
        told.append(f"put back release {answer['release']}: {answer['put_back']} was still on trial")
    told += [f"removed {name}" for name in answer["removed"]] + [f"started {name}" for name in answer["started"]]
    for line in told:
        get_run_logger().info("%s", line)
    return tuple(told)


@step("networks", retries=2)
def ensure_networks(host: Host, release: Release, known: Facts) -> None:
    """The two private networks come with nginx, which is created here when it is not there yet."""
    if not any(entry.name == compose.NGINX for entry in known.containers):
        run(host, compose.create_nginx(release.id), timeout_seconds=120)


@step("overrides", retries=2)
def write_overrides(host: Host, release: Release, model: Model, moves: Moves) -> None:
    """What is laid over the application's own Compose file, for each slot in which something starts."""
    permanent = [entry for entry in moves.placement.running if entry.kind == "stateful"]
    for slot, entries in {
        "": permanent,
        **{slot: [e for e in moves.start if e.slot == slot] for slot in SLOTS},
    }.items():
        if entries:
            content = render_override(model, entries, release.images)
            put(host, content.encode(), f"{paths.RELEASES}/{release.id}/{compose.override_file(slot)}")


@step("start beside", timeout_seconds=600, retries=2)
def start_beside(host: Host, release: Release, moves: Moves) -> tuple[str, ...]:
    """The new containers, but for daemons; nobody is led to them yet."""
    return _start(host, release, moves.starting("web", "internal"))


@step("health gate", timeout_seconds=2400, retries=2)
def wait_until_well(host: Host, settings: Settings, moves: Moves, *, has_served: bool) -> None:
    """Raises NotWell naming the first container that is not well in time."""
    settles = SERVED_SETTLES_SECONDS if has_served else SETTLES_SECONDS
    _gate(host, settings, moves.starting("web", "internal"), settle_seconds=settles)


@step("front door", retries=2)
def stage_front(host: Host, release: Release, placement: Placement, front: str) -> None:
    """nginx's configuration for this placement, in a folder of its own; then its parser is asked."""
    folder = f"{paths.ACTIVATIONS}/{compose.name_activation(placement.activation)}"
    archive = f"{folder}.tar.gz"
    put(host, _pack(release, placement, front), archive, mode=0o600)
    run(host, compose.unpack_front(archive, folder, release.id))
    run(host, ["install", "-d", "-m", "755", paths.MAINTENANCE, paths.ACME_WEBROOT])


@step("nginx test", retries=2)
def test_front(host: Host, release: Release, placement: Placement, *, is_running: bool) -> None:
    if is_running:
        run(host, compose.test_nginx(placement.activation))
    else:
        run(host, compose.test_first_nginx(release.id, placement.activation))


@step("switch", timeout_seconds=300, retries=3)
def switch(host: Host, settings: Settings, release: Release, placement: Placement, *, is_replaced: bool) -> float:
    """Lead visitors to the new release; returns the VM's Unix time of the moment before. On trial until `accept`."""
    switched_at = float(run(host, ["date", "+%s.%N"]).strip())
    if placement.previous_activation:
        waiting = settings.health_deadline_seconds + settings.soak_seconds + settings.drain_seconds
        trial = waiting + TRIAL_MARGIN_SECONDS
        run(host, compose.arm_trial(SETTLE, trial))
    else:
        run(host, compose.accept(placement.activation))
    if is_replaced:
        run(host, compose.link(placement.activation))
        run(host, compose.start_nginx(release.id, NGINX_SECONDS), timeout_seconds=NGINX_SECONDS + 60)
    else:
        run(host, compose.switch(placement.activation))
    return switched_at


@step("hand over", timeout_seconds=900, retries=2)
def hand_over(host: Host, settings: Settings, release: Release, moves: Moves) -> tuple[str, ...]:
    """Daemons must not run twice: the old ones stop, then the new ones start. Raises NotWell."""
    old, new = moves.stopping("daemon"), moves.starting("daemon")
    if old:
        run(host, compose.stop([entry.container for entry in old]), timeout_seconds=300)
    changes = _start(host, release, new)
    _gate(host, settings, new, settle_seconds=SETTLES_SECONDS)
    return tuple(f"stopped {entry.service}" for entry in old if not moves.placement.find(entry.service)) + changes


@step("soak", timeout_seconds=4000, retries=2)
def soak(host: Host, settings: Settings, moves: Moves, now: Placement, switched_at: float, seconds: float) -> Watched:
    """Watch what visitors get. Raises NotWell when the error rate, the latency or a container is beyond the limits."""
    began = time.monotonic()
    order = {
        "seconds": seconds,
        "nginx": compose.NGINX,
        "new": [_upstream(entry) for entry in moves.starting("web")],
        "old": [_upstream(entry) for entry in now.running if entry.kind == "web"],
        "switched_at": switched_at,
        "web": {entry.container: _web(entry) for entry in moves.starting("web")},
        "containers": [entry.container for entry in moves.start],
        "max_error_rate": settings.soak_max_error_rate,
        "max_p95_seconds": settings.soak_max_p95_seconds,
    }
    answer = json.loads(run(host, on_vm("watch", "soak", json.dumps(order)), timeout_seconds=seconds + 120))
    seen = Watched(
        time.monotonic() - began,
        answer["requests"],
        answer["errors"],
        answer["p95_seconds"],
        answer["worst_gap_seconds"],
    )
    get_run_logger().info("%s", seen)
    if not answer["ok"]:
        rate = answer["errors"] / answer["requests"] if answer["requests"] else 0.0
        measured = Soak(
            answer["requests"], rate, settings.soak_max_error_rate, answer["p95_seconds"], settings.soak_max_p95_seconds
        )
        raise NotWell(Stage.SOAK, answer["container"], answer["why"], measured)
    return seen


@step("accept", retries=3)
def accept(host: Host, release: Release, placement: Placement) -> None:
    """The trial is over: from here on this release is what a reboot or the next failure comes back to."""
    run(host, compose.accept(placement.activation))
    run(host, compose.set_head(release.commit))
    run(host, compose.disarm_trial())


@step("drain", timeout_seconds=4000, retries=2)
def drain(host: Host, settings: Settings, moves: Moves, seconds: float) -> tuple[str, ...]:
    """Let the old release finish what it began, at most so long, then stop and remove it."""
    containers = [entry.container for entry in moves.stop]
    run(host, on_vm("drain", f"{seconds:g}", compose.NGINX, *containers), timeout_seconds=seconds + 300)
    return tuple(f"stopped {entry.service} of the old release" for entry in moves.stop)


@step("remove old", retries=1, timeout_seconds=300)
def remove_old(host: Host, settings: Settings, placement: Placement) -> None:
    """Releases beyond those that can be rolled back to, with their images; a VM that is deployed to daily does not fill its disk."""
    listed: Any = json.loads(run(host, compose.list_kept()))
    in_use = {placement.release, *(entry.release for entry in placement.running)}
    whole = [entry["id"] for entry in listed["releases"] if _can_serve(entry) and entry["id"] not in in_use]
    kept = in_use | set(whole[: settings.kept_releases])
    images = {image for entry in listed["releases"] if entry["id"] in kept for image in entry["images"] or ()}
    needed = {compose.name_activation(number) for number in (placement.activation, placement.previous_activation)}
    run(
        host,
        compose.prune(
            [image for image in listed["images"] if image not in images],
            [entry["id"] for entry in listed["releases"] if entry["id"] not in kept],
            [name for name in listed["activations"] if name not in needed],
        ),
        timeout_seconds=240,
    )


@step("kept releases", retries=2)
def list_kept_releases(host: Host) -> tuple[str, ...]:
    """Those that have served and are whole, the newest first."""
    listed = json.loads(run(host, compose.list_kept()))
    return tuple(entry["id"] for entry in listed["releases"] if _can_serve(entry))


@step("guard", retries=2)
def ensure_guard(host: Host, known: Facts) -> tuple[str, ...]:
    """What settles the site at boot and when a trial outlives the run that watched it."""
    program = (CHECKOUT / "resonant/on_vm/settle.py").read_bytes()
    unit = (CHECKOUT / "stack/systemd/resonant-settle.service").read_bytes()
    if known["guard"] == compose.digest(program, unit):
        return ()
    put(host, program, SETTLE, mode=0o644)
    put(host, unit, compose.GUARD_UNIT, mode=0o644)
    run(host, compose.enable_guard())
    return ("installed what settles the site at boot",)


def _can_serve(entry: Any) -> bool:
    return entry["images"] is not None and bool(entry["served"])


def _start(host: Host, release: Release, entries: tuple[Running, ...]) -> tuple[str, ...]:
    for slot in SLOTS:
        if services := [entry.service for entry in entries if entry.slot == slot]:
            run(host, compose.start(release, slot, services), timeout_seconds=300)
    return tuple(f"started {entry.service} in slot {entry.slot}" for entry in entries)


def _gate(host: Host, settings: Settings, entries: tuple[Running, ...], settle_seconds: float) -> None:
    if not entries:
        return
    order = {
        "deadline_seconds": settings.health_deadline_seconds,
        "settle_seconds": settle_seconds,
        "containers": {entry.container: _web(entry) if entry.kind == "web" else {} for entry in entries},
    }
    command = on_vm("watch", "gate", json.dumps(order))
    answer = json.loads(run(host, command, timeout_seconds=settings.health_deadline_seconds + 60))
    if not answer["ok"]:
        raise NotWell(Stage.START, answer["container"], answer["why"])
    get_run_logger().info("well after %.1f s: %s", answer["seconds"], ", ".join(entry.service for entry in entries))


def _web(entry: Running) -> Mapping[str, Any]:
    return {"address": entry.address, "port": entry.port, "health": entry.health}


def _upstream(entry: Running) -> str:
    return f"{entry.address}:{entry.port}"


def _pack(release: Release, placement: Placement, front: str) -> bytes:
    """Rendered files only; those of the stack are copied on the VM from the release's own."""
    files = {
        "names.conf": front,
        "site.conf": render_site(placement),
        "policy.conf": render_policy(release.description),
        "upstreams.conf": render_upstreams(release.description, placement),
        "locations.conf": render_locations(release.description),
        "placement.json": placement.model_dump_json(indent=1),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content.encode()), 0o644
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()
