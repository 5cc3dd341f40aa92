"""Old versions go; the current one never does, whatever its age, and nothing outside the folder."""

import os
import subprocess
from pathlib import Path

import pytest

from resonant.commands.shell import prune_folder

EVERYTHING = {"newest", "newer", "middle", "with space", "oldest"}


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "releases"
    for age, name in enumerate(["newest", "newer", "middle", "with space", "oldest"]):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").touch()
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "current").symlink_to(folder / "oldest")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "precious").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    return folder


def prune(versions: Path, keep: int) -> int:
    command = prune_folder(str(versions), str(versions.parent / "current"), keep)
    done = subprocess.run(command, check=False)
    assert Path("precious").is_dir()
    return done.returncode


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.mark.parametrize(("keep", "left"), [(0, {"oldest"}), (2, {"newest", "newer", "oldest"}), (9, EVERYTHING)])
def test_the_current_and_the_newest_stay(versions: Path, keep: int, left: set[str]):
    for _ in range(2):
        assert prune(versions, keep) == 0
        assert names(versions) == left


@pytest.mark.parametrize("target", [None, "gone", ".."])
def test_nothing_is_removed_when_the_link_does_not_lead_into_the_folder(versions: Path, target: str | None):
    link = versions.parent / "current"
    link.unlink()
    if target:
        link.symlink_to(versions / target)
    assert prune(versions, 0) != 0
    assert names(versions) == EVERYTHING
