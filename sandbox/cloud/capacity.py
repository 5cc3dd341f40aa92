"""Which hosts have room. Most of a free account's first day is spent against this."""

from pydantic import BaseModel, ConfigDict, Field

from sandbox.cloud.config import FAULT_DOMAINS, CloudConfig
from sandbox.cloud.errors import out_of_host_capacity


class Place(BaseModel):
    """A fault domain, a whole availability domain (no fault domain), or everywhere (neither)."""

    model_config = ConfigDict(extra="forbid")

    availability_domain: str | None = None
    fault_domain: str | None = None

    def holds(self, availability_domain: str, fault_domain: str) -> bool:
        return self.availability_domain in (None, availability_domain) and self.fault_domain in (None, fault_domain)


class CapacityPlan(BaseModel):
    """`exhausted` lasts until it is replaced; `refuse_next_launches` is used up, and no report foretells it."""

    model_config = ConfigDict(extra="forbid")

    exhausted: list[Place] = []
    refuse_next_launches: int = Field(default=0, ge=0)
    availability_domains_without_a1: list[str] = []


class Capacity:
    def __init__(self, config: CloudConfig) -> None:
        self._first = 1 if config.first_launch_out_of_capacity else 0
        self.plan = CapacityPlan(refuse_next_launches=self._first)

    def reset(self) -> None:
        self.plan = CapacityPlan()

    def is_supported(self, shape: str, availability_domain: str) -> bool:
        return not (".A1." in shape and availability_domain in self.plan.availability_domains_without_a1)

    def free_fault_domains(self, availability_domain: str, fault_domain: str | None = None) -> list[str]:
        candidates = [fault_domain] if fault_domain else list(FAULT_DOMAINS)
        return [
            candidate
            for candidate in candidates
            if not any(place.holds(availability_domain, candidate) for place in self.plan.exhausted)
        ]

    def take(self, availability_domain: str, fault_domain: str | None) -> str:
        """The fault domain where the instance goes; otherwise 500 "Out of host capacity."."""
        if self.plan.refuse_next_launches:
            self.plan.refuse_next_launches -= 1
            raise out_of_host_capacity()
        free = self.free_fault_domains(availability_domain, fault_domain)
        if not free:
            raise out_of_host_capacity()
        return free[0]
