"""What a plan says, when there is nothing to do, and what can be rolled back to."""

import pytest

from resonant.application import parse_description
from resonant.environment import render_environment
from resonant.errors import ReleaseFailed
from resonant.plan import (
    Plan,
    choose_rollback,
    compare_files,
    decide_migration,
    is_current,
    list_restarts,
    parse_checksums,
    render_plan,
)
from resonant.release import Draft
from resonant.repository import Commit
from resonant.slots import Moves, Placement, Running
from resonant.source import CHECKOUT
from tests.vocabulary import live_site

DESCRIPTION = parse_description((CHECKOUT / "apps/resonant.yaml").read_text())
VALUES = {"POSTGRES_PASSWORD": "a-secret-value"}


def draft(release: str) -> Draft:
    return Draft(
        release, Commit("3f2a9c1" + "0" * 33, "Say hello"), "HEAD", "apps", "stack", "front", DESCRIPTION, VALUES,
        render_environment(VALUES),
    )  # fmt: skip


def running(service: str, kind: str = "web", slot: str = "b") -> Running:
    return Running(service=service, kind=kind, slot=slot, address="10.201.2.10", release="new", fingerprint="f")  # type: ignore[arg-type]


def moves(*start: Running, previous: str = "old") -> Moves:
    return Moves(Placement(activation=2, release="new", previous_release=previous, running=start), start)


def plan(**changes: object) -> Plan:
    given = {
        "release": "new", "commit": "3f2a9c1" + "0" * 33, "title": "Say hello", "previous": "old", "moves": moves(running("backend")),
        "images": {"backend": "resonant/backend:1 is built"}, "variables": ("~ POSTGRES_PASSWORD",), "stack_changes": (),
        "restarts": (), "migration": "none", "earlier_seconds": (40.0, 60.0, 50.0), "disk_free_gb": 20.0,
    }  # fmt: skip
    return Plan(**{**given, **changes})  # type: ignore[arg-type]


def test_a_live_site_with_the_same_release_needs_nothing():
    known = live_site()
    assert is_current(known, draft(known.placement.release))
    assert not is_current(known, draft("another-release"))


@pytest.mark.parametrize(
    "changed",
    [
        {"accepted": ""},
        {"containers": ""},
        {"placement": ""},
        {"containers": live_site()["containers"] + "\nresonant-b-backend-1\tbackend\texited\tExited (0)\tx"},
        {"containers": live_site()["containers"].replace("Up 2 minutes (healthy)", "Up 2 minutes (unhealthy)", 1)},
    ],
)
def test_trial_strays_and_illness_need_a_deploy(changed: dict[str, str]):
    assert not is_current(live_site(**changed), draft(live_site().placement.release))


def test_the_plan_names_what_changes_and_no_value():
    text = render_plan(plan())
    for words in (
        "release new",
        "Say hello",
        "backend",
        "is built",
        "~ POSTGRES_PASSWORD",
        "about 50 s",
        "20 GB",
        "$0",
    ):
        assert words in text, words
    assert "a-secret-value" not in text
    assert "unknown" in render_plan(plan(earlier_seconds=()))


def test_a_restart_of_what_is_permanent_is_said():
    told = list_restarts(moves(running("postgres", "stateful", "")), nginx_changes=True)
    assert [line.split()[0] for line in told] == ["postgres", "nginx"]
    assert list_restarts(moves(running("postgres", "stateful", ""), previous=""), nginx_changes=False) == ()


def test_a_migration_is_planned_only_when_its_service_changes():
    assert "alembic upgrade head" in decide_migration(draft("new"), moves(running("backend")), "0001")
    assert decide_migration(draft("new"), moves(running("frontend")), "0001").startswith("none")


def test_files_are_compared_by_their_checksums():
    now = parse_checksums(f"{'a' * 64}  ./nginx/nginx.conf\n{'b' * 64}  ./compose.yaml\n")
    assert compare_files(now, {"nginx/nginx.conf": "c" * 64, "compose.yaml": "b" * 64, "new": "d"}) == (
        "+ new",
        "~ nginx/nginx.conf",
    )


def test_a_rollback_goes_to_the_release_before_or_a_kept_one():
    now = Placement(release="c", previous_release="b")
    assert choose_rollback("", now, ("c", "b", "a")) == "b"
    assert choose_rollback("a", now, ("c", "b", "a")) == "a"


REFUSED = [("x", "b", ("c", "b")), ("c", "b", ("c", "b")), ("", "", ("c",)), ("", "b", ("c",))]


@pytest.mark.parametrize(("asked", "previous", "kept"), REFUSED)
def test_what_is_not_kept_is_refused_by_name(asked: str, previous: str, kept: tuple[str, ...]):
    with pytest.raises(ReleaseFailed, match="Kept on the VM"):
        choose_rollback(asked, Placement(release="c", previous_release=previous), kept)
