"""Where to try next while Oracle is out of host capacity: pure decisions."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """`fault_domain` None lets OCI choose."""

    availability_domain: str
    fault_domain: str | None = None

    def __str__(self) -> str:
        return f"{self.availability_domain}/{self.fault_domain or 'any fault domain'}"


def iterate_placements(fault_domains: Mapping[str, Sequence[str]]) -> Iterator[Placement]:
    """Endless rounds: every availability domain at OCI's choice first, then each of their fault domains."""
    while True:
        for availability_domain in fault_domains:
            yield Placement(availability_domain)
        for availability_domain, names in fault_domains.items():
            for name in names:
                yield Placement(availability_domain, name)


def choose_delay(mean_seconds: float, attempt: int, rng: random.Random) -> float:
    """A pause around the mean (half to one and a half), doubled for each of the first refusals to slow down, at most 8-fold."""
    return float(mean_seconds * rng.uniform(0.5, 1.5) * min(8, 2 ** max(0, attempt)))
