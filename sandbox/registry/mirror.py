"""The registry's life, and what is pushed to it."""

import hashlib
import time
from collections.abc import Mapping

import httpx

from sandbox.engine.command import run_docker
from sandbox.engine.service import Service, ensure_service
from sandbox.errors import SandboxError
from sandbox.images.building import IMAGE_LABEL
from sandbox.place import Ground

PORT = 5000
READY_SECONDS = 30.0
PUSH_TIMEOUT_SECONDS = 600.0
STORE = "resonant-sandbox-registry"
MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
    )
)


def ensure_registry(ground: Ground, tools_image: str, images: Mapping[str, str]) -> None:
    """`images` are local tags by the names under which they will be served: other images mean another store."""
    volume = f"{STORE}-{hashlib.sha256(repr(sorted(images.items())).encode()).hexdigest()[:12]}"
    # Kept by `down` as the images are, and shared between checkouts: to fill it takes half a minute.
    run_docker("volume", "create", "--label", f"{IMAGE_LABEL}=registry", volume)
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
    if _serves(ground, reference):
        return False
    run_docker("image", "tag", image, reference)
    run_docker("image", "push", "--quiet", reference, timeout_seconds=PUSH_TIMEOUT_SECONDS)
    run_docker("image", "rm", reference)
    return True


def _serves(ground: Ground, reference: str) -> bool:
    """A tag is written last of all, so one that is there has all its layers."""
    repository, _, tag = reference.rpartition(":")
    path = repository.partition("/")[2]
    return httpx.head(f"{_url(ground)}/v2/{path}/manifests/{tag}", headers={"Accept": MANIFESTS}, timeout=10).is_success


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
