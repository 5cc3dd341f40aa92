from datetime import date

import pytest

from resonant.errors import WouldCostMoney
from resonant.free_tier import ALLOWANCES, check_free, choose_allowance

TODAY = date(2026, 11, 1)


def check(
    ocpus: float = 2, memory: float = 12, volume: int = 100, today: date = TODAY, allow_paid: bool = False
) -> None:
    check_free(ocpus, memory, volume, today=today, allow_paid=allow_paid)


@pytest.mark.parametrize(
    ("day", "ocpus"), [(date(2026, 6, 14), 4), (date(2026, 6, 15), 2), (date(2030, 1, 1), 2), (date(2021, 5, 25), 4)]
)
def test_the_allowance_of_a_day(day: date, ocpus: float):
    assert choose_allowance(day).ocpus == ocpus


@pytest.mark.parametrize("size", [(2, 12, 200), (1, 6, 47), (2, 12, 100)])
def test_free(size: tuple[float, float, int]):
    check(*size)


@pytest.mark.parametrize(
    ("size", "named"),
    [
        ((4, 12, 100), ["ocpus=4 (free: 2)"]),
        ((2, 24, 100), ["memory_in_gbs=24 (free: 12)"]),
        ((2, 12, 201), ["boot_volume_size_in_gbs=201 (free: 200)"]),
        ((4, 24, 250), ["ocpus=4", "memory_in_gbs=24", "boot_volume_size_in_gbs=250"]),
        ((2.1, 12, 100), ["ocpus=2.1"]),
    ],
)
def test_what_is_beyond_is_named_with_what_would_be_free(size: tuple[float, float, int], named: list[str]):
    with pytest.raises(WouldCostMoney) as caught:
        check(*size)
    assert [text for text in named if text not in str(caught.value)] == []
    assert "RESONANT_ALLOW_BEYOND_FREE" in str(caught.value)


def test_who_opted_in_may_go_beyond():
    check(4, 24, 200, allow_paid=True)


def test_every_allowance_has_a_source_and_they_are_in_order():
    assert all(entry.source for entry in ALLOWANCES)
    assert list(ALLOWANCES) == sorted(ALLOWANCES, key=lambda entry: entry.since)
