"""What belongs to the site in OCI, and how to remove it in the order that OCI accepts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resonant import compute, network
from resonant.errors import NotAuthorizedOrNotFound
from resonant.oci_clients import Cloud
from resonant.polling import wait_for
from resonant.settings import Settings
from resonant.tagging import GONE

GONE_WITHIN_SECONDS = 900


@dataclass(frozen=True)
class Removal:
    """One resource to remove."""

    part: str
    id: str
    shown: str


def read_removals(cloud: Cloud, settings: Settings) -> list[Removal]:
    """Everything tagged as this site's, in the order of removal."""
    instance = compute.read_instance(cloud, settings)
    address = network.read_public_ip(cloud, settings)
    found = [
        Removal("instance", instance.id, f"instance {instance.display_name} with its boot volume")
        if instance
        else None,
        Removal("public-ip", address.id, f"reserved address {address.ip_address}") if address else None,
    ]
    vcn = network.read_tagged(cloud, settings, cloud.network.list_vcns, "vcn")
    if vcn:
        listings = {
            "subnet": cloud.network.list_subnets,
            "route-table": cloud.network.list_route_tables,
            "security-list": cloud.network.list_security_lists,
            "internet-gateway": cloud.network.list_internet_gateways,
        }
        for part, listing in listings.items():
            resource = network.read_tagged(cloud, settings, listing, part, vcn_id=vcn.id)
            found.append(Removal(part, resource.id, f"{part} {resource.display_name}") if resource else None)
        found.append(Removal("vcn", vcn.id, f"VCN {vcn.display_name}"))
    return [removal for removal in found if removal]


def remove(cloud: Cloud, settings: Settings, removal: Removal) -> None:
    """Remove one resource and wait until it is gone."""
    delete, get = _operations(cloud)[removal.part]
    options = {"preserve_boot_volume": False} if removal.part == "instance" else {}
    try:
        cloud.call(delete, removal.id, **options)
    except NotAuthorizedOrNotFound:
        return
    wait_for(
        f"the removal of {removal.shown}",
        lambda: _is_gone(cloud, get, removal.id),
        timeout_seconds=GONE_WITHIN_SECONDS,
        poll_seconds=settings.poll_seconds,
    )


def _operations(cloud: Cloud) -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    net = cloud.network
    return {
        "instance": (cloud.compute.terminate_instance, cloud.compute.get_instance),
        "public-ip": (net.delete_public_ip, net.get_public_ip),
        "subnet": (net.delete_subnet, net.get_subnet),
        "route-table": (net.delete_route_table, net.get_route_table),
        "security-list": (net.delete_security_list, net.get_security_list),
        "internet-gateway": (net.delete_internet_gateway, net.get_internet_gateway),
        "vcn": (net.delete_vcn, net.get_vcn),
    }


def _is_gone(cloud: Cloud, get: Callable[..., Any], resource_id: str) -> bool:
    """TERMINATING does not count: the next resource in the order can be removed only after this one."""
    try:
        state = cloud.call(get, resource_id).lifecycle_state
    except NotAuthorizedOrNotFound:
        return True
    return state in GONE - {"TERMINATING"}
