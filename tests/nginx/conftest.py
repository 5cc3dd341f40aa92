"""The site's front door for real: nginx in a container, its own configuration, and an application of the test's own behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nginx.upstream import Upstream
from tests.nginx.vocabulary import FrontDoor, create_certificate

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def door(upstream: Upstream, certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    with FrontDoor(tmp_path_factory.mktemp("door"), certificate, upstream.port) as door:
        yield door


@pytest.fixture(autouse=True)
def open_again(door: FrontDoor) -> Iterator[None]:
    yield
    door.open()
