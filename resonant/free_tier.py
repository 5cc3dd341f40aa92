"""What Oracle gives away, as dated tables with their sources, and the refusal to go beyond."""

from dataclasses import dataclass
from datetime import date

from resonant.errors import WouldCostMoney


@dataclass(frozen=True)
class Allowance:
    """One version of the Always Free allowance; `boot_volume_size_in_gbs` is the total of all boot and block volumes."""

    since: date
    ocpus: float
    memory_in_gbs: float
    boot_volume_size_in_gbs: int
    source: str


MINIMUM_BOOT_VOLUME_GBS = 47

ALLOWANCES = (
    Allowance(
        date(2021, 5, 25), 4, 24, 200, "Always Free Resources: 3,000 OCPU hours and 18,000 GB hours of A1 a month"
    ),
    Allowance(
        date(2026, 6, 15), 2, 12, 200, "Always Free Resources: 1,500 OCPU hours and 9,000 GB hours of A1 a month"
    ),
)


def choose_allowance(today: date) -> Allowance:
    """The allowance in force on that day."""
    return max((entry for entry in ALLOWANCES if entry.since <= today), key=lambda entry: entry.since)


def check_free(
    ocpus: float, memory_in_gbs: float, boot_volume_size_in_gbs: int, *, today: date, allow_paid: bool
) -> None:
    """Raise WouldCostMoney when the machine is larger than what is free today, unless the user opted in."""
    allowance = choose_allowance(today)
    asked = {
        "ocpus": (ocpus, allowance.ocpus),
        "memory_in_gbs": (memory_in_gbs, allowance.memory_in_gbs),
        "boot_volume_size_in_gbs": (boot_volume_size_in_gbs, allowance.boot_volume_size_in_gbs),
    }
    beyond = [f"{name}={value:g} (free: {free:g})" for name, (value, free) in asked.items() if value > free]
    if beyond and not allow_paid:
        raise WouldCostMoney(
            f"Not free since {allowance.since}: {', '.join(beyond)}. Lower the setting, or set "
            "RESONANT_ALLOW_BEYOND_FREE=true if your tenancy's own limits make it free or you accept the cost. "
            f"Source: {allowance.source}."
        )
