"""Docker Compose itself: the plugin of this machine, or the one that the sandbox's machines are given."""

import os
import subprocess
from pathlib import Path

PACKAGES = "/var/cache/apt/archives"
MACHINE = "resonant.sandbox.image=machine"


def find_compose(folder: Path) -> dict[str, str] | None:
    """The environment in which `docker compose` works; None where there is none to be had."""
    if _works(dict(os.environ)):
        return dict(os.environ)
    _unpack(folder)
    # Only the plugins' place: contexts and credentials of this machine are of no use here.
    environment = {**os.environ, "DOCKER_CONFIG": str(folder)}
    return environment if _works(environment) else None


def _works(environment: dict[str, str]) -> bool:
    try:
        done = subprocess.run(["docker", "compose", "version"], env=environment, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _unpack(folder: Path) -> None:
    """Of the package that waits in the machine's image to be installed at its first boot."""
    listed = _run("docker", "images", "--quiet", "--filter", f"label={MACHINE}").split()
    if not listed:
        return
    copy = f"cp {PACKAGES}/docker-compose_*.deb /out/compose.deb"
    _run("docker", "run", "--rm", "--entrypoint", "sh", "--volume", f"{folder}:/out", listed[0], "-c", copy)
    _run("dpkg-deb", "-x", str(folder / "compose.deb"), str(folder / "package"))
    (folder / "cli-plugins").mkdir()
    for plugin in (folder / "package").rglob("cli-plugins/docker-compose"):
        (folder / "cli-plugins" / plugin.name).symlink_to(plugin)


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120).stdout
    except FileNotFoundError:
        return ""
