"""The images of a release: what exists is never built or fetched again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from resonant.commands import compose
from resonant.commands import images as commands
from resonant.commands.on_vm import on_vm
from resonant.compose_model import IMAGES, KEY_LENGTH, Model
from resonant.errors import ReleaseFailed
from resonant.facts import Facts
from resonant.release import Draft
from resonant.remote import Host
from resonant.settings import Settings
from tasks.options import line_logger, step
from tasks.shell import run

GIB = 1024**3
# Lines of BuildKit's plain progress that say which step begins or what went wrong.
BUILD_STEP = re.compile(r"#\d+ (\[(?!internal)|ERROR|.*\berror\b)", re.IGNORECASE)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    id: str
    architecture: str


@step("read images", retries=2)
def read_images(host: Host, model: Model) -> dict[str, Image]:
    """By service, of those that are on the VM already."""
    return _read(host, model)


@step("images", timeout_seconds=7200, retries=2)
def ensure_images(
    host: Host, settings: Settings, draft: Draft, model: Model, known: Facts
) -> tuple[dict[str, str], dict[str, str]]:
    """(image name, image id) by service; what is not there is built, within the budget of the settings."""
    there = _read(host, model)
    lacking = {service.name: service.image for service in model.services if service.name not in there}
    if to_build := {name: image for name, image in lacking.items() if model[name].is_built}:
        _build(host, settings, draft, to_build, is_first=not known.placement.release)
    there = _read(host, model) if lacking else there
    _check_architecture(there, known)
    names = {name: _name(model, name, image) for name, image in there.items()}
    pairs = [(model[name].image, kept) for name, kept in names.items() if kept != model[name].image]
    if pairs:
        run(host, commands.tag(pairs))
    return names, {name: image.id for name, image in there.items()}


@step("pull images", timeout_seconds=7200, retries=2)
def pull_images(host: Host, settings: Settings, model: Model) -> None:
    """Fetch the ready-made images that are not there."""
    there = _read(host, model)
    ready = sorted({entry.image for entry in model.services if not entry.is_built and entry.name not in there})
    if ready:
        run(host, commands.pull(ready), timeout_seconds=settings.deploy_timeout_seconds, on_line=line_logger())


@step("stack images", timeout_seconds=3600, retries=2)
def pull_stack(host: Host, settings: Settings, release_id: str) -> None:
    run(host, compose.pull_stack(release_id), timeout_seconds=settings.deploy_timeout_seconds, on_line=line_logger())


def _build(host: Host, settings: Settings, draft: Draft, images: Mapping[str, str], *, is_first: bool) -> None:
    order = {
        "folder": compose.application_folder(draft.id),
        "compose": draft.description.compose,
        "environment": compose.environment_file(draft.id),
        "images": dict(images),
        # With nothing beside it to leave a share to, the first release may have all processors.
        "cpus": 0 if is_first else settings.build_cpus,
        "memory_bytes": int(settings.build_memory_in_gbs * GIB),
    }
    progress = line_logger(lambda line: BUILD_STEP.search(line) is not None)
    run(host, on_vm("build", json.dumps(order)), timeout_seconds=settings.deploy_timeout_seconds, on_line=progress)


def _read(host: Host, model: Model) -> dict[str, Image]:
    wanted = {service.name: service.image for service in model.services}
    printed = run(host, commands.list_images(sorted(set(wanted.values()))))
    rows = (line.split() for line in printed.splitlines() if line.strip())
    found = {name: Image(image_id, architecture) for name, image_id, architecture in rows}
    return {name: found[image] for name, image in wanted.items() if image in found}


def _name(model: Model, service: str, image: Image) -> str:
    """Of ours, by content: a kept release keeps its image whatever becomes of the tag."""
    found = model[service]
    return (
        found.image if found.is_built else f"{IMAGES}/{service.lower()}:{image.id.removeprefix('sha256:')[:KEY_LENGTH]}"
    )


def _check_architecture(images: Mapping[str, Image], known: Facts) -> None:
    ours = ARCHITECTURES.get(known["architecture"], known["architecture"])
    wrong = [f"{name} ({image.architecture})" for name, image in images.items() if image.architecture not in ("", ours)]
    if wrong:
        raise ReleaseFailed(
            f"Wrong architecture: the image of {', '.join(wrong)} is not for this machine, which is {ours}. Build or publish it for "
            f"linux/{ours}."
        )
