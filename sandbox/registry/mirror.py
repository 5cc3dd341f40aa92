"""The registry's life, and what is pushed to it."""

import time

import httpx

from sandbox.engine.command import inspect, run_docker
from sandbox.engine.service import Service, ensure_service
from sandbox.errors import SandboxError
from sandbox.place import Ground

PORT = 5000
READY_SECONDS = 30.0
PUSH_TIMEOUT_SECONDS = 600.0
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def ensure_registry(ground: Ground, tools_image: str) -> None:
    volume = f"{ground.place.prefix}registry"
    run_docker("volume", "create", "--label", ground.place.label, volume)
    service = Service(
        name="registry",
        image=tools_image,
        address=ground.registry_address,
        port=PORT,
        host_port=ground.allotment.registry_port,
        mounts=(f"{volume}:/var/lib/docker-registry",),
    )
    ensure_service(ground, service)
    _wait_until_ready(ground)


def mirror_address(ground: Ground) -> str:
    """host:port as the machines reach it."""
    return f"{ground.registry_address}:{PORT}"


def render_reference(ground: Ground, name: str) -> str:
    """The genuine name as a reference to push to: names without a namespace belong to `library`."""
    path = name if "/" in name else f"library/{name}"
    return f"127.0.0.1:{ground.allotment.registry_port}/{path}"


def push(ground: Ground, image: str, name: str) -> bool:
    """Serve the local image under this name; False when the registry had it already."""
    reference = render_reference(ground, name)
    if _serves(ground, image, reference):
        return False
    run_docker("image", "tag", image, reference)
    run_docker("image", "push", "--quiet", reference, timeout_seconds=PUSH_TIMEOUT_SECONDS)
    return True


def _serves(ground: Ground, image: str, reference: str) -> bool:
    repository, _, tag = reference.rpartition(":")
    path = repository.partition("/")[2]
    answer = httpx.head(f"{_url(ground)}/v2/{path}/manifests/{tag}", headers={"Accept": MANIFEST}, timeout=10)
    known = inspect("image", image) or {}
    return answer.is_success and f"{repository}@{answer.headers['Docker-Content-Digest']}" in (
        known.get("RepoDigests") or []
    )


def _url(ground: Ground) -> str:
    return f"http://127.0.0.1:{ground.allotment.registry_port}"


def _wait_until_ready(ground: Ground) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{_url(ground)}/v2/", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SandboxError(
        f"The image registry did not answer within {READY_SECONDS:.0f} s; see `docker logs {ground.place.prefix}registry`."
    )
