"""An application as it lies on the VM: every file of the commit, complete or not there."""

import os
from pathlib import Path

import pytest

from resonant.on_vm import describe
from tests.on_vm.repository import FILES, Repository


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "releases" / "app"


def unpack(repository: Repository, place: Path) -> None:
    describe.unpack(str(repository.bare), f"{repository.commit}:{repository.folder}", place)


def test_every_file_is_there_with_its_content_and_nothing_else(repository: Repository, place: Path):
    unpack(repository, place)
    found = {str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()}
    assert found == {*FILES, "compose.yaml"}
    assert {name: (place / name).read_text() for name in FILES} == FILES
    assert [entry.name for entry in place.parent.iterdir()] == ["app"]


def test_what_is_marked_for_archives_is_there_too(repository: Repository, place: Path):
    repository.write(".gitattributes", "web/main.js export-ignore\nweb.ini export-subst\n")
    repository.write("web.ini", "commit=$Format:%H$\n")
    repository.commit = repository.save()
    unpack(repository, place)
    assert (place / "web/main.js").read_text() == FILES["web/main.js"]
    assert (place / "web.ini").read_text() == "commit=$Format:%H$\n"


def test_programs_and_links_stay_what_they_are(repository: Repository, place: Path):
    repository.write("run", "#!/bin/sh\n")
    (repository.application / "run").chmod(0o755)
    (repository.application / "link").symlink_to("web.ini")
    repository.commit = repository.save()
    unpack(repository, place)
    assert os.access(place / "run", os.X_OK)
    assert str((place / "link").readlink()) == "web.ini"


def test_a_commit_that_is_not_there_leaves_nothing(repository: Repository, place: Path):
    with pytest.raises(SystemExit, match="could not unpack"):
        describe.unpack(str(repository.bare), "0" * 40, place)
    assert list(place.parent.iterdir()) == []


def test_what_an_interrupted_run_left_is_replaced(repository: Repository, place: Path):
    part = place.with_name(".app.part")
    (part / "files").mkdir(parents=True)
    (part / "files" / "stray").touch()
    unpack(repository, place)
    assert not (place / "stray").exists() and not part.exists()
