"""The sandbox's own network, and the choice of addresses and ports that are free."""

from dataclasses import replace
from ipaddress import IPv4Network, ip_network

import psutil

from sandbox.engine.command import inspect, names_of, run_docker
from sandbox.errors import DockerFailed, SandboxError
from sandbox.place import (
    SSH_PORT,
    Allotment,
    Ground,
    Place,
    choose_ports,
    choose_subnet,
    is_port_free,
    read_allotment,
    write_allotment,
)

ATTEMPTS = 5


def read_taken_subnets() -> list[IPv4Network]:
    """Every IPv4 network that Docker or an interface of the host has now."""
    networks = [network for name in names_of("network") if (network := inspect("network", name))]
    pools = [pool["Subnet"] for network in networks for pool in (network["IPAM"]["Config"] or [])]
    taken = [ip_network(pool) for pool in pools]
    for addresses in psutil.net_if_addrs().values():
        taken += [
            ip_network(f"{one.address}/{one.netmask}", strict=False)
            for one in addresses
            if one.family.name == "AF_INET" and one.netmask
        ]
    return [network for network in taken if isinstance(network, IPv4Network)]


def ensure_ground(place: Place) -> Ground:
    """The network of this place, made when it is missing, and its ports; both stay the same until `down`."""
    kept = read_allotment(place)
    subnet = _ensure_network(place, kept.subnet if kept else None)
    if kept is None or kept.subnet != subnet:
        api, registry, llm, prefect, ssh = choose_ports(place.id, 5, is_port_free)
        kept = Allotment(subnet, api, registry, llm, prefect)
        if not is_port_free(SSH_PORT, Ground(place, kept).public_addresses[0]):
            # The host's own sshd listens on every address.
            kept = replace(kept, ssh_port=ssh)
    ground = Ground(place, kept)
    write_allotment(ground)
    return ground


def read_ground(place: Place) -> Ground | None:
    kept = read_allotment(place)
    return Ground(place, kept) if kept else None


def _ensure_network(place: Place, preferred: str | None) -> str:
    existing = inspect("network", place.network)
    if existing:
        return str(existing["IPAM"]["Config"][0]["Subnet"])
    for _ in range(ATTEMPTS):
        taken = read_taken_subnets()
        subnet = IPv4Network(preferred) if preferred else choose_subnet(place.id, taken)
        if preferred and any(subnet.overlaps(other) for other in taken):
            subnet = choose_subnet(place.id, taken)
        try:
            return _create_network(place, subnet)
        except DockerFailed as failure:
            # Another checkout was faster: choose again.
            if "overlap" not in failure.stderr:
                raise
    raise SandboxError(f"Docker refused {ATTEMPTS} networks as overlapping. See `docker network ls` and `ip route`.")


def _create_network(place: Place, subnet: IPv4Network) -> str:
    # What asks for no address of its own gets one from the last few, far from machines and public addresses.
    last_few = f"{subnet[240]}/28"
    run_docker(
        *("network", "create", "--label", place.label, "--subnet", str(subnet), "--gateway", str(subnet[1])),
        *("--ip-range", last_few, place.network),
    )
    return str(subnet)
