"""Removing every trace, whatever state the sandbox is in."""

import shutil
from collections.abc import Iterable

import psutil

from sandbox.engine.command import names_of, run_docker
from sandbox.engine.daemon import does_engine_answer, stop_own_engine
from sandbox.engine.process import stop_process
from sandbox.errors import DockerFailed, SandboxError
from sandbox.images.building import IMAGE_LABEL
from sandbox.lifecycle.cloud import RECORD as CLOUD_RECORD
from sandbox.lifecycle.progress import Progress
from sandbox.lifecycle.up import MARK, sole_user
from sandbox.place import Place

STOP_SECONDS = 15.0


def take_down(place: Place, progress: Progress, *, images: bool) -> None:
    place.open_state()
    with sole_user(place):
        # First what could start containers again.
        stop_process(place.state / CLOUD_RECORD, STOP_SECONDS)
        _end_marked_processes(place)
        if _is_engine_there():
            _remove_from_engine(place, images=images)
            progress.say("containers, volumes and network removed")
        else:
            progress.say("the Docker engine is away: what it may still hold goes with another `down` once it is back")
        if stop_own_engine(place.state):
            progress.say("the Docker engine that `up` had started is stopped")
        shutil.rmtree(place.state)
    progress.say("down")


def _is_engine_there() -> bool:
    try:
        return does_engine_answer()
    except SandboxError:
        return False


def _end_marked_processes(place: Place) -> None:
    """Builders of an `up` that was killed go on without it, unless they are told."""
    us = {psutil.Process(), *psutil.Process().parents()}
    ours = [process for process in psutil.process_iter() if process not in us and _is_marked(process, place)]
    for process in ours:
        _signal(process, force=False)
    _, alive = psutil.wait_procs(ours, timeout=STOP_SECONDS)
    for process in alive:
        _signal(process, force=True)


def _is_marked(process: psutil.Process, place: Place) -> bool:
    try:
        return process.environ().get(MARK) == place.id
    except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
        return False


def _signal(process: psutil.Process, *, force: bool) -> None:
    try:
        process.kill() if force else process.terminate()
    except psutil.NoSuchProcess:
        return


def _remove_from_engine(place: Place, *, images: bool) -> None:
    for kind in ("container", "volume", "network"):
        found = names_of(kind, f"label={place.label}")
        force = [] if kind == "network" else ["--force"]
        if found:
            run_docker(kind, "rm", *force, *found)
    if images:
        _remove_unused("image", run_docker("image", "ls", "--quiet", "--filter", f"label={IMAGE_LABEL}").split())
        _remove_unused("volume", names_of("volume", f"label={IMAGE_LABEL}"))


def _remove_unused(kind: str, names: Iterable[str]) -> None:
    """What another checkout's sandbox uses stays."""
    for name in dict.fromkeys(names):
        try:
            run_docker(kind, "rm", "--force", name)
        except DockerFailed as failure:
            if not any(
                words in failure.stderr for words in ("in use", "being used", "dependent child", "No such image")
            ):
                raise
