"""What must be true before anything is built."""

import shutil
import sys
from pathlib import Path

from sandbox.engine.command import run_docker
from sandbox.errors import SandboxError
from sandbox.images.building import IMAGE_LABEL

GIB = 1024**3
COLD_GIB = 8
WARM_GIB = 3


def check_platform() -> None:
    if not sys.platform.startswith("linux"):
        raise SandboxError("The rehearsal's machines need Linux: run it on a Linux machine or in a Linux VM.")


def check_disk(state: Path) -> None:
    """Room for images and machines, on the engine's disk and on the checkout's."""
    images = run_docker("image", "ls", "--quiet", "--filter", f"label={IMAGE_LABEL}=machine")
    needed_gib = WARM_GIB if images else COLD_GIB
    check_free(Path(run_docker("info", "--format", "{{.DockerRootDir}}")), needed_gib)
    check_free(state, 1)


def check_free(folder: Path, needed_gib: int) -> None:
    if not folder.exists():
        # The engine's disk is not ours to see: another machine, or root's.
        return
    free_gib = shutil.disk_usage(folder).free / GIB
    if free_gib < needed_gib:
        raise SandboxError(
            f"The disk of {folder} has {free_gib:.1f} GiB free; the sandbox needs {needed_gib}. "
            "Free some room (`docker system df` shows what Docker holds), then run this again."
        )
