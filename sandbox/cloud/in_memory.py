"""Machines that are only remembered: for contract tests of the cloud itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.cloud.machines import IngressRule, MachineSpec


@dataclass
class RememberedMachine:
    spec: MachineSpec
    is_running: bool = True
    resets: list[bool] = field(default_factory=list)
    stops: list[bool] = field(default_factory=list)
    rules: tuple[IngressRule, ...] | None = None
    console: bytes = b""


class InMemoryMachines:
    """`refuse` makes the next creation fail with that message."""

    def __init__(self) -> None:
        self.machines: dict[str, RememberedMachine] = {}
        self.addresses: dict[str, str] = {}
        self.pushes: list[str] = []
        self.refuse: str | None = None

    def create(self, spec: MachineSpec) -> None:
        if self.refuse is not None:
            raise RuntimeError(self.refuse)
        console = f"[  OK  ] Reached target cloud-init on {spec.hostname}\n".encode()
        self.machines.setdefault(spec.name, RememberedMachine(spec, console=console))

    def start(self, name: str) -> None:
        self.machines[name].is_running = True

    def stop(self, name: str, *, graceful: bool) -> None:
        self.machines[name].is_running = False
        self.machines[name].stops.append(graceful)

    def reset(self, name: str, *, graceful: bool) -> None:
        self.machines[name].is_running = True
        self.machines[name].resets.append(graceful)

    def terminate(self, name: str) -> None:
        del self.machines[name]

    def is_running(self, name: str) -> bool:
        return self.machines[name].is_running

    def read_console(self, name: str) -> bytes:
        return self.machines[name].console

    def allow_ingress(self, name: str, rules: Sequence[IngressRule]) -> None:
        self.machines[name].rules = tuple(rules)
        self.pushes.append(f"allow_ingress {name}")

    def publish(self, address: str, name: str) -> None:
        if name not in self.machines:
            raise KeyError(name)
        self.addresses[address] = name
        self.pushes.append(f"publish {address} {name}")

    def withdraw(self, address: str) -> None:
        self.addresses.pop(address, None)
        self.pushes.append(f"withdraw {address}")
