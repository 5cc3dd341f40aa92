"""Commits of a folder on this machine: which one a ref names, what is dirty, and that nothing of the person's is touched."""

import os
from pathlib import Path

import pytest

from resonant import local_git
from resonant.errors import SourceUnavailable
from resonant.repository import build_bundle, check_url, is_url, normalise_folder, redact, resolve_local
from tests.repositories import Repository, create_commits_alike, git


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nobody told git who they are."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def application(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "application")
    repository.commit("app/compose.yaml", "services: {}", title="Begin")
    return repository


def refusal(folder: Path, subfolder: str = "app", ref: str = "HEAD", *, allow: bool = False) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        resolve_local(folder, subfolder, ref, allow)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def resolve(folder: Path, subfolder: str = "app", ref: str = "HEAD", *, allow: bool = False) -> tuple[str, str, bool]:
    with resolve_local(folder, subfolder, ref, allow) as local:
        return local.sha, local.folder, local.is_uncommitted


def unbundled(bundle: bytes, into: Path, sha: str) -> list[str]:
    """Names of the files that a machine has which gets the bundle and nothing else."""
    git(into.parent, "init", "-q", "--bare", str(into))
    (into / "given").write_bytes(bundle)
    git(into, "fetch", "-q", str(into / "given"), f"refs/resonant/{sha}:refs/resonant/{sha}")
    return git(into, "ls-tree", "-r", "--name-only", sha).split()


def test_a_branch_a_tag_and_a_commit_are_found(application: Repository):
    first = application.head
    git(application.folder, "tag", "-a", "v1", "-m", "first")
    second = application.commit(title="Go on")
    for ref, sha in {
        "main": second,
        "v1": first,
        first: first,
        first[:7]: first,
        "HEAD": second,
        "HEAD~1": first,
    }.items():
        assert resolve(application.folder, ref=ref) == (sha, "app", False)


def test_the_title_is_the_commit_message_and_may_be_awkward(application: Repository):
    application.commit(title="Grüße: 'a' \"b\" $HOME")
    with resolve_local(application.folder, "app", "HEAD", False) as local:
        assert local.title == "Grüße: 'a' \"b\" $HOME"


def test_the_repository_may_be_given_by_one_of_its_folders(application: Repository):
    assert resolve(application.folder / "app", "") == (application.head, "app", False)


def test_a_bare_repository_is_good_too(application: Repository, tmp_path: Path):
    git(tmp_path, "clone", "-q", "--bare", str(application.folder), "bare.git")
    assert resolve(tmp_path / "bare.git") == (application.head, "app", False)


def test_an_unknown_ref_is_told_with_the_branches(application: Repository):
    git(application.folder, "branch", "next")
    message = refusal(application.folder, ref="nxt")
    assert "no branch, tag or commit 'nxt'" in message
    assert "Its branches: main, next." in message


@pytest.mark.parametrize("ref", ["-q", "--all", " ", "a..b", "0" * 40, "no such", "x" * 300])
def test_what_is_no_ref_at_all_is_unknown(application: Repository, ref: str):
    assert "no branch, tag or commit" in refusal(application.folder, ref=ref)


def test_an_ambiguous_short_commit_is_told_with_both(application: Repository):
    digits, commits = create_commits_alike(application)
    message = refusal(application.folder, ref=digits)
    assert f"'{digits}' begins more than one commit" in message
    assert all(sha[:7] in message for sha in commits)


def test_a_name_of_both_a_branch_and_a_tag_is_refused(application: Repository):
    git(application.folder, "tag", "twice")
    application.commit(title="Go on")
    git(application.folder, "branch", "twice")
    assert "both a branch and a tag" in refusal(application.folder, ref="twice")
    assert resolve(application.folder, ref="refs/heads/twice")[0] == application.head


def test_a_missing_folder_is_told(application: Repository):
    assert "has no folder 'web'" in refusal(application.folder, "web")
    assert "has no folder 'app/compose.yaml'" in refusal(application.folder, "app/compose.yaml")


def test_an_empty_repository_is_told(tmp_path: Path):
    assert "is empty: it has no commit yet" in refusal(Repository(tmp_path / "new").folder, "")


def test_what_is_no_folder_is_told(tmp_path: Path):
    assert "is not a folder on this machine" in refusal(tmp_path / "nowhere")


def test_a_machine_without_git_is_told(application: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert "git is not installed on this machine" in refusal(application.folder)


def test_a_git_that_does_not_end_is_told(application: Repository, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local_git, "git_in", lambda folder: ("sleep",))
    with pytest.raises(SourceUnavailable, match=r"did not end within 0.1 s"):
        local_git.call(("sleep",), "5", timeout_seconds=0.1)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_told_with_the_way_out(
    application: Repository, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SUDO_UID", raising=False)
    for entry in (application.folder, application.folder / ".git"):
        os.chown(entry, 12345, 12345)
    assert "belongs to another user" in refusal(application.folder)
    assert f"safe.directory {application.folder}" in refusal(application.folder)


def test_changes_are_refused_by_name_with_two_ways_out(application: Repository):
    application.write("app/compose.yaml", "changed")
    application.write("app/new/file.txt")
    message = refusal(application.folder)
    assert "changes that are not committed: app/compose.yaml, app/new/file.txt." in message
    assert "Commit them, or set RESONANT_ALLOW_UNCOMMITTED=true" in message


def test_no_more_than_five_names_are_told(application: Repository):
    for number in range(8):
        application.write(f"app/{number} ü.txt")
    message = refusal(application.folder)
    assert "app/0 ü.txt, app/1 ü.txt, app/2 ü.txt, app/3 ü.txt, app/4 ü.txt and 3 more." in message


@pytest.mark.parametrize("change", ["rm", "git mv", "stage"])
def test_every_kind_of_change_counts(application: Repository, change: str):
    file = application.folder / "app/compose.yaml"
    if change == "rm":
        file.unlink()
    elif change == "git mv":
        git(application.folder, "mv", "app/compose.yaml", "app/moved.yaml")
    else:
        application.write("app/compose.yaml", "staged")
        git(application.folder, "add", "-A")
    assert "not committed: app/compose.yaml" in refusal(application.folder)


def test_only_changes_below_the_folder_and_of_head_count(application: Repository):
    application.write("README", "not the application's")
    application.write("app/__pycache__/x.pyc")
    application.write(".gitignore", "__pycache__")
    assert resolve(application.folder) == (application.head, "app", False)
    application.write("app/new")
    assert resolve(application.folder, ref="main") == (application.head, "app", False)


def test_allowed_changes_become_a_commit_and_nothing_of_the_persons_is_touched(application: Repository, tmp_path: Path):
    application.write(".gitignore", "ignored\n*.log")
    application.commit("app/kept.log", "ignored and tracked")
    git(application.folder, "add", "-f", "app/kept.log")
    git(application.folder, "commit", "-q", "--amend", "--no-edit")
    application.write("app/compose.yaml", "changed")
    application.write("app/new file")
    application.write("app/ignored")
    application.write("outside", "staged")
    git(application.folder, "add", "outside")
    before = application.state()
    with resolve_local(application.folder, "app", "HEAD", True) as local:
        bundle = build_bundle(local, [])
        assert (local.is_uncommitted, local.folder) == (True, "app")
        scratch = Path(local.scratch.name if local.scratch else "")
        assert scratch.is_dir()
    assert not scratch.exists()
    assert application.state() == before
    assert bundle is not None
    git(tmp_path, "init", "-q", "--bare", "given")
    (tmp_path / "bundle").write_bytes(bundle)
    git(tmp_path / "given", "fetch", "-q", str(tmp_path / "bundle"), f"refs/resonant/{local.sha}")
    listed = git(tmp_path / "given", "ls-tree", "-r", "--name-only", "FETCH_HEAD").splitlines()
    assert listed == ["app/compose.yaml", "app/kept.log", "app/new file"]
    assert git(tmp_path / "given", "show", "FETCH_HEAD:app/compose.yaml") == "changed"


def test_the_same_content_is_the_same_commit_wherever_it_lies(application: Repository, tmp_path: Path):
    application.write("app/compose.yaml", "changed")
    (sha, _, _), again = resolve(application.folder, allow=True), resolve(application.folder, allow=True)
    plain = tmp_path / "plain"
    (plain / "app").mkdir(parents=True)
    (plain / "app" / "compose.yaml").write_text("changed")
    assert again[0] == sha == resolve(plain)[0]
    application.write("app/compose.yaml", "changed again")
    assert resolve(application.folder, allow=True)[0] != sha


def test_a_new_repository_without_a_commit_can_be_deployed_when_allowed(tmp_path: Path):
    repository = Repository(tmp_path / "new")
    repository.write("compose.yaml")
    assert "not committed: compose.yaml" in refusal(repository.folder, "")
    assert resolve(repository.folder, "", allow=True)[2]


def test_a_folder_outside_any_repository_needs_no_permission(tmp_path: Path):
    (tmp_path / "plain" / "app").mkdir(parents=True)
    (tmp_path / "plain" / "app" / "file").write_text("x")
    (tmp_path / "plain" / "app" / "junk").write_text("x")
    (tmp_path / "plain" / "app" / ".gitignore").write_text("junk")
    (tmp_path / "plain" / "other").write_text("x")
    with resolve_local(tmp_path / "plain", "app", "HEAD", False) as local:
        bundle = build_bundle(local, [])
    assert bundle
    assert unbundled(bundle, tmp_path / "given", local.sha) == ["app/.gitignore", "app/file"]
    assert not (tmp_path / "plain" / ".git").exists()


def test_a_folder_outside_any_repository_has_no_branches(tmp_path: Path):
    (tmp_path / "plain").mkdir()
    assert "is not a git repository, so it has no 'main'" in refusal(tmp_path / "plain", "", "main")
    assert "has no folder 'app'" in refusal(tmp_path / "plain")
    assert "holds no file to deploy" in refusal(tmp_path / "plain", "")


def test_only_what_is_missing_travels(application: Repository, tmp_path: Path):
    first = application.commit("app/big", os.urandom(300_000))
    second = application.commit("app/small", "a line")
    with resolve_local(application.folder, "app", "HEAD", False) as local:
        whole, rest = build_bundle(local, []), build_bundle(local, [first, "1" * 40])
        assert build_bundle(local, [first, second]) is None
    assert whole and rest
    assert len(whole) > 300_000
    assert len(rest) < 2_000
    assert unbundled(whole, tmp_path / "given", second) == ["app/big", "app/compose.yaml", "app/small"]


def test_git_variables_of_a_hook_lead_nowhere_else(
    application: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = Repository(tmp_path / "other")
    other.commit()
    for name, value in {"GIT_DIR": ".git", "GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(name, str(other.folder / value))
    assert resolve(application.folder)[0] == application.head


@pytest.mark.parametrize("folder", ["..", "../x", "/etc", "a/../../b"])
def test_a_folder_outside_the_repository_is_refused(folder: str):
    with pytest.raises(SourceUnavailable, match="not a folder inside"):
        normalise_folder(folder)


@pytest.mark.parametrize(
    "url", ["ext::sh -c id", "ftp://host/x", "https://host/a b", "ext::x", "https://user:tok@host/\n"]
)
def test_an_address_that_git_must_not_follow_is_refused_without_its_login(url: str):
    assert is_url(url)
    with pytest.raises(SourceUnavailable) as caught:
        check_url(url)
    assert "tok" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://token@host/app.git", "https://host/app.git"),
        ("https://u:p%40ss@host/app.git", "https://host/app.git"),
        ("https://u:p@ss@host/app.git", "https://host/app.git"),
        ("http://[::1]:80/x#frag", "http://[::1]:80/x"),
        ("ssh://git@host:22/app.git", "ssh://git@host:22/app.git"),
        ("file:///srv/app.git", "file:///srv/app.git"),
    ],
)
def test_a_login_is_never_shown(url: str, shown: str):
    assert redact(url) == shown
