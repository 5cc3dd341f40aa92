"""A sandbox cloud on a free port for each test, and the real SDK's clients for it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import httpx
import oci
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.cloud.app import build_app
from sandbox.cloud.config import CloudConfig
from sandbox.cloud.in_memory import InMemoryMachines
from sandbox.cloud.server import serving

TENANCY = "ocid1.tenancy.oc1.." + "t" * 60
USER = "ocid1.user.oc1.." + "u" * 60
# One for all: to make a client takes longer than most tests.
ADMIN = httpx.Client(trust_env=False)
ADDRESSES = ("127.0.77.1", "127.0.77.2", "127.0.77.3")


@cache
def _private_key(owner: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key_pem(owner: str = "operator") -> str:
    return (
        _private_key(owner)
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        .decode()
    )


def public_key_pem() -> str:
    key = _private_key("operator").public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint() -> str:
    der = _private_key("operator").public_key()
    raw = der.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def cloud_config(**changes: Any) -> CloudConfig:
    config = CloudConfig(
        tenancy_id=TENANCY,
        user_id=USER,
        fingerprint=fingerprint(),
        public_key_pem=public_key_pem(),
        public_addresses=ADDRESSES,
        delay_seconds=0.03,
        first_launch_out_of_capacity=False,
    )
    return replace(config, **changes)


@dataclass
class Clients:
    """The SDK's own clients, one of each, all at the sandbox."""

    url: str
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.config = {
            "tenancy": TENANCY,
            "user": USER,
            "fingerprint": fingerprint(),
            "key_content": private_key_pem(),
            "region": "ap-tokyo-1",
        } | self.config

    def _client(self, kind: Callable[..., Any]) -> Any:
        return kind(self.config, service_endpoint=self.url)

    @cached_property
    def identity(self) -> Any:
        return self._client(oci.identity.IdentityClient)

    @cached_property
    def network(self) -> Any:
        return self._client(oci.core.VirtualNetworkClient)

    @cached_property
    def compute(self) -> Any:
        return self._client(oci.core.ComputeClient)

    @cached_property
    def storage(self) -> Any:
        return self._client(oci.core.BlockstorageClient)

    @cached_property
    def limits(self) -> Any:
        return self._client(oci.limits.LimitsClient)

    @cached_property
    def work_requests(self) -> Any:
        return self._client(oci.work_requests.WorkRequestClient)


@dataclass
class RunningCloud:
    """A cloud under test: its URL, its machines, and its admin routes."""

    url: str
    machines: InMemoryMachines

    def clients(self, **config: Any) -> Clients:
        """Clients with the right key, or with another `config`."""
        return Clients(self.url, config)

    def admin(self, method: str, route: str, **json: Any) -> Any:
        answer = ADMIN.request(method, f"{self.url}/admin/{route}", json=json or None)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, operation: str, **details: Any) -> None:
        self.admin("POST", "faults", kind=kind, operation=operation, **details)

    def exhaust(self, *places: dict[str, str]) -> None:
        """No room at these places (an empty one is everywhere)."""
        self.admin("PUT", "capacity", exhausted=list(places))

    def changes(self) -> dict[str, int]:
        changes: dict[str, int] = self.admin("GET", "requests")["changes"]
        return changes


@pytest.fixture
def start_cloud() -> Iterator[Callable[..., RunningCloud]]:
    """Starts a cloud whose `CloudConfig` differs in the fields given."""
    running = []

    def start(**changes: Any) -> RunningCloud:
        machines = InMemoryMachines()
        server = serving(build_app(cloud_config(**changes), machines))
        url = server.__enter__()
        running.append(server)
        return RunningCloud(url, machines)

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def cloud(start_cloud: Callable[..., RunningCloud]) -> RunningCloud:
    return start_cloud()


@pytest.fixture
def clients(cloud: RunningCloud) -> Clients:
    return cloud.clients()


@pytest.fixture
def slow_clients(start_cloud: Callable[..., RunningCloud]) -> Clients:
    """Of a cloud where passing states last long enough to be seen."""
    return start_cloud(delay_seconds=0.5).clients()
