import random
from itertools import islice

import pytest

from resonant.placement import Placement, choose_delay, iterate_placements

DOMAINS = {"AD-1": ["FD-1", "FD-2"], "AD-2": ["FD-1"]}
ROUND = [
    Placement("AD-1"),
    Placement("AD-2"),
    Placement("AD-1", "FD-1"),
    Placement("AD-1", "FD-2"),
    Placement("AD-2", "FD-1"),
]


def test_a_round_asks_every_domain_and_then_every_fault_domain_and_begins_again():
    assert list(islice(iterate_placements(DOMAINS), 10)) == ROUND + ROUND


def test_a_placement_reads_well():
    assert [str(placement) for placement in ROUND[:3:2]] == ["AD-1/any fault domain", "AD-1/FD-1"]


@pytest.mark.parametrize(("slow_downs", "factor"), [(-1, 1), (0, 1), (1, 2), (2, 4), (3, 8), (4, 8), (50, 8)])
def test_the_pause_doubles_with_each_request_to_slow_down_and_has_a_limit(slow_downs: int, factor: int):
    delays = [choose_delay(60, slow_downs, random.Random(seed)) for seed in range(200)]  # noqa: S311
    assert 30 * factor <= min(delays) < 40 * factor
    assert 80 * factor < max(delays) <= 90 * factor
