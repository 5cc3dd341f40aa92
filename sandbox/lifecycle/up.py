"""Everything that a rehearsal needs, in the order of need; each step finds what an earlier run left and goes on from there."""

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox.engine.daemon import ensure_bootstrap_tools, ensure_engine
from sandbox.engine.network import ensure_ground
from sandbox.errors import SandboxError
from sandbox.images.bases import ensure_base
from sandbox.images.building import build, choose_tag
from sandbox.images.catalog import MACHINE, STAND_INS, SUITES, TOOLS, Recipe
from sandbox.images.reachability import Reachability, read_reachability
from sandbox.lifecycle.cloud import ensure_cloud
from sandbox.lifecycle.credentials import Credentials, ensure_credentials
from sandbox.lifecycle.preflight import check_disk, check_platform
from sandbox.lifecycle.progress import Progress
from sandbox.lifecycle.settings import FILE as SETTINGS_FILE
from sandbox.lifecycle.settings import write_settings
from sandbox.llm.container import ensure_llm
from sandbox.place import Ground, Place
from sandbox.registry.mirror import ensure_registry, mirror_address, push
from sandbox.vm.front import ensure_front

# Inherited by every process that `up` starts, so that `down` finds those of an `up` that was killed.
MARK = "RESONANT_SANDBOX"
PARALLEL_BUILDS = 2


@dataclass(frozen=True)
class Sandbox:
    """What runs now. `mirror` is None where the machines' engines ask the genuine registry."""

    ground: Ground
    machine_image: str
    mirror: str | None


def bring_up(place: Place, progress: Progress) -> Sandbox:
    check_platform()
    place.open_state()
    with sole_user(place):
        progress.say(f"engine {ensure_engine(place.state)}")
        os.environ[MARK] = place.id
        check_disk(place.state)
        ground = ensure_ground(place)
        credentials = ensure_credentials(place.state)
        write_settings(ground, credentials)
        progress.say(f"network {ground.allotment.subnet}, cloud API on port {ground.allotment.api_port}")
        reachability = _read_reachability(place, progress)
        builder = _Builder(ground, genuine=reachability.answers, progress=progress)
        machine_image = builder.build_all(after_tools=partial(_ensure_services, ground, credentials))
        sandbox = Sandbox(ground, machine_image, None if reachability.answers else mirror_address(ground))
        with progress.step("cloud API"):
            ensure_cloud(ground, sandbox.machine_image, sandbox.mirror)
    progress.say(f"up; the settings are in {place.state / SETTINGS_FILE}")
    return sandbox


def _ensure_services(ground: Ground, credentials: Credentials, tools_image: str) -> None:
    ensure_front(ground, tools_image)
    ensure_llm(ground, tools_image, credentials.llm_key_file)


@contextmanager
def sole_user(place: Place) -> Iterator[None]:
    """One `up` or `down` at a time in a checkout."""
    with (place.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(f"Another `up` or `down` is at work in {place.checkout}. Wait for its end.") from None
        yield


def _read_reachability(place: Place, progress: Progress) -> Reachability:
    reachability = read_reachability(place.state)
    if reachability.answers:
        progress.say("an image registry answers: the genuine images are used")
    else:
        progress.say(f"no image registry answers ({reachability.reason}): stand-ins are built from Debian packages")
        ensure_bootstrap_tools(place.state)
    return reachability


class _Builder:
    """Bases first, then the tools, which the registry needs, then everything else, two at a time."""

    def __init__(self, ground: Ground, *, genuine: bool, progress: Progress) -> None:
        self._ground = ground
        self._genuine = genuine
        self._progress = progress
        self._bases: dict[str, Future[str]] = {}

    def build_all(self, after_tools: Callable[[str], None]) -> str:
        """Tag of the machine's image."""
        pool = ThreadPoolExecutor(PARALLEL_BUILDS)
        try:
            suites = ("trixie",) if self._genuine else SUITES
            self._bases = {suite: pool.submit(self._ensure_base, suite) for suite in suites}
            tools = self._build(TOOLS)
            if not self._genuine:
                ensure_registry(self._ground, tools, self._choose_tags())
            machine = pool.submit(self._build, MACHINE)
            served = [] if self._genuine else [pool.submit(self._serve, recipe) for recipe in STAND_INS.values()]
            after_tools(tools)
            for one in served:
                one.result()
            return machine.result()
        finally:
            # On Ctrl-C, too: what runs is ended by the same signal, what waits is never begun.
            pool.shutdown(cancel_futures=True)

    def _choose_tags(self) -> dict[str, str]:
        return {name: choose_tag(recipe, self._bases[recipe.suite].result()) for name, recipe in STAND_INS.items()}

    def _log(self, name: str) -> Path:
        return self._ground.place.logs / f"image-{name}.log"

    def _ensure_base(self, suite: str) -> str:
        with self._progress.step(f"base {suite}"):
            return ensure_base(suite, genuine=self._genuine, log=self._log(f"base-{suite}"))

    def _build(self, recipe: Recipe) -> str:
        base = self._bases[recipe.suite].result()
        with self._progress.step(f"image {recipe.stands_in_for or recipe.name}"):
            return build(recipe, base, self._log(recipe.name))

    def _serve(self, recipe: Recipe) -> None:
        image = self._build(recipe)
        name = recipe.stands_in_for or recipe.name
        with self._progress.step(f"serving {name} to the machines"):
            push(self._ground, image, name)
