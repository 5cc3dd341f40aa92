"""The application's source on its way to a machine behind a real sshd, which is also the git server that wants a key."""

import base64
import getpass
import logging
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from resonant import fetching, paths
from resonant.commands import git as commands
from resonant.commands.shell import Command
from resonant.errors import SourceUnavailable
from resonant.remote import Host
from resonant.repository import Commit
from resonant.settings import Settings
from tasks import source
from tests.repositories import Repository, create_commits_alike, git, git_over_http
from tests.sshd import Sshd, choose_free_port
from tests.vocabulary import settings

TOKEN = "t0ken-that-nobody-may-see"


@dataclass
class Site:
    """A VM's folder for the application's repository, and how often it was spoken to."""

    host: Host
    folder: Path
    round_trips: list[str] = field(default_factory=list)

    @property
    def repository(self) -> Path:
        return self.folder / "site" / "application.git"

    def fetch(self, given: Settings, ref: str = "HEAD", *, scratch: bool = False) -> Commit:
        self.round_trips.clear()
        return source.fetch_source.fn(self.host, given, ref, scratch)

    def refusal(self, given: Settings, ref: str = "HEAD", *, scratch: bool = False) -> str:
        """The one plain message of a fetch that cannot succeed, which leaves the repository good."""
        with pytest.raises(SourceUnavailable) as caught:
            self.fetch(given, ref, scratch=scratch)
        assert TOKEN not in str(caught.value)
        if (self.repository / "HEAD").exists():
            git(self.repository, "fsck", "--strict")
        assert list(self.repository.glob("incoming-*")) == []
        return str(caught.value)

    def ask(self, command: Command) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def stored(self) -> set[str]:
        return set(fetching.parse_seen(self.ask(commands.list_known(str(self.repository)))).stored)


@pytest.fixture(params=["ssh", "here"])
def anywhere(request: pytest.FixtureRequest) -> str:
    """Tests that take it run over SSH and as on the VM's own worker."""
    return str(request.param)


@pytest.fixture
def site(request: pytest.FixtureRequest, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    is_local = "anywhere" in request.fixturenames and request.getfixturevalue("anywhere") == "here"
    site = Site(Host() if is_local else sshd.host, tmp_path / "vm")
    for name in ("APPLICATION_REPOSITORY", "GIT_KNOWN_HOSTS", "DEPLOY_KEY"):
        place = (
            getattr(paths, name).replace("/opt/resonant", str(site.folder)).replace("/etc", str(site.folder / "etc"))
        )
        monkeypatch.setattr(paths, name, place)
    (site.folder / "site").mkdir(parents=True)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setattr(source, "get_run_logger", lambda: logging.getLogger("tests"))
    for name in ("run", "put"):
        real = getattr(source, name)

        def counted(*arguments: Any, _real: Any = real, _name: str = name, **options: Any) -> Any:
            site.round_trips.append(_name)
            return _real(*arguments, **options)

        monkeypatch.setattr(source, name, counted)
    return site


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "upstream")
    repository.commit("app/compose.yaml", "services: {}", title="Begin")
    return repository


def by_file(upstream: Repository, **changes: Any) -> Settings:
    return settings(application_repository=f"file://{upstream.folder}", application_folder="app", **changes)


def by_folder(upstream: Repository, **changes: Any) -> Settings:
    return settings(application_repository=str(upstream.folder), application_folder="app", **changes)


def by_ssh(upstream: Repository, sshd: Sshd, **changes: Any) -> Settings:
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{sshd.port}{upstream.folder}"
    return settings(application_repository=url, application_folder="app", **changes)


class TestUrl:
    def test_a_branch_a_tag_and_a_commit_come_and_come_only_once(self, site: Site, upstream: Repository, anywhere: str):
        first = upstream.head
        git(upstream.folder, "tag", "-a", "v1", "-m", "first")
        second = upstream.commit(title="Go on: 'ü'")
        given = by_file(upstream)
        assert site.fetch(given) == Commit(second, "Go on: 'ü'", False, "app", str(site.repository))
        for ref, sha in {"main": second, "v1": first, first: first, "refs/heads/main": second}.items():
            assert site.fetch(given, ref).sha == sha
            assert site.fetch(given, ref).sha == sha
            assert site.round_trips == ["run"]
        assert site.stored() == {first, second}

    def test_a_short_commit_is_found_among_all_branches(self, site: Site, upstream: Repository):
        first = upstream.head
        git(upstream.folder, "checkout", "-q", "-b", "side")
        side = upstream.commit(title="Aside")
        upstream.commit(title="Further")
        git(upstream.folder, "checkout", "-q", "main")
        assert site.fetch(by_file(upstream), side[:8].upper()).sha == side
        assert site.fetch(by_file(upstream), first[:8]).sha == first

    def test_a_commit_that_no_branch_ends_with_is_fetched_alone(self, site: Site, upstream: Repository):
        first = upstream.head
        upstream.commit("app/big", os.urandom(200_000), title="Big")
        assert site.fetch(by_file(upstream), first).sha == first
        assert size_of(site.repository / "objects") < 100_000

    def test_a_server_that_gives_only_what_it_names_is_asked_for_everything(
        self, site: Site, upstream: Repository, monkeypatch: pytest.MonkeyPatch
    ):
        first, render = upstream.head, fetching.render_configuration
        upstream.commit(title="Go on")
        old = "[protocol]\n\tversion = 0\n"
        monkeypatch.setattr(fetching, "render_configuration", lambda *given, **more: render(*given, **more) + old)
        assert site.fetch(by_file(upstream), first).sha == first
        assert (site.repository / "refs/remotes/application/main").exists()
        assert "no branch, tag or commit" in site.refusal(by_file(upstream), "0" * 40)

    def test_a_commit_in_the_history_of_another_asks_no_server(self, site: Site, upstream: Repository):
        first = upstream.head
        upstream.commit(title="Go on")
        site.fetch(by_file(upstream))
        upstream.folder.rename(upstream.folder.with_name("gone"))
        assert site.fetch(by_file(upstream), first).sha == first

    def test_only_what_is_missing_travels(self, site: Site, upstream: Repository):
        upstream.commit("app/big", os.urandom(500_000), title="Big")
        site.fetch(by_file(upstream))
        before = size_of(site.repository / "objects")
        upstream.commit(title="A line")
        site.fetch(by_file(upstream))
        assert size_of(site.repository / "objects") - before < 20_000

    def test_a_branch_that_moved_back_is_followed(self, site: Site, upstream: Repository):
        first = upstream.head
        upstream.commit(title="Wrong")
        site.fetch(by_file(upstream), "main")
        git(upstream.folder, "reset", "-q", "--hard", first)
        assert site.fetch(by_file(upstream), "main").sha == first

    def test_the_commit_is_seen_cheaply_and_nothing_changes(self, site: Site, upstream: Repository):
        given = by_file(upstream)
        assert source.resolve_cheaply.fn(site.host, given, "main") is None
        assert not site.repository.exists()
        site.fetch(given)
        moved = upstream.commit(title="Go on")
        before = snapshot(site.folder)
        site.round_trips.clear()
        assert source.resolve_cheaply.fn(site.host, given, "main") == moved
        assert source.resolve_cheaply.fn(site.host, given, moved) == moved
        assert source.resolve_cheaply.fn(site.host, given, moved[:8]) is None
        assert (site.round_trips, snapshot(site.folder)) == (["run"] * 3, before)

    def test_another_address_is_used_from_then_on(self, site: Site, upstream: Repository, tmp_path: Path):
        site.fetch(by_file(upstream))
        other = Repository(tmp_path / "other")
        sha = other.commit(title="Another application")
        assert site.fetch(by_file(other)).sha == sha
        assert site.stored() == {upstream.head, sha}


class TestUrlFaults:
    def test_an_unknown_ref(self, site: Site, upstream: Repository):
        message = site.refusal(by_file(upstream), "nxt")
        assert f"file://{upstream.folder} has no branch, tag or commit 'nxt'. Its branches: main." in message

    @pytest.mark.parametrize("ref", ["-q", "--upload-pack=id", "a b", "$(id)", "HEAD~1", "x:y", "*"])
    def test_what_is_no_ref_is_unknown_and_never_an_option(self, site: Site, upstream: Repository, ref: str):
        assert "no branch, tag or commit" in site.refusal(by_file(upstream), ref)

    @pytest.mark.parametrize("ref", ["0" * 40, "0123abc"])
    def test_an_unknown_commit(self, site: Site, upstream: Repository, ref: str):
        assert f"no branch, tag or commit {ref!r}" in site.refusal(by_file(upstream), ref)

    def test_an_ambiguous_short_commit(self, site: Site, upstream: Repository):
        digits, commits = create_commits_alike(upstream)
        message = site.refusal(by_file(upstream), digits)
        assert f"'{digits}' begins more than one commit" in message
        assert all(sha[:12] in message for sha in commits)

    def test_a_branch_and_a_tag_of_one_name(self, site: Site, upstream: Repository):
        git(upstream.folder, "tag", "twice")
        upstream.commit(title="Go on")
        git(upstream.folder, "branch", "twice")
        assert "both a branch and a tag" in site.refusal(by_file(upstream), "twice")

    def test_a_tag_of_something_that_is_no_commit(self, site: Site, upstream: Repository):
        git(upstream.folder, "tag", "tree", "HEAD^{tree}")
        assert "'tree' of file://" in (message := site.refusal(by_file(upstream), "tree"))
        assert "is not a commit" in message

    def test_an_empty_repository(self, site: Site, tmp_path: Path):
        assert "is empty: it has no commit yet" in site.refusal(by_file(Repository(tmp_path / "new")), "main")

    def test_no_repository_at_all(self, site: Site, tmp_path: Path):
        (tmp_path / "plain").mkdir()
        for folder in ("plain", "nowhere"):
            given = settings(application_repository=f"file://{tmp_path}/{folder}")
            assert "is not a git repository" in site.refusal(given)

    def test_a_missing_folder_also_of_a_commit_that_is_there(self, site: Site, upstream: Repository):
        wrong = by_file(upstream).model_copy(update={"application_folder": "web"})
        for _ in range(2):
            assert "has no folder 'web'. Correct RESONANT_APPLICATION_FOLDER" in site.refusal(wrong)
        assert site.fetch(by_file(upstream)).sha == upstream.head

    @pytest.mark.parametrize("scheme", ["https", "ssh"])
    def test_a_name_that_does_not_resolve(self, site: Site, scheme: str):
        message = site.refusal(settings(application_repository=f"{scheme}://nowhere.invalid/app.git"))
        assert f"{scheme}://nowhere.invalid/app.git cannot be reached from {site.host}" in message
        assert "does not resolve" in message

    @pytest.mark.parametrize("scheme", ["http", "ssh"])
    def test_a_refused_connection(self, site: Site, scheme: str):
        given = settings(application_repository=f"{scheme}://127.0.0.1:{choose_free_port()}/app.git")
        assert "its server refused the connection" in site.refusal(given)

    @pytest.mark.parametrize("scheme", ["http", "ssh"])
    def test_a_server_that_keeps_silent(self, site: Site, scheme: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(source, "LOOK_WITHIN_SECONDS", 3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            given = settings(application_repository=f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/app.git")
            assert "did not answer in time" in site.refusal(given)

    def test_a_machine_without_git(self, site: Site, upstream: Repository, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(commands, "QUIETLY", (*commands.QUIETLY, "PATH=/nowhere"))
        assert "git is not installed on" in site.refusal(by_file(upstream))

    def test_a_repository_of_another_user(self, site: Site, upstream: Repository):
        if os.getuid() != 0:
            pytest.skip("only root can give files away")
        for entry in (upstream.folder, upstream.folder / ".git"):
            os.chown(entry, 12345, 12345)
        assert "belongs to another user" in site.refusal(by_file(upstream))

    def test_a_damaged_copy_says_what_to_remove(self, site: Site, upstream: Repository):
        site.fetch(by_file(upstream))
        for file in (site.repository / "objects").rglob("*"):
            if file.is_file():
                file.chmod(0o600)
                file.write_bytes(b"")
        upstream.commit(title="Go on")
        with pytest.raises(SourceUnavailable, match=f"is damaged.*Remove {site.repository} there"):
            site.fetch(by_file(upstream))


class TestSsh:
    def test_the_deploy_key_lets_in_and_is_put_once(self, site: Site, upstream: Repository, sshd: Sshd, anywhere: str):
        given = by_ssh(upstream, sshd, deploy_key_file=sshd.folder / "login")
        assert site.fetch(given).sha == upstream.head
        key = Path(paths.DEPLOY_KEY)
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert site.fetch(given).sha == upstream.head
        assert site.round_trips == ["run"]
        site.fetch(by_file(upstream))
        assert not key.exists()

    def test_a_key_with_foreign_line_ends_is_mended(self, site: Site, upstream: Repository, sshd: Sshd, tmp_path: Path):
        key = tmp_path / "key"
        key.write_bytes((sshd.folder / "login").read_bytes().strip().replace(b"\n", b"\r\n"))
        key.chmod(0o644)
        assert site.fetch(by_ssh(upstream, sshd, deploy_key_file=key)).sha == upstream.head

    def test_a_wrong_key(self, site: Site, upstream: Repository, sshd: Sshd):
        message = site.refusal(by_ssh(upstream, sshd, deploy_key_file=sshd.folder / "stranger"))
        assert "refused to let" in message
        assert f"({sshd.folder / 'stranger'}) registered there" in message

    def test_no_key(self, site: Site, upstream: Repository, sshd: Sshd):
        assert "Set RESONANT_DEPLOY_KEY_FILE" in site.refusal(by_ssh(upstream, sshd))

    def test_a_key_file_that_is_not_there_or_not_private(self, site: Site, upstream: Repository, sshd: Sshd):
        missing = by_ssh(upstream, sshd, deploy_key_file=sshd.folder / "lost")
        assert "lost cannot be read: No such file" in site.refusal(missing)
        public = by_ssh(upstream, sshd, deploy_key_file=sshd.folder / "login.pub")
        assert "is not a private SSH key" in site.refusal(public)

    def test_a_path_that_is_no_repository(self, site: Site, sshd: Sshd, tmp_path: Path):
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{sshd.port}{tmp_path}/nowhere"
        given = settings(application_repository=url, deploy_key_file=sshd.folder / "login")
        assert "is not a git repository" in site.refusal(given)

    def test_the_servers_key_is_kept_and_another_one_is_refused(self, site: Site, upstream: Repository, sshd: Sshd):
        given = by_ssh(upstream, sshd, deploy_key_file=sshd.folder / "login")
        site.fetch(given)
        known = Path(paths.GIT_KNOWN_HOSTS)
        server = f"[127.0.0.1]:{sshd.port}"
        assert subprocess.run(["ssh-keygen", "-F", server, "-f", str(known)], capture_output=True).returncode == 0
        known.write_text(f"{server} {sshd.public_key('other_host')}\n")
        for scratch in (False, True):
            message = site.refusal(given, "HEAD", scratch=scratch)
            assert "shows another SSH host key than before, so nothing was fetched" in message
        assert upstream.head in site.stored()


class TestWeb:
    @pytest.fixture
    def address(self, upstream: Repository) -> Iterator[tuple[str, list[str]]]:
        login = base64.b64encode(f"deploy:{TOKEN}".encode()).decode()
        root = upstream.folder.parent
        with git_over_http(root, authorization=f"Basic {login}", secret=TOKEN) as (address, handler):
            yield f"{address}/upstream/.git", handler.seen_in_process_list

    def test_a_token_lets_in_and_is_nowhere_to_be_seen(
        self,
        site: Site,
        upstream: Repository,
        address: tuple[str, list[str]],
        anywhere: str,
        caplog: pytest.LogCaptureFixture,
    ):
        caplog.set_level(logging.INFO)
        url, seen = address
        given = settings(application_repository=f"http://deploy:{TOKEN}@{url}", application_folder="app")
        assert site.fetch(given).sha == upstream.head
        assert site.fetch(given, upstream.head[:9]).sha == upstream.head
        assert seen == []
        assert TOKEN not in caplog.text
        configuration = site.repository / "config"
        assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
        assert TOKEN not in configuration.read_text()

    @pytest.mark.parametrize("login", ["", "deploy:wrong@", "wrong@"])
    def test_a_refused_login(self, site: Site, address: tuple[str, list[str]], login: str):
        message = site.refusal(settings(application_repository=f"http://{login}{address[0]}", application_folder="app"))
        assert f"http://{address[0]} refused to let {site.host} in." in message
        assert "valid token" in message
        assert "wrong" not in message

    def test_a_page_that_is_no_repository(self, site: Site, upstream: Repository):
        with git_over_http(upstream.folder.parent) as (address, _):
            assert "is not a git repository" in site.refusal(
                settings(application_repository=f"http://{address}/nowhere")
            )

    def test_a_server_that_speaks_no_tls(self, site: Site, upstream: Repository):
        with git_over_http(upstream.folder.parent) as (address, _):
            given = settings(application_repository=f"https://{address}/upstream/.git")
            assert "no secure connection to its server" in site.refusal(given)


class TestFolder:
    def test_a_commit_is_sent_once(self, site: Site, upstream: Repository, anywhere: str):
        given = by_folder(upstream)
        assert site.fetch(given) == Commit(upstream.head, "Begin", False, "app", str(site.repository))
        assert site.fetch(given, upstream.head[:7]).sha == upstream.head
        assert site.round_trips == ["run"]
        git(site.repository, "fsck", "--strict")
        assert list(site.repository.glob("incoming-*")) == []

    def test_a_commit_in_the_history_of_another_is_good_too(self, site: Site, upstream: Repository):
        first = upstream.head
        upstream.commit(title="Go on")
        site.fetch(by_folder(upstream))
        assert site.fetch(by_folder(upstream), first).sha == first

    def test_only_what_is_missing_is_sent(self, site: Site, upstream: Repository, caplog: pytest.LogCaptureFixture):
        upstream.commit("app/big", os.urandom(500_000), title="Big")
        site.fetch(by_folder(upstream))
        upstream.commit(title="A line")
        caplog.set_level(logging.INFO)
        assert site.fetch(by_folder(upstream)).sha == upstream.head
        assert f"sending commit {upstream.head[:12]}: 0 KB" in caplog.text

    def test_the_commit_is_known_without_asking_the_machine(self, site: Site, upstream: Repository):
        assert source.resolve_cheaply.fn(site.host, by_folder(upstream), "main") == upstream.head
        assert site.round_trips == []

    def test_changes_are_refused_or_sent(self, site: Site, upstream: Repository, anywhere: str):
        upstream.write("app/compose.yaml", "changed")
        assert "not committed: app/compose.yaml" in site.refusal(by_folder(upstream))
        commit = site.fetch(by_folder(upstream, allow_uncommitted=True))
        assert (commit.is_uncommitted, commit.title) == (True, "Content of app, not committed")
        assert site.ask(commands.read_file(commit, "compose.yaml")) == "changed"
        assert site.fetch(by_folder(upstream, allow_uncommitted=True)) == commit
        assert site.round_trips == ["run"]

    def test_a_shallow_clone_as_of_a_ci_is_enough(self, site: Site, upstream: Repository, tmp_path: Path):
        upstream.commit(title="Go on")
        sha = upstream.commit(title="Last")
        git(tmp_path, "clone", "-q", "--depth", "1", f"file://{upstream.folder}", "shallow")
        given = settings(application_repository=str(tmp_path / "shallow"), application_folder="app")
        assert site.fetch(given).sha == sha
        git(site.repository, "fsck", "--strict")
        upstream.commit(title="More")
        assert site.fetch(by_file(upstream)).sha == upstream.head
        assert site.fetch(by_folder(upstream)).sha == upstream.head

    def test_the_reference_application_is_the_default(
        self, site: Site, upstream: Repository, monkeypatch: pytest.MonkeyPatch
    ):
        upstream.commit("apps/compose.yaml", "services: {}")
        monkeypatch.setattr(source, "CHECKOUT", upstream.folder)
        commit = site.fetch(settings())
        assert (commit.sha, commit.folder) == (upstream.head, "apps")

    def test_a_fault_is_told_before_the_machine_is_asked(self, site: Site, upstream: Repository):
        assert "no branch, tag or commit 'nxt'" in site.refusal(by_folder(upstream), "nxt")
        assert site.round_trips == []


class TestDisk:
    @pytest.fixture
    def small(self, site: Site) -> Iterator[Path]:
        """The site on a disk of two megabytes."""
        folder = str(site.repository.parent)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
        if mounted.returncode != 0:
            pytest.skip("mounting a small disk needs root")
        yield Path(folder)
        subprocess.run(["umount", "-l", folder], check=True)

    @pytest.mark.parametrize("way", [by_file, by_folder])
    def test_a_full_disk_is_told_and_the_next_run_works(self, site: Site, upstream: Repository, small: Path, way: Any):
        good = upstream.head
        upstream.commit("app/big", os.urandom(5_000_000), title="Too big")
        message = site.refusal(way(upstream))
        assert "There is no space left on" in message
        assert upstream.head not in site.stored()
        assert site.fetch(way(upstream), good).sha == good

    def test_a_disk_that_is_full_to_the_last_byte(self, site: Site, upstream: Repository, small: Path):
        (small / "filler").write_bytes(b"")
        subprocess.run(["dd", "if=/dev/zero", f"of={small}/filler", "bs=4k"], capture_output=True, check=False)
        for given in (by_file(upstream), by_folder(upstream)):
            assert "There is no space left on" in site.refusal(given)
        (small / "filler").unlink()
        assert site.fetch(by_folder(upstream)).sha == upstream.head


class TestInterrupted:
    def test_a_fetch_killed_in_the_middle_leaves_a_good_repository(self, site: Site, upstream: Repository):
        good = site.fetch(by_file(upstream)).sha
        git(upstream.folder, "config", "core.bigFileThreshold", "1m")  # no search for likenesses: it takes long
        for part in range(2):
            upstream.write(f"app/big{part}", os.urandom(8_000_000))
        big = upstream.commit(title="Big")
        kill_in_the_middle(commands.fetch_ref(str(site.repository), "app", "refs/heads/main"), site.repository)
        (site.repository / "refs" / "resonant" / f"{big}.lock").touch()
        assert list((site.repository / "objects").rglob("tmp_*"))
        assert site.stored() == {good}
        git(site.repository, "fsck", "--strict")
        assert site.fetch(by_file(upstream)).sha == big
        assert list((site.repository / "objects").rglob("tmp_*")) == []
        git(site.repository, "fsck", "--strict")

    def test_a_preparation_that_was_cut_off_is_done_again(self, site: Site, upstream: Repository):
        site.ask(commands.init(str(site.repository)))
        (site.repository / "HEAD").unlink()
        assert site.fetch(by_file(upstream)).sha == upstream.head

    def test_two_at_once_both_get_it(self, site: Site, upstream: Repository):
        site.fetch(by_file(upstream))
        sha = upstream.commit("app/big", os.urandom(3_000_000))
        command = commands.fetch_ref(str(site.repository), "app", "refs/heads/main")
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for process in both:
            printed = process.communicate(timeout=60)[0]
            assert (process.returncode, list(fetching.parse_seen(printed).stored)) == (0, [sha])


class TestScratch:
    @pytest.mark.parametrize("way", [by_file, by_folder])
    def test_a_plan_sees_the_commit_and_changes_nothing(self, site: Site, upstream: Repository, way: Any):
        before = snapshot(site.folder)
        commit = site.fetch(way(upstream), scratch=True)
        assert site.ask(commands.read_file(commit, "compose.yaml")) == "services: {}"
        assert snapshot(site.folder) == before
        source.discard_scratch.fn(site.host, commit)
        assert not Path(commit.repository).parent.exists()

    @pytest.mark.parametrize("way", [by_file, by_folder])
    def test_what_the_site_has_is_shared(self, site: Site, upstream: Repository, way: Any):
        upstream.commit("app/big", os.urandom(500_000), title="Big")
        known = site.fetch(way(upstream))
        assert site.fetch(way(upstream), scratch=True) == known
        source.discard_scratch.fn(site.host, known)
        assert site.repository.exists()
        upstream.commit(title="Go on")
        before = snapshot(site.folder)
        commit = site.fetch(way(upstream), scratch=True)
        assert size_of(Path(commit.repository) / "objects") < 20_000
        assert site.ask(commands.read_file(commit, "file")) == "Go on"
        assert snapshot(site.folder) == before
        source.discard_scratch.fn(site.host, commit)

    def test_a_private_repository_keeps_its_key_aside(self, site: Site, upstream: Repository, sshd: Sshd):
        commit = site.fetch(by_ssh(upstream, sshd, deploy_key_file=sshd.folder / "login"), scratch=True)
        assert (Path(commit.repository).parent / "deploy_key").exists()
        assert not Path(paths.DEPLOY_KEY).exists()
        source.discard_scratch.fn(site.host, commit)
        assert not Path(commit.repository).parent.exists()

    def test_a_fault_leaves_nothing_behind(self, site: Site, upstream: Repository, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(commands, "SCRATCH", f"{site.folder}/plan-")
        assert "no branch, tag or commit" in site.refusal(by_file(upstream), "nxt", scratch=True)
        assert list(site.folder.glob("plan-*")) == []


def test_old_commits_are_forgotten_but_never_those_to_keep(
    site: Site, upstream: Repository, monkeypatch: pytest.MonkeyPatch
):
    commits = []
    for number in range(5):
        commits.append(site.fetch(by_file(upstream), upstream.commit(title=f"Change {number}")).sha)
        os.utime(site.repository / "refs" / "resonant" / commits[-1], (1_000_000 + number,) * 2)
    monkeypatch.setattr(source, "KEPT_COMMITS", 2)
    source.prune_source.fn(site.host, (commits[0],))
    assert site.stored() == {commits[0], commits[3], commits[4]}
    source.prune_source.fn(site.host, ())
    assert site.stored() == {commits[3], commits[4]}
    git(site.repository, "fsck", "--strict")


def test_nothing_to_forget_where_there_is_nothing(site: Site, upstream: Repository):
    source.prune_source.fn(site.host, ())
    site.fetch(by_file(upstream))
    source.prune_source.fn(site.host, ())
    assert site.stored() == {upstream.head}


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def kill_in_the_middle(command: Command, repository: Path) -> None:
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not any((repository / "objects").rglob("tmp_*")):
        assert process.poll() is None, "the fetch ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
