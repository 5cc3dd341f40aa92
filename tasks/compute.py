"""The site's instance in OCI."""

import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from prefect import get_run_logger

from resonant import compute
from resonant.errors import (
    CloudError,
    CloudUnreachable,
    LimitExceeded,
    NotAuthorizedOrNotFound,
    OutOfHostCapacity,
    TooManyRequests,
)
from resonant.free_tier import check_free
from resonant.oci_clients import Cloud
from resonant.placement import Placement, choose_delay, iterate_placements
from resonant.settings import Settings
from tasks.options import step
from tasks.report import Progress

TRY_ELSEWHERE = (OutOfHostCapacity, TooManyRequests, CloudUnreachable, LimitExceeded, NotAuthorizedOrNotFound)
# A refusal that usually is final is believed only when every placement of a round has given it.
USUALLY_FINAL = (LimitExceeded, NotAuthorizedOrNotFound)


@step("preflight", retries=2)
def check_request(settings: Settings) -> None:
    """Raise before anything is created: size beyond the free allowance, wrong key or region, no image to boot."""
    check_free(
        settings.ocpus, settings.memory_in_gbs, settings.boot_volume_size_in_gbs,
        today=datetime.now(UTC).date(), allow_paid=settings.allow_beyond_free,
    )  # fmt: skip
    cloud = Cloud(settings)
    compute.check_region(cloud)
    if compute.read_instance(cloud, settings) is None:
        compute.choose_image(cloud, settings)


@step("instance", timeout_seconds=7 * 86400)
def ensure_instance(settings: Settings, subnet_id: str, ssh_public_key: str) -> tuple[str, tuple[str, ...]]:
    """The running instance, launched where Oracle has capacity: (instance_id, changes).

    Raises the last refusal when `capacity_deadline_seconds` has passed; the next run goes on looking.
    """
    cloud = Cloud(settings)
    found = compute.read_instance(cloud, settings)
    if found:
        compute.check_shape(found, settings)
    instance = found or hunt(cloud, settings, subnet_id, ssh_public_key)
    progress = Progress(f"Starting {instance.display_name}", compute.RUNNING_WITHIN_SECONDS)
    was_running = instance.lifecycle_state == "RUNNING"
    compute.wait_for_running(cloud, settings, instance.id, progress)
    if not found:
        return instance.id, (f"launched {settings.shape} in {instance.availability_domain}",)
    return instance.id, () if was_running else ("started the instance",)


@step("private address", retries=3)
def read_private_ip(settings: Settings, instance_id: str) -> str:
    return compute.read_private_ip_id(Cloud(settings), settings, instance_id)


@step("host key", timeout_seconds=900, retries=2)
def ensure_host_key(settings: Settings, instance_id: str) -> tuple[str, tuple[str, ...]]:
    """The SSH host key read from the serial console, kept as a tag of the instance: (host_key, changes)."""
    cloud = Cloud(settings)
    instance = cloud.call(cloud.compute.get_instance, instance_id)
    progress = Progress("Waiting for cloud-init to print the host key", compute.CONSOLE_WITHIN_SECONDS)
    key, change = compute.ensure_host_key(cloud, settings, instance, progress)
    return key, (change,) if change else ()


def hunt(cloud: Cloud, settings: Settings, subnet_id: str, ssh_public_key: str) -> Any:
    """Try placement after placement until one launches or the deadline passes."""
    domains = compute.read_fault_domains(cloud)
    round_length = len(domains) + sum(len(names) for names in domains.values())
    image = compute.choose_image(cloud, settings)
    get_run_logger().info("image %s", image.display_name)
    attempts = _attempts(cloud, settings, iterate_placements(domains), image.id, subnet_id, ssh_public_key)
    return _first_launched(settings, attempts, round_length)


def _attempts(
    cloud: Cloud, settings: Settings, placements: Iterator[Placement], image_id: str, subnet_id: str, key: str
) -> Iterator[tuple[Placement, Any | CloudError]]:
    for placement in placements:
        details = compute.build_launch(cloud, settings, placement, image_id, subnet_id, key)
        try:
            yield placement, _launch_once(cloud, settings, details)
        except TRY_ELSEWHERE as refusal:
            yield placement, refusal


def _launch_once(cloud: Cloud, settings: Settings, details: Any) -> Any:
    """An answer that got lost may have launched: the same retry token, and a look by tag, keep it at one instance."""
    token = uuid.uuid4().hex
    try:
        return compute.launch(cloud, details, token)
    except OutOfHostCapacity:
        raise
    except CloudUnreachable:
        return compute.read_instance(cloud, settings) or compute.launch(cloud, details, token)


def _first_launched(
    settings: Settings, attempts: Iterator[tuple[Placement, Any | CloudError]], round_length: int
) -> Any:
    started, rng, slow_downs, final_refusals = time.monotonic(), random.Random(), 0, 0  # noqa: S311  # jitter only
    progress = Progress("Looking for capacity", settings.capacity_deadline_seconds)
    for number, (placement, outcome) in enumerate(attempts, 1):
        if not isinstance(outcome, CloudError):
            return outcome
        get_run_logger().info("attempt %d, %s: %s", number, placement, outcome)
        slow_downs = slow_downs + 1 if isinstance(outcome, TooManyRequests) else 0
        final_refusals = final_refusals + 1 if isinstance(outcome, USUALLY_FINAL) else 0
        delay = choose_delay(settings.capacity_delay_seconds, slow_downs, rng)
        waited = time.monotonic() - started
        if final_refusals >= round_length or waited + delay > settings.capacity_deadline_seconds:
            raise type(outcome)(
                f"No instance after {number} attempts in {waited:.0f} s; nothing was created by them. Run provision again to go "
                f"on looking. Last refusal, {placement}: {outcome}"
            ) from outcome
        progress(waited)
        time.sleep(delay)
    raise AssertionError("placements are endless")
