"""Everything that one running sandbox cloud knows; a new process starts with none of it."""

import asyncio

from sandbox.cloud.capacity import Capacity
from sandbox.cloud.config import CloudConfig
from sandbox.cloud.errors import incorrect_state, invalid_parameter, not_found
from sandbox.cloud.faults import Faults
from sandbox.cloud.journal import Journal
from sandbox.cloud.lifecycle import Lifecycle
from sandbox.cloud.machines import Machines
from sandbox.cloud.retry_tokens import RetryTokens
from sandbox.cloud.signatures import SignatureVerifier
from sandbox.cloud.store import R, Store
from sandbox.cloud.traffic import Traffic
from sandbox.cloud.wire import new_ocid


class Cloud:
    def __init__(self, config: CloudConfig, machines: Machines) -> None:
        self.config = config
        self.machines = machines
        self.store = Store()
        self.lifecycle = Lifecycle(self.store, config.delay_seconds)
        self.traffic = Traffic(self.store, machines)
        self.capacity = Capacity(config)
        self.signatures = SignatureVerifier(config)
        self.faults = Faults()
        self.journal = Journal()
        self.retry_tokens = RetryTokens(self.store)
        self._turns: dict[str, asyncio.Lock] = {}
        # A compartment's OCID is the same in every run, so that settings which name it stay true.
        self.compartments = {name: f"ocid1.compartment.oc1..{_stable_suffix(name)}" for name in config.compartments}

    def new_id(self, kind: str) -> str:
        return new_ocid(kind, self.config.region)

    def turn_of(self, machine: str) -> asyncio.Lock:
        """Held while something is done to a machine, so that a termination waits for the launch to end."""
        return self._turns.setdefault(machine, asyncio.Lock())

    def check_compartment(self, compartment_id: str) -> None:
        if compartment_id not in (self.config.tenancy_id, *self.compartments.values()):
            raise not_found()

    def check_availability_domain(self, availability_domain: str) -> None:
        if availability_domain not in self.config.availability_domains:
            raise invalid_parameter(f"Unknown availability domain: {availability_domain}")

    def get_available(self, kind: type[R], ocid: str) -> R:
        """A resource that another one is about to depend on."""
        resource = self.store.get(kind, ocid)
        if resource.lifecycle_state != "AVAILABLE":
            raise incorrect_state(f"{ocid} is {resource.lifecycle_state}, it must be AVAILABLE.")
        return resource


def _stable_suffix(name: str) -> str:
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return letters.rjust(60, "a")[-60:]
