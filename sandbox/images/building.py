"""Images built from recipes: named by a hash of all that goes in, so that only a changed recipe is built again."""

import hashlib
import os
from pathlib import Path

from sandbox.engine.command import inspect
from sandbox.engine.logged import run_logged
from sandbox.images.catalog import Recipe

REPOSITORY = "resonant-sandbox"
IMAGE_LABEL = "resonant.sandbox.image"
STAND_IN_LABEL = "resonant.standin"
BUILD_TIMEOUT_SECONDS = 900
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def read_files(folder: Path) -> dict[str, bytes]:
    """Content of every file under the folder by its relative path; empty when there is no such folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def choose_tag(recipe: Recipe, base: str) -> str:
    identity = repr((sorted(read_files(recipe.folder).items()), base, recipe.stands_in_for))
    return f"{REPOSITORY}/{recipe.name}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def build(recipe: Recipe, base: str, log: Path) -> str:
    """Tag of the image, built first when there is none."""
    tag = choose_tag(recipe, base)
    if inspect("image", tag) is None:
        run_logged(
            ["docker", "build", *_arguments(recipe, base), "--tag", tag, str(recipe.folder)],
            log,
            what=f"Building the image {recipe.name}",
            timeout_seconds=BUILD_TIMEOUT_SECONDS,
            # The engine's own builder sees the engine's own images; one in a container of its own would not.
            environment={"BUILDX_BUILDER": "default"},
        )
    return tag


def _arguments(recipe: Recipe, base: str) -> list[str]:
    labels = [f"{IMAGE_LABEL}={recipe.name}"]
    if recipe.stands_in_for:
        labels += [f"{STAND_IN_LABEL}=true", f"{STAND_IN_LABEL}.for={recipe.stands_in_for}"]
    proxies = [name for name in PROXY_VARIABLES if name in os.environ]
    settings = [f"BASE={base}", *([f"VERSION={recipe.version}"] if recipe.version else []), *proxies]
    words = [("--label", label) for label in labels] + [("--build-arg", setting) for setting in settings]
    return [word for pair in words for word in pair]
