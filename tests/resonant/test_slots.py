"""Where services run: what changed moves, what did not stays, and no two containers ever want the same place."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from resonant.application import Kind, parse_description
from resonant.errors import ApplicationInvalid
from resonant.slots import (
    FIRST_ADDRESS,
    LAST_ADDRESS,
    SUBNETS,
    Moves,
    Placement,
    Running,
    Wanted,
    choose_address,
    decide_moves,
    list_groups,
)

KINDS: dict[str, Kind] = {"api": "web", "site": "web", "jobs": "daemon", "mail": "internal", "db": "stateful"}
TOGETHER = [("api", "site", "jobs", "mail")]
ALONE = [(name,) for name in ("api", "site", "jobs", "mail")]


class Site:
    """A site over several releases: each `deploy` goes on from what the one before left."""

    def __init__(self, groups: list[tuple[str, ...]]) -> None:
        self.groups = groups
        self.now = Placement()
        self.wanted = {name: Wanted(name, kind, "1", port=80) for name, kind in KINDS.items()}
        self.releases = 0

    def deploy(self, *changed: str, unwell: tuple[str, ...] = ()) -> Moves:
        """A release in which these services are other ones."""
        self.releases += 1
        for name in changed:
            self.change(name, fingerprint=f"{self.releases + 1}")
        well = {entry.container for entry in self.now.running if entry.service not in unwell}
        number = self.releases
        moves = decide_moves(f"r{number}", number, self.wanted.values(), self.groups, self.now, well)
        self.now = moves.placement
        return moves

    def change(self, name: str, **values: Any) -> None:
        before = self.wanted.get(name, Wanted(name, KINDS.get(name, "web"), "1"))
        self.wanted[name] = Wanted(**{**vars(before), **values})

    def slots(self) -> dict[str, str]:
        return {entry.service: entry.slot for entry in self.now.running}


def names(entries: tuple[Running, ...]) -> set[str]:
    return {entry.service for entry in entries}


@pytest.mark.parametrize("groups", [TOGETHER, ALONE])
def test_the_first_release_starts_everything_and_stops_nothing(groups: list[tuple[str, ...]]):
    site = Site(groups)
    moves = site.deploy()
    assert names(moves.start) == set(KINDS) and moves.stop == () and moves.kept == ()
    assert site.slots() == {"api": "a", "site": "a", "jobs": "a", "mail": "a", "db": ""}
    assert {entry.container for entry in moves.start} == {
        "resonant-a-api-1", "resonant-a-site-1", "resonant-a-jobs-1", "resonant-a-mail-1", "resonant-db-1",
    }  # fmt: skip
    assert moves.placement.previous_release == "" and moves.placement.previous_activation == 0


def test_the_same_release_again_moves_nothing():
    site = Site(ALONE)
    before = site.deploy().placement
    moves = site.deploy()
    assert moves.start == moves.stop == ()
    assert names(moves.kept) == set(KINDS)
    assert moves.placement.running == before.running
    assert (moves.placement.previous_release, moves.placement.previous_activation) == ("r1", 1)


def test_an_independent_service_that_changed_moves_alone():
    site = Site(ALONE)
    site.deploy()
    moves = site.deploy("api")
    assert names(moves.start) == names(moves.stop) == {"api"}
    assert site.slots() == {"api": "b", "site": "a", "jobs": "a", "mail": "a", "db": ""}
    assert {entry.release for entry in site.now.running if entry.service != "api"} == {"r1"}
    assert site.now.find("api").release == "r2"


def test_services_that_call_each_other_move_together():
    site = Site(TOGETHER)
    site.deploy()
    moves = site.deploy("mail")
    assert names(moves.start) == names(moves.stop) == set(KINDS) - {"db"}
    assert names(moves.kept) == {"db"}


def test_back_and_forth_between_the_slots():
    site = Site([("api",), ("site", "jobs", "mail")])
    site.deploy()
    seen = [(site.deploy("api"), site.slots()["api"], site.slots()["site"])[1:] for _ in range(3)]
    assert seen == [("b", "a"), ("a", "a"), ("b", "a")]
    site.deploy("site")
    assert (site.slots()["api"], site.slots()["site"]) == ("b", "b")


def test_the_old_one_is_beside_the_new_one_under_another_name_and_address():
    site = Site(ALONE)
    old = site.deploy().placement.find("api")
    moves = site.deploy("api")
    assert moves.stop == (old,)
    assert old.container != moves.start[0].container and old.address != moves.start[0].address


@pytest.mark.parametrize("name", ["api", "jobs", "mail"])
def test_one_that_is_not_well_is_replaced_though_nothing_changed(name: str):
    site = Site(ALONE)
    site.deploy()
    moves = site.deploy(unwell=(name,))
    assert names(moves.start) == names(moves.stop) == {name}


def test_a_stateful_service_is_started_again_in_its_place_when_it_changed_and_only_then():
    site = Site(ALONE)
    site.deploy()
    assert "db" in names(site.deploy("api").kept)
    moves = site.deploy("db")
    assert names(moves.start) == {"db"} and moves.stop == ()
    assert moves.start[0].slot == "" and moves.start[0].container == "resonant-db-1"
    assert names(site.deploy(unwell=("db",)).start) == {"db"}


def test_a_service_that_is_gone_is_stopped_but_one_with_data_is_left_alone():
    site = Site(ALONE)
    site.deploy()
    for name in ("mail", "db"):
        del site.wanted[name]
    site.groups = [group for group in ALONE if group != ("mail",)]
    moves = site.deploy()
    assert moves.start == () and names(moves.stop) == {"mail"}
    assert site.now.find("mail") is None and site.now.find("db") is None


def test_a_service_that_is_new_starts_without_moving_the_others():
    site = Site(ALONE)
    site.deploy("api")
    site.groups = [*ALONE, ("cache",)]
    site.change("cache", kind="internal")
    moves = site.deploy()
    assert names(moves.start) == {"cache"} and moves.stop == ()
    assert moves.start[0].address not in {entry.address for entry in moves.kept}


def test_how_visitors_are_led_may_change_without_moving_anything():
    site = Site(ALONE)
    site.deploy()
    site.change("api", port=81, health="/up")
    moves = site.deploy()
    assert moves.start == moves.stop == ()
    assert (moves.placement.find("api").port, moves.placement.find("api").health) == (81, "/up")


def test_a_web_service_that_becomes_a_daemon_is_another_container():
    site = Site(ALONE)
    site.deploy()
    site.change("api", kind="daemon")
    moves = site.deploy()
    assert [(entry.service, entry.kind) for entry in moves.start] == [("api", "daemon")]
    assert moves.stopping("web")[0].service == "api"


@pytest.mark.parametrize(("name", "kind"), [("db", "web"), ("db", "internal"), ("api", "stateful")])
def test_what_keeps_data_does_not_become_or_cease_to_be_so(name: str, kind: Kind):
    site = Site(ALONE)
    site.deploy()
    site.change(name, kind=kind)
    site.groups = [*ALONE, ("db",)]
    with pytest.raises(ApplicationInvalid, match=f"{name} runs as {KINDS[name]} and shall be {kind}"):
        site.deploy()


def test_groups_that_run_apart_and_are_joined_are_refused():
    site = Site(ALONE)
    site.deploy()
    site.deploy("api")
    site.groups = [("api", "site"), ("jobs",), ("mail",)]
    assert site.deploy().start == (), "as long as nothing of them changes they may stay"
    with pytest.raises(ApplicationInvalid, match="api, site run apart"):
        site.deploy("api")


def test_groups_that_are_parted_move_alone_from_then_on():
    site = Site(TOGETHER)
    site.deploy()
    site.groups = ALONE
    assert names(site.deploy("api").start) == {"api"}


def test_kinds_are_told_apart():
    moves = Site(ALONE).deploy()
    assert names(moves.starting("web", "internal")) == {"api", "site", "mail"}
    assert names(moves.starting("daemon")) == {"jobs"} and names(moves.starting("stateful")) == {"db"}
    assert moves.stopping("daemon") == ()


def test_groups_follow_the_description():
    description = parse_description(
        "web: {api: {port: 1, paths: [/]}, site: {port: 2}}\ndaemons: [jobs]\ndatabase: {service: db}\nindependent: [site]"
    )
    assert list_groups(description, ["api", "db", "jobs", "mail", "site"]) == [("site",), ("api", "jobs", "mail")]
    assert list_groups(description, ["db", "site"]) == [("site",)]
    assert list_groups(description, ["db"]) == []


def test_a_slot_has_so_many_addresses_and_no_more():
    taken: list[str] = []
    for _ in range(LAST_ADDRESS - FIRST_ADDRESS + 1):
        taken.append(choose_address("b", taken))
    assert len(set(taken)) == len(taken) and taken[0] == "10.201.2.10" and taken[-1] == "10.201.2.127"
    with pytest.raises(ApplicationInvalid, match="More than 118 services"):
        choose_address("b", taken)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_deployed_in_whatever_order(seed: int):
    """Twenty-five releases of a random application: services come, go, change and fall ill."""
    random = Random(seed)  # noqa: S311
    site = Site([])
    pool = [f"s{number}" for number in range(8)]
    kinds: dict[str, Kind] = {name: random.choice(["web", "daemon", "internal"]) for name in pool}
    together = random.sample(pool, random.randint(0, 5))
    site.wanted = {"db": Wanted("db", "stateful", "1")}
    for _ in range(25):
        for name in random.sample(pool, 2):
            if name in site.wanted and random.random() < 0.3:
                del site.wanted[name]
            else:
                site.change(name, kind=kinds[name], fingerprint=str(random.random()))
        present = [name for name in pool if name in site.wanted]
        joined = tuple(name for name in present if name in together)
        site.groups = [*[(name,) for name in present if name not in together], *([joined] if joined else [])]
        before, unwell = site.now, tuple(name for name in pool if random.random() < 0.1)
        moves = site.deploy(unwell=unwell)
        check_places(before, moves)
        check_nothing_kept_that_changed(site, before, moves, unwell)
        check_nothing_moved_without_need(site, before, moves, unwell)


def check_places(before: Placement, moves: Moves) -> None:
    running = moves.placement.running
    # Until the old ones have stopped, they and the new ones are there at once.
    at_once = {entry.container: entry for entry in (*before.running, *running)}.values()
    places = Counter((entry.slot, entry.address) for entry in at_once if entry.slot)
    assert [place for place, count in places.items() if count > 1] == []
    assert len({entry.service for entry in running}) == len(running) == len({entry.container for entry in running})
    assert all(entry.address.startswith(f"{SUBNETS[entry.slot]}.") for entry in running if entry.slot)
    started = {entry.container for entry in moves.start if entry.slot}
    assert started.isdisjoint(entry.container for entry in before.running)
    assert {*moves.start, *moves.kept} == set(running)
    stopped = {entry.container for entry in moves.stop}
    assert stopped == {entry.container for entry in before.running if entry.slot} - {e.container for e in running}


def check_nothing_kept_that_changed(site: Site, before: Placement, moves: Moves, unwell: tuple[str, ...]) -> None:
    for entry in moves.kept:
        old = before.find(entry.service)
        assert old and (old.slot, old.address, old.release) == (entry.slot, entry.address, entry.release)
        assert old.fingerprint == site.wanted[entry.service].fingerprint and entry.service not in unwell
    assert names(moves.placement.running) == set(site.wanted)


def check_nothing_moved_without_need(site: Site, before: Placement, moves: Moves, unwell: tuple[str, ...]) -> None:
    def is_in_need(name: str) -> bool:
        old = before.find(name)
        return old is None or old.fingerprint != site.wanted[name].fingerprint or name in unwell

    for group in [*site.groups, ("db",)]:
        moved = names(moves.start) & set(group)
        assert moved == (set(group) if any(is_in_need(name) for name in group) else set())
