"""The programs that run on the VM, run here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.on_vm.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A bare repository with the application of tests/recordings/compose_model/everything.yaml in its folder `shop`."""
    return Repository(tmp_path / "application.git", tmp_path / "work")
