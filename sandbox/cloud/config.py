"""What a sandbox cloud is told when it starts; it has no other source of settings."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Account:
    """A person known to the identity service besides the owner of the API key."""

    user_id: str
    name: str
    email: str


@dataclass(frozen=True)
class ServiceLimits:
    """The tenancy's service limits, not the free allowance: a new account may launch more than stays free."""

    a1_cores: int = 4
    a1_memory_in_gbs: int = 24
    e2_micro_instances: int = 2
    vcns: int = 2
    reserved_public_ips: int = 1
    block_storage_in_gbs: int = 200


@dataclass(frozen=True)
class CloudConfig:
    """`public_addresses` is the pool of public IPs: addresses that only this host can reach."""

    tenancy_id: str
    user_id: str
    fingerprint: str
    public_key_pem: str
    public_addresses: tuple[str, ...]
    region: str = "ap-tokyo-1"
    region_key: str = "NRT"
    delay_seconds: float = 0.3
    first_launch_out_of_capacity: bool = True
    compartments: tuple[str, ...] = ("rehearsal",)
    accounts: tuple[Account, ...] = ()
    limits: ServiceLimits = field(default_factory=ServiceLimits)

    @property
    def availability_domains(self) -> tuple[str, ...]:
        return tuple(f"Uocm:{self.region.upper()}-AD-{number}" for number in (1, 2, 3))


FAULT_DOMAINS = ("FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3")
