"""What the emulator of the compute service asks of whatever runs its machines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class MachineSpec:
    """One machine to boot.

    `name` is unique and usable as a container name; `metadata` is OCI's (ssh_authorized_keys, user_data in base64).
    """

    name: str
    hostname: str
    ocpus: float
    memory_in_gbs: float
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class IngressRule:
    """One stateful allow rule of a security list. `protocol` is OCI's: "all", "1" (ICMP), "6" (TCP), "17" (UDP); ports None mean any."""

    protocol: str
    source: str
    port_min: int | None = None
    port_max: int | None = None


class Machines(Protocol):
    """Every call is synchronous and idempotent; a machine that does not exist raises KeyError."""

    def create(self, spec: MachineSpec) -> None: ...
    def start(self, name: str) -> None: ...
    def stop(self, name: str, *, graceful: bool) -> None: ...
    def reset(self, name: str, *, graceful: bool) -> None: ...
    def terminate(self, name: str) -> None: ...
    def is_running(self, name: str) -> bool: ...
    def read_console(self, name: str) -> bytes: ...
    def allow_ingress(self, name: str, rules: Sequence[IngressRule]) -> None:
        """Replace the rules in force; what no rule allows is dropped, packets of established connections pass.

        They survive the machine's reboots.
        """

    def publish(self, address: str, name: str) -> None:
        """Make the machine answer at this public (here: loopback) address until `withdraw`."""

    def withdraw(self, address: str) -> None: ...
