"""Where one checkout's sandbox lives: every name, folder, address and port, derived from the checkout's path.

Two checkouts get different names by their path, and different networks and ports by what is free.
"""

import hashlib
import json
import socket
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox.errors import SandboxError

STATE_FOLDER = ".rehearsal"
LABEL = "resonant.sandbox"
FIRST_PORT = 20_000
LAST_PORT = 29_999

MACHINE_HOSTS = range(20, 200)
PUBLIC_HOSTS = range(200, 208)
SSH_PORT = 22


@dataclass(frozen=True)
class Allotment:
    """What had to be chosen among what was free; kept in sandbox.json."""

    subnet: str
    api_port: int
    registry_port: int
    llm_port: int
    prefect_port: int
    ssh_port: int = SSH_PORT


@dataclass(frozen=True)
class Place:
    """The names of one checkout's sandbox, known before anything runs."""

    checkout: Path

    @property
    def id(self) -> str:
        return hashlib.sha256(str(self.checkout.resolve()).encode()).hexdigest()[:8]

    @property
    def state(self) -> Path:
        return self.checkout / STATE_FOLDER

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def prefix(self) -> str:
        return f"resonant-{self.id}-"

    @property
    def network(self) -> str:
        return f"{self.prefix}net"

    @property
    def label(self) -> str:
        return f"{LABEL}={self.id}"

    def open_state(self) -> None:
        """The state folder, readable by its owner alone."""
        try:
            self.state.mkdir(mode=0o700, exist_ok=True)
            self.state.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise SandboxError(
                f"{self.state} cannot be used: {error.strerror}. Was it made by another user (an earlier run with sudo)? "
                "Remove it as that user with `scripts/rehearse --down`."
            ) from None


@dataclass(frozen=True)
class Ground:
    """A place together with the network and the ports that it was given."""

    place: Place
    allotment: Allotment

    def address(self, host: int) -> str:
        return str(IPv4Network(self.allotment.subnet)[host])

    @property
    def registry_address(self) -> str:
        return self.address(2)

    @property
    def llm_address(self) -> str:
        return self.address(3)

    @property
    def public_addresses(self) -> list[str]:
        """Loopback addresses, as unique on this host as the sandbox's network is: "127.0.x.y" stands before "172.29.x.y"."""
        return [self._loopback(self.address(host)) for host in PUBLIC_HOSTS]

    def inner_address(self, public_address: str) -> str:
        """The address on the sandbox's network that a public one leads to."""
        inner = {self._loopback(self.address(host)): self.address(host) for host in PUBLIC_HOSTS}
        if public_address not in inner:
            raise SandboxError(
                f"{public_address} is none of this sandbox's public addresses; take one of Ground.public_addresses."
            )
        return inner[public_address]

    @staticmethod
    def _loopback(inner: str) -> str:
        return ".".join(["127", "0", *inner.split(".")[2:]])

    @property
    def machine_addresses(self) -> list[str]:
        return [self.address(host) for host in MACHINE_HOSTS]


def candidate_subnets(place_id: str) -> Iterator[IPv4Network]:
    """Private /24 networks, starting at one that depends on the place, so that neighbours seldom meet."""
    first = int(place_id, 16) % 256
    for step in range(256):
        yield IPv4Network((int(IPv4Address("172.29.0.0")) + ((first + step) % 256) * 256, 24))


def choose_subnet(place_id: str, taken: Collection[IPv4Network]) -> IPv4Network:
    for subnet in candidate_subnets(place_id):
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise SandboxError(
        "No private network is free between 172.29.0.0 and 172.29.255.0. Remove unused ones: `docker network prune`."
    )


def choose_ports(place_id: str, count: int, is_free: Callable[[int], bool]) -> list[int]:
    """Free ports of the loopback interface, searched from one that depends on the place."""
    span = LAST_PORT - FIRST_PORT + 1
    first = int(place_id, 16) % span
    ports = (FIRST_PORT + (first + step) % span for step in range(span))
    found: list[int] = []
    for port in ports:
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise SandboxError(
        f"No {count} free ports on 127.0.0.1 between {FIRST_PORT} and {LAST_PORT}. Stop what listens there."
    )


def is_port_free(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def read_allotment(place: Place) -> Allotment | None:
    """What an earlier `up` chose; None before the first one."""
    file = place.state / "sandbox.json"
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    try:
        return Allotment(**{field: kept[field] for field in Allotment.__dataclass_fields__})
    except KeyError as missing:
        raise SandboxError(
            f"{file} is of another version of the sandbox (no {missing}). Run: python -m sandbox down, then up"
        ) from None


def write_allotment(ground: Ground) -> None:
    content = {"id": ground.place.id, "checkout": str(ground.place.checkout), **asdict(ground.allotment)}
    fresh = ground.place.state / "sandbox.json.new"
    fresh.write_text(json.dumps(content, indent=2) + "\n")
    fresh.replace(ground.place.state / "sandbox.json")
