"""The flow `maintenance`, on this machine, in front of a real nginx."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.maintenance import maintenance
from resonant import paths
from resonant.errors import CheckFailed, ResonantError
from tests.nginx.upstream import Upstream
from tests.nginx.vocabulary import FrontDoor

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def site(door: FrontDoor, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FrontDoor]:
    stands_here(door, certificate, monkeypatch)
    with door.as_site():
        yield door


def stands_here(door: FrontDoor, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "CURRENT_TLS", str(certificate))
    for name, value in {
        "connection": "local",
        "address": f"127.0.0.1:{door.https}",
        "anthropic_api_key": "a-key",
    }.items():
        monkeypatch.setenv(f"RESONANT_{name.upper()}", value)


def test_on_twice_is_once_and_off_twice_too(site: FrontDoor):
    assert maintenance(message="New disks.", minutes=30) == (
        f"closed the site with the maintenance page: New disks. {told_by(site)}",
    )
    assert site.ask().status_code == 503
    assert maintenance(message="New disks.", minutes=30) == ()
    assert maintenance(on=False) == ("opened the site",)
    assert site.ask().status_code == 200
    assert maintenance(on=False) == ()


def test_other_words_replace_the_page(site: FrontDoor):
    maintenance(message="New disks.")
    assert maintenance(message="Newer disks.") == ("changed the text of the maintenance page: Newer disks.",)
    assert "Newer disks." in site.ask("/api/").text


def test_a_site_that_somebody_closed_by_hand_is_opened(site: FrontDoor):
    (site.maintenance / "on").touch()
    assert maintenance(on=False) == ("opened the site",)
    assert site.ask().status_code == 200


def test_a_text_that_cannot_be_shown_changes_nothing(site: FrontDoor):
    with pytest.raises(ResonantError, match="501"):
        maintenance(message="x" * 501)
    assert site.ask().status_code == 200


def test_an_nginx_from_before_the_page_is_told(
    upstream: Upstream, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with FrontDoor(tmp_path, certificate, upstream.port, includes_maintenance=False) as old, old.as_site():
        stands_here(old, certificate, monkeypatch)
        with pytest.raises(CheckFailed, match=r"answered 200 and not the maintenance page.*deploy once"):
            maintenance()


def told_by(site: FrontDoor) -> str:
    detail: str = site.ask("/api/").json()["detail"]
    return detail.removeprefix("New disks. ")
