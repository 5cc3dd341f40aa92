"""What is shipped is named by its content: the same from a git checkout and from what was unpacked on the VM."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from resonant.errors import ResonantError
from resonant.source import PROJECT_PATHS, build_archive, read_source


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for name, content in {"flows/a.py": "a", "flows/deep/b.py": "b", "prefect.yaml": "c", "tests/t.py": "t"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "flows/run").write_text("#!/bin/sh\n")
    (folder / "flows/run").chmod(0o755)
    (folder / ".gitignore").write_text("*.log\n__pycache__/\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def digest(checkout: Path) -> str:
    return read_source(PROJECT_PATHS, checkout).digest


def unpack(archive: bytes, folder: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def test_only_the_wanted_paths_are_shipped(checkout: Path):
    assert read_source(PROJECT_PATHS, checkout).files == ("flows/a.py", "flows/deep/b.py", "flows/run", "prefect.yaml")


def test_the_same_from_git_and_from_what_was_unpacked(checkout: Path, tmp_path: Path):
    source = read_source(PROJECT_PATHS, checkout)
    shipped = unpack(build_archive(source, checkout), tmp_path / "shipped")
    (shipped / "flows/__pycache__").mkdir()
    (shipped / "flows/__pycache__/a.pyc").write_bytes(b"compiled there")
    (shipped / ".registered").write_text("mark")
    assert read_source(PROJECT_PATHS, shipped) == source


def test_this_checkout_ships_the_same_from_git_and_unpacked(tmp_path: Path):
    for paths in (PROJECT_PATHS, ("stack",)):
        source = read_source(paths)
        assert read_source(paths, unpack(build_archive(source), tmp_path / source.digest)) == source


def test_what_git_ignores_and_what_is_not_shipped_changes_nothing(checkout: Path):
    before = digest(checkout)
    (checkout / "flows/debug.log").write_text("x")
    (checkout / "tests/t.py").write_text("changed")
    assert digest(checkout) == before


@pytest.mark.parametrize("change", ["content", "mode", "name", "new", "gone"])
def test_what_is_shipped_changes_the_name(checkout: Path, change: str):
    before, file = digest(checkout), checkout / "flows/a.py"
    match change:
        case "content":
            file.write_text("A")
        case "mode":
            file.chmod(0o755)
        case "name":
            file.rename(file.with_name("c.py"))
        case "new":
            (checkout / "flows/new.py").write_text("not added to git yet")
        case "gone":
            file.unlink()
    assert digest(checkout) != before


def test_an_archive_is_the_same_bytes_for_the_same_source(checkout: Path):
    source = read_source(PROJECT_PATHS, checkout)
    first = build_archive(source, checkout)
    (checkout / "flows/a.py").touch()
    (checkout / "flows/a.py").chmod(0o600)
    assert build_archive(source, checkout) == first


def test_an_archive_belongs_to_root_and_nobody_may_write(checkout: Path):
    source = read_source(PROJECT_PATHS, checkout)
    with tarfile.open(fileobj=io.BytesIO(build_archive(source, checkout))) as tar:
        assert {(entry.uname, oct(entry.mode)) for entry in tar} == {("root", "0o644"), ("root", "0o755")}


def test_no_secret_file_is_shipped(checkout: Path):
    (checkout / ".gitignore").write_text(".env\n")
    (checkout / "flows/.env").write_text("RESONANT_ANTHROPIC_API_KEY=secret")
    assert "flows/.env" not in read_source(PROJECT_PATHS, checkout).files


def test_an_empty_checkout_is_told(tmp_path: Path):
    with pytest.raises(ResonantError, match="Nothing to ship"):
        read_source(PROJECT_PATHS, tmp_path)
