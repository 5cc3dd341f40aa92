"""The site's network in OCI: each function reads, decides, and changes only the difference."""

from typing import Any

from resonant.oci_clients import Cloud
from resonant.polling import wait_for
from resonant.settings import Settings
from resonant.tagging import Ensured, build_tags, choose_tagged

VCN_CIDR = "10.0.0.0/16"
SUBNET_CIDR = "10.0.0.0/24"
ANYWHERE = "0.0.0.0/0"
WEB_PORTS = (80, 443)
TCP = "6"
ICMP = "1"
AVAILABLE_WITHIN_SECONDS = 120


def ensure_vcn(cloud: Cloud, settings: Settings) -> Ensured:
    found = read_tagged(cloud, settings, cloud.network.list_vcns, "vcn")
    if found:
        return Ensured(found.id)
    details = cloud.models.CreateVcnDetails(
        cidr_blocks=[VCN_CIDR], dns_label=_dns_label(settings.site), **_described(cloud, settings, "vcn")
    )
    return _created(
        cloud, settings, cloud.network.create_vcn, cloud.network.get_vcn, details, f"created VCN {VCN_CIDR}"
    )


def ensure_internet_gateway(cloud: Cloud, settings: Settings, vcn_id: str) -> Ensured:
    found = read_tagged(cloud, settings, cloud.network.list_internet_gateways, "internet-gateway", vcn_id=vcn_id)
    if found:
        return Ensured(found.id)
    details = cloud.models.CreateInternetGatewayDetails(
        vcn_id=vcn_id, is_enabled=True, **_described(cloud, settings, "internet-gateway")
    )
    network = cloud.network
    return _created(
        cloud,
        settings,
        network.create_internet_gateway,
        network.get_internet_gateway,
        details,
        "created internet gateway",
    )


def ensure_route_table(cloud: Cloud, settings: Settings, vcn_id: str, gateway_id: str) -> Ensured:
    network, models = cloud.network, cloud.models
    rules = [models.RouteRule(destination=ANYWHERE, destination_type="CIDR_BLOCK", network_entity_id=gateway_id)]
    found = read_tagged(cloud, settings, network.list_route_tables, "route-table", vcn_id=vcn_id)
    if found is None:
        details = models.CreateRouteTableDetails(
            vcn_id=vcn_id, route_rules=rules, **_described(cloud, settings, "route-table")
        )
        return _created(
            cloud, settings, network.create_route_table, network.get_route_table, details, "created route table"
        )
    if [(rule.destination, rule.network_entity_id) for rule in found.route_rules] == [(ANYWHERE, gateway_id)]:
        return Ensured(found.id)
    cloud.call(network.update_route_table, found.id, models.UpdateRouteTableDetails(route_rules=rules))
    return Ensured(found.id, "set the route to the internet gateway")


def ensure_security_list(cloud: Cloud, settings: Settings, vcn_id: str) -> Ensured:
    network, models = cloud.network, cloud.models
    wanted = build_ingress(models, settings)
    egress = [models.EgressSecurityRule(protocol="all", destination=ANYWHERE)]
    found = read_tagged(cloud, settings, network.list_security_lists, "security-list", vcn_id=vcn_id)
    if found is None:
        details = models.CreateSecurityListDetails(
            vcn_id=vcn_id,
            ingress_security_rules=wanted,
            egress_security_rules=egress,
            **_described(cloud, settings, "security-list"),
        )
        return _created(
            cloud, settings, network.create_security_list, network.get_security_list, details, "created security list"
        )
    if {key_of(rule) for rule in found.ingress_security_rules} == {key_of(rule) for rule in wanted}:
        return Ensured(found.id)
    update = models.UpdateSecurityListDetails(ingress_security_rules=wanted, egress_security_rules=egress)
    cloud.call(network.update_security_list, found.id, update)
    return Ensured(found.id, "set the ingress rules")


def ensure_subnet(cloud: Cloud, settings: Settings, vcn_id: str, route_table_id: str, security_list_id: str) -> Ensured:
    network, models = cloud.network, cloud.models
    found = read_tagged(cloud, settings, network.list_subnets, "subnet", vcn_id=vcn_id)
    if found is None:
        details = models.CreateSubnetDetails(
            vcn_id=vcn_id,
            cidr_block=SUBNET_CIDR,
            route_table_id=route_table_id,
            security_list_ids=[security_list_id],
            prohibit_public_ip_on_vnic=False,
            dns_label="site",
            **_described(cloud, settings, "subnet"),
        )
        return _created(
            cloud, settings, network.create_subnet, network.get_subnet, details, f"created public subnet {SUBNET_CIDR}"
        )
    if found.route_table_id == route_table_id and list(found.security_list_ids) == [security_list_id]:
        return Ensured(found.id)
    update = models.UpdateSubnetDetails(route_table_id=route_table_id, security_list_ids=[security_list_id])
    cloud.call(network.update_subnet, found.id, update)
    return Ensured(found.id, "set the subnet's route table and security list")


def ensure_public_ip(cloud: Cloud, settings: Settings, private_ip_id: str) -> tuple[str, str | None]:
    """The site's reserved public address, assigned to that private IP; it outlives the instance. Returns (address, change)."""
    network, models = cloud.network, cloud.models
    found, change = read_public_ip(cloud, settings), None
    if found is None:
        details = models.CreatePublicIpDetails(
            lifetime="RESERVED", private_ip_id=private_ip_id, **_described(cloud, settings, "public-ip")
        )
        found, change = cloud.call(network.create_public_ip, details), "reserved a public address"
    elif found.assigned_entity_id != private_ip_id:
        update = models.UpdatePublicIpDetails(private_ip_id=private_ip_id)
        found, change = (
            cloud.call(network.update_public_ip, found.id, update),
            "moved the public address to the instance",
        )
    assigned = wait_for(
        f"the public address {found.ip_address}",
        lambda: cloud.call(network.get_public_ip, found.id),
        lambda seen: seen.lifecycle_state == "ASSIGNED" and seen.assigned_entity_id == private_ip_id,
        timeout_seconds=AVAILABLE_WITHIN_SECONDS,
        poll_seconds=settings.poll_seconds,
    )
    return assigned.ip_address, change


def read_public_ip(cloud: Cloud, settings: Settings) -> Any | None:
    listed = cloud.call_all(
        cloud.network.list_public_ips, scope="REGION", compartment_id=cloud.compartment_id, lifetime="RESERVED"
    )
    return choose_tagged(listed, settings.site, "public-ip")


def read_tagged(cloud: Cloud, settings: Settings, listing: Any, part: str, **filters: str) -> Any | None:
    return choose_tagged(cloud.call_all(listing, cloud.compartment_id, **filters), settings.site, part)


def build_ingress(models: Any, settings: Settings) -> list[Any]:
    """Port 22 from the configured range, the web ports from anywhere, and ICMP "fragmentation needed" for path MTU discovery."""
    ports = [(22, settings.ssh_source_cidr), *((port, ANYWHERE) for port in WEB_PORTS)]
    tcp = [
        models.IngressSecurityRule(
            protocol=TCP,
            source=source,
            description=f"TCP {port}",
            tcp_options=models.TcpOptions(destination_port_range=models.PortRange(min=port, max=port)),
        )
        for port, source in ports
    ]
    mtu = models.IngressSecurityRule(
        protocol=ICMP,
        source=ANYWHERE,
        description="path MTU discovery",
        icmp_options=models.IcmpOptions(type=3, code=4),
    )
    return [*tcp, mtu]


def key_of(rule: Any) -> tuple[Any, ...]:
    """What makes two ingress rules the same."""
    tcp = rule.tcp_options.destination_port_range if rule.tcp_options else None
    icmp = rule.icmp_options
    return (rule.protocol, rule.source, tcp and (tcp.min, tcp.max), icmp and (icmp.type, icmp.code))


def _described(cloud: Cloud, settings: Settings, part: str) -> dict[str, Any]:
    return {
        "compartment_id": cloud.compartment_id,
        "display_name": f"{settings.site}-{part}",
        "freeform_tags": build_tags(settings.site, part),
    }


def _created(cloud: Cloud, settings: Settings, create: Any, get: Any, details: Any, change: str) -> Ensured:
    made = cloud.call(create, details)
    wait_for(
        made.display_name,
        lambda: cloud.call(get, made.id),
        lambda seen: seen.lifecycle_state == "AVAILABLE",
        timeout_seconds=AVAILABLE_WITHIN_SECONDS,
        poll_seconds=settings.poll_seconds,
    )
    return Ensured(made.id, change)


def _dns_label(site: str) -> str:
    return site.replace("-", "")[:15]
