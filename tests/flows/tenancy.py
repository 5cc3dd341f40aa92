"""A tenancy in a sandbox cloud whose one machine is the sshd of the tests: real SDK, real SSH, no container."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resonant.compute import KEYS_BEGIN, KEYS_END
from resonant.oci_clients import Cloud
from sandbox.cloud.in_memory import InMemoryMachines
from sandbox.cloud.machines import MachineSpec
from tests.sandbox.conftest import TENANCY, USER, Clients, RunningCloud, fingerprint
from tests.sshd import Sshd

# What a provisioned site consists of: OCI itself adds a route table and a security list to each VCN.
WHOLE_SITE = {
    "vcn": 1,
    "internet gateway": 1,
    "route table": 2,
    "security list": 2,
    "subnet": 1,
    "public address": 1,
    "instance": 1,
    "boot volume": 1,
}
GONE = ("TERMINATED", "DELETED")


class SshdMachines(InMemoryMachines):
    """Whatever is launched shows the sshd's host key on its console, as cloud-init would."""

    def __init__(self, host_key: str) -> None:
        super().__init__()
        self._console = "\r\n".join([KEYS_BEGIN, host_key, KEYS_END, ""]).encode()

    def create(self, spec: MachineSpec) -> None:
        super().create(spec)
        self.machines[spec.name].console = self._console


@dataclass
class Tenancy(RunningCloud):
    """`set` changes settings of the flows, `configure` the OCI configuration file."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            self.monkeypatch.setenv(f"RESONANT_{name.upper()}", str(value))

    def configure(self, **values: str) -> None:
        config = {
            "user": USER,
            "fingerprint": fingerprint(),
            "tenancy": TENANCY,
            "region": "ap-tokyo-1",
            "key_file": str(self.folder / "api_key.pem"),
        }
        lines = [f"{name}={value}" for name, value in (config | values).items()]
        (self.folder / "config").write_text("\n".join(["[DEFAULT]", *lines, ""]))

    def calls(self, operation: str) -> int:
        return int(self.admin("GET", "requests")["calls"].get(operation, 0))

    def changed(self) -> int:
        """How many requests have changed something."""
        return sum(self.changes().values())

    def forget_requests(self) -> None:
        self.admin("DELETE", "requests")

    def instance(self) -> Any:
        (instance,) = living(self.clients().compute.list_instances(TENANCY).data)
        return instance

    def census(self) -> dict[str, int]:
        """How many of each kind exist in the whole tenancy, whoever made them."""
        clients: Clients = self.clients()
        network, found = clients.network, Counter[str]()
        listings = {
            "vcn": network.list_vcns(TENANCY),
            "internet gateway": network.list_internet_gateways(TENANCY),
            "route table": network.list_route_tables(TENANCY),
            "security list": network.list_security_lists(TENANCY),
            "subnet": network.list_subnets(TENANCY),
            "public address": network.list_public_ips("REGION", TENANCY),
            "instance": clients.compute.list_instances(TENANCY),
            "boot volume": clients.storage.list_boot_volumes(compartment_id=TENANCY),
        }
        found.update({kind: len(living(answer.data)) for kind, answer in listings.items()})
        return dict(+found)


def living(resources: list[Any]) -> list[Any]:
    return [resource for resource in resources if resource.lifecycle_state not in GONE]


class Killed(BaseException):
    """Stands for the death of the process: no code of ours runs after it."""


def killed_after_one_change(tenancy: Tenancy, run: Callable[[], object]) -> None:
    """The process dies as soon as it has the answer to its first request that changes something."""
    before, ask = tenancy.changed(), Cloud.call

    def call(self: Cloud, *args: Any, **kwargs: Any) -> Any:
        answer = ask(self, *args, **kwargs)
        if tenancy.changed() > before:
            raise Killed
        return answer

    with tenancy.monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Cloud, "call", call)
        run()


def lose_the_answer(tenancy: Tenancy, operation: str) -> None:
    """The next such request is obeyed, but its answer comes too late for the SDK."""
    tenancy.monkeypatch.setattr("resonant.oci_clients.TIMEOUT_SECONDS", (5, 0.5))
    tenancy.fault("slow_answer", operation, seconds=0.8)


def create_login(tenancy: Tenancy, sshd: Sshd) -> None:
    """Settings of the site, as a person would have them."""
    host = sshd.host
    tenancy.configure()
    tenancy.set(
        oci_config_file=tenancy.folder / "config",
        oci_endpoint=tenancy.url,
        ssh_private_key_file=host.private_key_file,
        ssh_user=host.user,
        ssh_port=host.port,
        anthropic_api_key="a-key",
        capacity_delay_seconds=0.1,
        capacity_deadline_seconds=60,
        poll_seconds=0.05,
    )
