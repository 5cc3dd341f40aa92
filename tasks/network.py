"""The site's network in OCI."""

from prefect import get_run_logger

from resonant import network
from resonant.oci_clients import Cloud
from resonant.settings import Settings
from resonant.tagging import Ensured
from tasks.options import step


@step("network", retries=3)
def ensure_network(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """VCN, internet gateway, route table, security list and public subnet: (subnet_id, changes)."""
    cloud = Cloud(settings)
    vcn = network.ensure_vcn(cloud, settings)
    gateway = network.ensure_internet_gateway(cloud, settings, vcn.id)
    routes = network.ensure_route_table(cloud, settings, vcn.id, gateway.id)
    rules = network.ensure_security_list(cloud, settings, vcn.id)
    subnet = network.ensure_subnet(cloud, settings, vcn.id, routes.id, rules.id)
    return subnet.id, _changes(vcn, gateway, routes, rules, subnet)


@step("public address", retries=3)
def ensure_public_ip(settings: Settings, private_ip_id: str) -> tuple[str, tuple[str, ...]]:
    """The site's reserved public address, assigned to the instance: (address, changes)."""
    address, change = network.ensure_public_ip(Cloud(settings), settings, private_ip_id)
    if change:
        get_run_logger().info("%s: %s", change, address)
    return address, (f"{change} {address}",) if change else ()


def _changes(*parts: Ensured) -> tuple[str, ...]:
    changes = tuple(part.change for part in parts if part.change)
    for change in changes:
        get_run_logger().info("%s", change)
    return changes
