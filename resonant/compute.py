"""The site's instance in OCI: image, launch, power, address, host key."""

from contextlib import suppress
from typing import Any

from resonant.errors import CheckFailed, CloudError, NotAuthorizedOrNotFound, SettingsInvalid
from resonant.oci_clients import Cloud
from resonant.placement import Placement
from resonant.polling import wait_for
from resonant.settings import Settings
from resonant.tagging import HOST_KEY_TAG, build_tags, choose_tagged

KEYS_BEGIN = "-----BEGIN SSH HOST KEY KEYS-----"
KEYS_END = "-----END SSH HOST KEY KEYS-----"
KEY_KIND = "ssh-ed25519"
RUNNING_WITHIN_SECONDS = 900
CONSOLE_WITHIN_SECONDS = 600


def read_instance(cloud: Cloud, settings: Settings) -> Any | None:
    return choose_tagged(cloud.call_all(cloud.compute.list_instances, cloud.compartment_id), settings.site, "instance")


def read_fault_domains(cloud: Cloud) -> dict[str, list[str]]:
    """Fault domain names by availability domain."""
    domains = cloud.call_all(cloud.identity.list_availability_domains, cloud.tenancy_id)
    listing = cloud.identity.list_fault_domains
    return {
        domain.name: [fault.name for fault in cloud.call_all(listing, cloud.tenancy_id, domain.name)]
        for domain in domains
    }


def check_region(cloud: Cloud) -> None:
    """Raise SettingsInvalid when the tenancy is not subscribed to the configured region."""
    subscribed = [
        entry.region_name for entry in cloud.call_all(cloud.identity.list_region_subscriptions, cloud.tenancy_id)
    ]
    if cloud.region not in subscribed:
        raise SettingsInvalid(
            f"The OCI configuration names region {cloud.region}; the tenancy is subscribed to {', '.join(subscribed)}. "
            "Correct `region` in the OCI configuration file (Always Free resources live in the home region)."
        )


def choose_image(cloud: Cloud, settings: Settings) -> Any:
    """The newest platform image of the configured system that the shape can boot."""
    images = cloud.call_all(
        cloud.compute.list_images,
        cloud.compartment_id,
        operating_system=settings.operating_system,
        operating_system_version=settings.operating_system_version,
        shape=settings.shape,
        sort_by="TIMECREATED",
        sort_order="DESC",
    )
    full = [image for image in images if "Minimal" not in image.display_name]
    if not full:
        raise CloudError(
            f"No image of {settings.operating_system} {settings.operating_system_version} for {settings.shape} in "
            f"{cloud.region}. Check RESONANT_SHAPE, RESONANT_OPERATING_SYSTEM and its version."
        )
    return full[0]


def build_launch(
    cloud: Cloud, settings: Settings, placement: Placement, image_id: str, subnet_id: str, key: str
) -> Any:
    models = cloud.models
    return models.LaunchInstanceDetails(
        availability_domain=placement.availability_domain,
        fault_domain=placement.fault_domain,
        compartment_id=cloud.compartment_id,
        display_name=settings.site,
        shape=settings.shape,
        shape_config=models.LaunchInstanceShapeConfigDetails(
            ocpus=settings.ocpus, memory_in_gbs=settings.memory_in_gbs
        ),
        source_details=models.InstanceSourceViaImageDetails(
            image_id=image_id, boot_volume_size_in_gbs=settings.boot_volume_size_in_gbs
        ),
        create_vnic_details=models.CreateVnicDetails(
            subnet_id=subnet_id,
            assign_public_ip=False,
            hostname_label=settings.site,
            freeform_tags=build_tags(settings.site, "vnic"),
        ),
        metadata={"ssh_authorized_keys": key},
        freeform_tags=build_tags(settings.site, "instance"),
    )


def launch(cloud: Cloud, details: Any, retry_token: str) -> Any:
    """One attempt, never retried by the SDK: the caller decides what a refusal means."""
    return cloud.call(cloud.compute.launch_instance, details, opc_retry_token=retry_token, retry=False)


def wait_for_running(cloud: Cloud, settings: Settings, instance_id: str, on_wait: Any) -> Any:
    """Start the instance when it is stopped, and wait until it runs."""
    instance = cloud.call(cloud.compute.get_instance, instance_id)
    if instance.lifecycle_state == "STOPPED":
        cloud.call(cloud.compute.instance_action, instance_id, "START")
    seen = wait_for(
        f"instance {instance.display_name}",
        lambda: cloud.call(cloud.compute.get_instance, instance_id),
        lambda now: now.lifecycle_state in {"RUNNING", "TERMINATED", "TERMINATING"},
        timeout_seconds=RUNNING_WITHIN_SECONDS,
        poll_seconds=settings.poll_seconds,
        on_wait=on_wait,
    )
    if seen.lifecycle_state != "RUNNING":
        raise CloudError(
            f"Instance {instance_id} was terminated while it started. Run the flow again to launch another."
        )
    return seen


def read_private_ip_id(cloud: Cloud, settings: Settings, instance_id: str) -> str:
    """The primary private IP of the instance's VNIC."""
    attachments = wait_for(
        "the instance's network interface",
        lambda: [
            entry
            for entry in cloud.call_all(
                cloud.compute.list_vnic_attachments, cloud.compartment_id, instance_id=instance_id
            )
            if entry.lifecycle_state == "ATTACHED"
        ],
        timeout_seconds=RUNNING_WITHIN_SECONDS,
        poll_seconds=settings.poll_seconds,
    )
    listed = cloud.call_all(cloud.network.list_private_ips, vnic_id=attachments[0].vnic_id)
    return str(next(entry.id for entry in listed if entry.is_primary))


def parse_host_key(console: str) -> str | None:
    """The ed25519 host key out of what cloud-init wrote to the console at the newest boot; None when it is not there (yet).

    A block without its end does not count: the console is captured while it is written, and half a key would be pinned.
    """
    _, begin, rest = console.rpartition(KEYS_BEGIN)
    block, end, _ = rest.partition(KEYS_END)
    for line in block.splitlines() if begin and end else []:
        kind, _, rest = line.strip().partition(" ")
        if kind == KEY_KIND and rest:
            return f"{kind} {rest.split()[0]}"
    return None


def read_console(cloud: Cloud, settings: Settings, instance_id: str) -> str:
    """One fresh capture of the serial console."""
    compute = cloud.compute
    details = cloud.models.CaptureConsoleHistoryDetails(
        instance_id=instance_id, display_name=f"{settings.site}-host-key"
    )
    capture = cloud.call(compute.capture_console_history, details)
    wait_for(
        "the console history",
        lambda: cloud.call(compute.get_console_history, capture.id),
        lambda seen: seen.lifecycle_state == "SUCCEEDED",
        timeout_seconds=120,
        poll_seconds=settings.poll_seconds,
    )
    content = cloud.call(compute.get_console_history_content, capture.id, length=1024 * 1024)
    with suppress(NotAuthorizedOrNotFound):  # gone already, when the answer to a first try was lost
        cloud.call(compute.delete_console_history, capture.id)
    return content.decode(errors="replace") if isinstance(content, bytes) else str(content)


def ensure_host_key(cloud: Cloud, settings: Settings, instance: Any, on_wait: Any) -> tuple[str, str | None]:
    """The host key, learnt from the console (not from the network) and kept as a tag of the instance: (key, change)."""
    kept = (instance.freeform_tags or {}).get(HOST_KEY_TAG)
    if kept:
        return kept, None
    key = wait_for(
        "the SSH host key on the serial console",
        lambda: parse_host_key(read_console(cloud, settings, instance.id)),
        timeout_seconds=CONSOLE_WITHIN_SECONDS,
        poll_seconds=max(settings.poll_seconds, 1),
        on_wait=on_wait,
        hint="Look at the instance's console history in the OCI console: cloud-init prints the host keys there.",
    )
    assert key is not None  # noqa: S101  # wait_for returns only what is true
    tags = {**(instance.freeform_tags or {}), HOST_KEY_TAG: key}
    cloud.call(cloud.compute.update_instance, instance.id, cloud.models.UpdateInstanceDetails(freeform_tags=tags))
    return key, "pinned the SSH host key read from the console"


def check_shape(instance: Any, settings: Settings) -> None:
    """Raise CheckFailed when the running instance is not of the configured size: resizing is never done silently."""
    config = instance.shape_config
    is_same = instance.shape == settings.shape and (
        config is None or (config.ocpus, config.memory_in_gbs) == (settings.ocpus, settings.memory_in_gbs)
    )
    if not is_same:
        raise CheckFailed(
            f"The instance {instance.display_name} is {instance.shape} with {config.ocpus:g} OCPU and "
            f"{config.memory_in_gbs:g} GB; the settings say {settings.shape} with {settings.ocpus:g} and "
            f"{settings.memory_in_gbs:g}. Change the settings, or run teardown first to replace the machine."
        )
