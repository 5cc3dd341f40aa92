"""The way from the public addresses, which are loopback ones, to the machines: HAProxy, on the host's network.

It leads each public address to its inner address all the time; which machine has that one is the cloud's business.
Loopback, so that nothing but this host can reach a machine, and every test and load stays on it.
"""

import os

from sandbox.engine.ports import check_port
from sandbox.engine.service import ensure_container
from sandbox.place import SSH_PORT, Ground

NAME = "front"
WEB_PORTS = (80, 443)
ADVICE = "A rehearsal serves its site on the ports a site has: stop that process while it runs."


def ensure_front(ground: Ground, tools_image: str) -> None:
    """Running and listening; SandboxError that names the holder of a port that is taken."""
    content = render_haproxy(ground)
    file = ground.place.state / "haproxy.cfg"
    file.write_text(content)
    words = [
        *("--network", "host", "--ulimit", f"nofile={_files()}:{_files()}"),
        *("--volume", f"{file}:/etc/haproxy/haproxy.cfg:ro"),
        *(tools_image, "haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"),
    ]
    ensure_container(ground, NAME, words, lambda: _check_ports(ground), revision=content)


def render_haproxy(ground: Ground) -> str:
    """One section a port; an address without a machine, or a closed port, ends the connection at once."""
    head = [
        *("global", "    maxconn 8000", "defaults", "    mode tcp", "    timeout connect 5s"),
        *("    timeout client 1h", "    timeout server 1h", "    retries 0"),
    ]
    return "\n".join([*head, *(_section(ground, *one) for one in _leads(ground)), ""])


def _leads(ground: Ground) -> list[tuple[str, int, int]]:
    """(public address, its port, the machine's port)"""
    ports = [(ground.allotment.ssh_port, SSH_PORT), *((port, port) for port in WEB_PORTS)]
    return [(address, outer, inner) for address in ground.public_addresses for outer, inner in ports]


def _section(ground: Ground, address: str, outer: int, inner: int) -> str:
    return (
        f"listen {address}:{outer}\n    bind {address}:{outer}\n"
        f"    server machine {ground.inner_address(address)}:{inner}"
    )


def _check_ports(ground: Ground) -> None:
    for address, port, _ in _leads(ground):
        check_port(port, "site", address, ADVICE)


def _files() -> int:
    """At most what this process may have: a container cannot be given more than the engine has."""
    return min(20_000, os.sysconf("SC_OPEN_MAX"))
