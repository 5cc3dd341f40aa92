"""A long-running container of the sandbox itself, at a fixed address: made when missing, made anew when its definition changed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sandbox.engine.command import inspect, run_docker
from sandbox.engine.ports import check_port
from sandbox.place import Ground

DEFINITION_LABEL = "resonant.definition"


@dataclass(frozen=True)
class Service:
    """`port` is published on the loopback interface as `host_port`; mounts are "source:target[:ro]".

    `revision` stands for what is mounted: another one means a fresh container.
    """

    name: str
    image: str
    address: str
    port: int
    host_port: int
    mounts: Sequence[str] = ()
    command: Sequence[str] = ()
    working_folder: str = "/"
    revision: str = ""


def ensure_service(ground: Ground, service: Service) -> None:
    mounts = [word for mount in service.mounts for word in ("--volume", mount)]
    words = [
        *("--network", ground.place.network, "--ip", service.address),
        *("--publish", f"127.0.0.1:{service.host_port}:{service.port}"),
        *("--workdir", service.working_folder, "--env", "PYTHONDONTWRITEBYTECODE=1"),
        *mounts,
        service.image,
        *service.command,
    ]
    check = partial(check_port, service.host_port, service.name)
    ensure_container(ground, service.name, words, check, revision=service.revision)


def ensure_container(
    ground: Ground, name: str, words: Sequence[str], check: Callable[[], None], *, revision: str = ""
) -> None:
    """Run it with these `docker run` words, unless it runs so already; `check` comes before a start, once its forerunner is gone."""
    container = f"{ground.place.prefix}{name}"
    definition = hashlib.sha256(repr((list(words), revision)).encode()).hexdigest()[:12]
    existing = inspect("container", container)
    if existing and existing["State"]["Running"] and existing["Config"]["Labels"].get(DEFINITION_LABEL) == definition:
        return
    if existing:
        run_docker("container", "rm", "--force", container)
    check()
    run_docker(
        *("run", "--detach", "--name", container, "--restart", "unless-stopped"),
        *("--label", ground.place.label, "--label", f"{DEFINITION_LABEL}={definition}"),
        *words,
    )
