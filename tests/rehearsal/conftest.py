"""One live site for all stories. Their files' names order them: what leaves the site as it was comes first."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.releases import FIRST, Releases
from tests.rehearsal.vocabulary import Site, bring_up, is_up, take_down

HERE = Path(__file__).parent
KEEP = "RESONANT_KEEP_REHEARSAL"
# Read before any test: none sees a RESONANT_ variable.
IS_KEPT = os.environ.get(KEEP) == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """This checkout's rehearsal if it is up, else one of the tests' own, taken down at the end unless RESONANT_KEEP_REHEARSAL=1."""
    if is_up():
        yield
        return
    try:
        bring_up(tmp_path_factory.mktemp("rehearsal") / "rehearse.log")
        yield
    finally:
        if not IS_KEPT:
            take_down()


@pytest.fixture(scope="session")
def site(rehearsal: None) -> Site:
    return Site()


@pytest.fixture(scope="module")
def releases(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    """The reference application in a repository of its own, released as FIRST; afterwards the checkout's own again."""
    releases = Releases(site, tmp_path_factory.mktemp("releases") / "application")
    releases.deploy(releases.rename(FIRST))
    yield releases
    releases.bring_back_own()
