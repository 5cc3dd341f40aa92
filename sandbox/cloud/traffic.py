"""What the network's state means for the machines: which packets come in, and at which public address."""

import asyncio
from collections.abc import Callable
from typing import Any

from sandbox.cloud.errors import internal_error
from sandbox.cloud.machines import IngressRule, Machines
from sandbox.cloud.network.models import (
    ANYWHERE,
    CIDR_BLOCK,
    IngressSecurityRule,
    InternetGateway,
    PrivateIp,
    PublicIp,
    RouteTable,
    SecurityList,
    Subnet,
    Vnic,
)
from sandbox.cloud.store import Store


class Traffic:
    """Compares what should be in force with what was last pushed, and pushes only the difference."""

    def __init__(self, store: Store, machines: Machines) -> None:
        self._store = store
        self._machines = machines
        self._ready: set[str] = set()
        self._rules: dict[str, tuple[IngressRule, ...]] = {}
        self._addresses: dict[str, str] = {}
        self._turn = asyncio.Lock()

    def open(self, machine: str) -> None:
        """The machine is up: everything is pushed to it again, as it may have lost what it had."""
        self._forget(machine)
        self._ready.add(machine)

    def close(self, machine: str) -> None:
        """The machine is down: it is left alone until it is up."""
        self._ready.discard(machine)

    async def apply(self) -> None:
        async with self._turn:
            # Both are computed before the first wait: while a machine is spoken to, the network may change again.
            addresses, rules = self._wanted_addresses(), self._wanted_rules()
            await self._withdraw(addresses)
            await self._allow(rules)
            await self._publish(addresses)

    async def _withdraw(self, wanted: dict[str, str]) -> None:
        for address, machine in list(self._addresses.items()):
            if wanted.get(address) != machine and await self._push(machine, self._machines.withdraw, address):
                self._addresses.pop(address, None)

    async def _allow(self, wanted: dict[str, tuple[IngressRule, ...]]) -> None:
        for machine, rules in wanted.items():
            stale = machine in self._ready and self._rules.get(machine) != rules
            if stale and await self._push(machine, self._machines.allow_ingress, machine, rules):
                self._rules[machine] = rules

    async def _publish(self, wanted: dict[str, str]) -> None:
        for address, machine in wanted.items():
            missing = machine in self._ready and address not in self._addresses
            if missing and await self._push(machine, self._machines.publish, address, machine):
                self._addresses[address] = machine

    async def _push(self, machine: str, call: Callable[..., None], *arguments: Any) -> bool:
        """False when the machine is gone, which is not the network's fault."""
        (failure,) = await asyncio.gather(asyncio.to_thread(call, *arguments), return_exceptions=True)
        if isinstance(failure, KeyError):
            self.close(machine)
            self._forget(machine)
        elif failure is not None:
            raise internal_error(f"The machine {machine} failed: {failure!r}") from failure
        return failure is None

    def _wanted_rules(self) -> dict[str, tuple[IngressRule, ...]]:
        subnets = {subnet.id: ingress_rules(self._store, subnet) for subnet in self._store.all(Subnet)}
        return {vnic.machine: subnets[vnic.subnet_id] for vnic in self._store.all(Vnic)}

    def _forget(self, machine: str) -> None:
        self._rules.pop(machine, None)
        self._addresses = {address: name for address, name in self._addresses.items() if name != machine}

    def _wanted_addresses(self) -> dict[str, str]:
        published = {}
        for public_ip in self._store.all(PublicIp):
            private_ip = self._store.find(PrivateIp, public_ip.private_ip_id)
            vnic = self._store.find(Vnic, private_ip.vnic_id) if private_ip else None
            if vnic and public_ip.lifecycle_state != "TERMINATING":
                published[public_ip.ip_address] = vnic.machine
        return published


def ingress_rules(store: Store, subnet: Subnet) -> tuple[IngressRule, ...]:
    """The union of the subnet's security lists; nothing at all where no route leads to the internet."""
    if subnet.prohibit_internet_ingress or not reaches_internet(store, store.get(RouteTable, subnet.route_table_id)):
        return ()
    lists = [store.get(SecurityList, ocid) for ocid in subnet.security_list_ids]
    return tuple(
        machine_rule(rule) for each in lists for rule in each.ingress_security_rules if rule.source_type == CIDR_BLOCK
    )


def reaches_internet(store: Store, route_table: RouteTable) -> bool:
    for rule in route_table.route_rules:
        gateway = store.find(InternetGateway, rule.network_entity_id)
        if rule.target == ANYWHERE and gateway and gateway.is_enabled:
            return True
    return False


def machine_rule(rule: IngressSecurityRule) -> IngressRule:
    options = {"6": rule.tcp_options, "17": rule.udp_options}.get(rule.protocol)
    ports = options.destination_port_range if options else None
    if ports is None:
        return IngressRule(rule.protocol, rule.source)
    return IngressRule(rule.protocol, rule.source, ports.min, ports.max)
