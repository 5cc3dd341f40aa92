"""The commands on the VM's bare repository, run for real on one made here."""

import subprocess
from pathlib import Path

import pytest

from resonant.commands import git as commands
from resonant.commands.shell import Command
from resonant.fetching import parse_objects
from resonant.repository import Commit, build_bundle, resolve_local
from tests.repositories import Repository


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


def run(command: Command) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def store(source: Repository, bare: Path, folder: str = "app") -> Commit:
    run(commands.init(str(bare)))
    with resolve_local(source.folder, folder, "HEAD", False) as local:
        bundle = build_bundle(local, [])
        assert bundle
        (bare / "given").write_bytes(bundle)
        run(commands.fetch_bundle(str(bare), local.folder, local.sha, str(bare / "given")))
    assert not (bare / "given").exists()
    return Commit(local.sha, local.title, folder=local.folder, repository=str(bare))


@pytest.fixture
def stored(tmp_path: Path) -> Commit:
    source = Repository(tmp_path / "source")
    source.write("app/.gitattributes", "tests export-ignore\n*.txt export-subst")
    source.write("app/tests/test.txt", "$Format:%H$")
    source.write("app/run", "#!/bin/sh\n")
    (source.folder / "app" / "run").chmod(0o755)
    (source.folder / "app" / "link").symlink_to("run")
    source.write("app/with space/ü", "x")
    source.write("outside", "x")
    source.commit("app/compose.yaml", "services: {}\n")
    return store(source, tmp_path / "bare")


def files_of(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


def test_the_folder_appears_whole_with_its_modes_and_links(stored: Commit, tmp_path: Path):
    target = tmp_path / "releases" / "one" / "app"
    run(commands.export(stored, str(target)))
    assert files_of(target) == {".gitattributes", "tests/test.txt", "run", "link", "with space/ü", "compose.yaml"}
    assert (target / "tests/test.txt").read_text() == "$Format:%H$"
    assert (target / "run").stat().st_mode & 0o777 == 0o755
    assert (target / "link").readlink() == Path("run")
    assert [entry.name for entry in target.parent.iterdir()] == ["app"]


def test_an_export_that_is_there_is_left_alone_and_an_unfinished_one_made_again(stored: Commit, tmp_path: Path):
    target = tmp_path / "app"
    (tmp_path / "app.part" / "files").mkdir(parents=True)
    (tmp_path / "app.part" / "files" / "half").touch()
    run(commands.export(stored, str(target)))
    assert "half" not in files_of(target)
    (target / "mark").touch()
    run(commands.export(stored, str(target)))
    assert "mark" in files_of(target)


def test_nothing_appears_when_the_commit_is_not_there(stored: Commit, tmp_path: Path):
    unknown = Commit("0" * 40, "", folder="app", repository=stored.repository)
    with pytest.raises(subprocess.CalledProcessError):
        run(commands.export(unknown, str(tmp_path / "app")))
    assert not list(tmp_path.glob("app*"))


def test_a_file_is_read_and_a_missing_one_is_nothing(stored: Commit):
    assert run(commands.read_file(stored, "compose.yaml")) == "services: {}\n"
    assert run(commands.read_file(stored, "./with space/ü")) == "x"
    assert run(commands.read_file(stored, "nowhere.yaml")) == run(commands.read_file(stored, "tests")) == ""


def test_trees_change_with_their_content_alone(stored: Commit, tmp_path: Path):
    paths = ["", "tests", "with space", "compose.yaml", "nowhere", "no\\where"]
    before = parse_objects(run(commands.read_trees(stored, paths)))
    assert [bool(entry) for entry in before] == [True, True, True, True, False, False]
    source = Repository(tmp_path / "other")
    source.write("with space/ü", "x")
    source.commit("tests/test.txt", "other")
    after = parse_objects(run(commands.read_trees(store(source, tmp_path / "bare", ""), paths)))
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True, False, True, True]


def test_the_root_is_a_folder_too(tmp_path: Path):
    source = Repository(tmp_path / "source")
    source.commit("compose.yaml", "x")
    commit = store(source, tmp_path / "bare", "")
    run(commands.export(commit, str(tmp_path / "out")))
    assert files_of(tmp_path / "out") == {"compose.yaml"}
    assert run(commands.read_file(commit, "compose.yaml")) == "x"
    assert run(commands.resolve(commit.repository, commit.sha[:7])).strip() == commit.sha


def test_a_percent_sign_in_a_folder_is_no_format(tmp_path: Path):
    source = Repository(tmp_path / "source")
    source.commit("100% ü/file")
    commit = store(source, tmp_path / "bare", "100% ü")
    printed = run(commands.list_known(commit.repository, "100% ü"))
    assert printed == f"stored\ttree\t{commit.sha}\tChange a file\n"


@pytest.mark.parametrize("path", ["/", "/opt/resonant/site/application.git", "/var/tmp/other"])
def test_only_a_scratch_repository_is_removed(path: str):
    with pytest.raises(ValueError, match="not a scratch"):
        commands.remove_scratch(path)
