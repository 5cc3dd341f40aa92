"""The application's repository as the machine that runs the flow sees it: addresses, and commits of a local folder."""

import posixpath
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from resonant import source_faults as faults
from resonant.errors import SourceUnavailable
from resonant.local_git import Git, ask, call, explain_here, git_in, read_errors
from resonant.paths import APPLICATION_REPOSITORY

PACK_WITHIN_SECONDS = 600
SCHEMES = ("https", "http", "ssh", "git", "file")
# The same files must give the same commit, whoever makes it and whenever.
NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Resonant"), ("EMAIL", "resonant@localhost"), ("DATE", "946684800 +0000"))
}


@dataclass(frozen=True)
class Commit:
    """A commit that the VM has; `folder` is the application's place in it, `repository` the bare repository on the VM."""

    sha: str
    title: str
    is_uncommitted: bool = False
    folder: str = ""
    repository: str = APPLICATION_REPOSITORY


@dataclass(frozen=True)
class LocalCommit:
    """A commit on this machine; enter it, because one that was made here is gone at the end of the `with`."""

    sha: str
    title: str
    folder: str
    git: Git
    is_uncommitted: bool = False
    shallow: tuple[str, ...] = ()
    scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "LocalCommit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.scratch:
            self.scratch.cleanup()


def is_url(text: str) -> bool:
    """Whether it names a repository by git's rules for addresses, and not a folder.

    >>> [is_url(text) for text in ("https://host/app.git", "git@host:team/app.git", "host:app", "/srv/app", "./a:b", "~/app")]
    [True, True, True, False, False, False]
    """
    return "://" in text or re.match(r"[^/:\s]+:", text) is not None


def check_url(url: str) -> None:
    scheme = url.partition("://")[0].lower()
    if ("://" in url and scheme not in SCHEMES) or "::" in url.partition("/")[0] or re.search(r"[\x00-\x20]", url):
        raise SourceUnavailable(
            f"RESONANT_APPLICATION_REPOSITORY: {redact(url)} is not an address that git can fetch from. Use https://…, "
            "ssh://…, git@host:path or the path of a folder."
        )


def redact(url: str) -> str:
    """The address without what may be a secret: the login of a web address, any password, any query.

    >>> redact("https://user:token@host:8443/app.git?private=1")
    'https://host:8443/app.git'
    >>> redact("ssh://git:password@host/app.git")
    'ssh://git@host/app.git'
    >>> redact("git@host:app.git")
    'git@host:app.git'
    """
    if "://" not in url:
        return url
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    user = login.partition(":")[0]
    kept = f"{user}@{place}" if user and parts.scheme == "ssh" else place
    return urlunsplit((parts.scheme, kept, parts.path, "", ""))


def normalise_folder(folder: str) -> str:
    """As git spells it inside a commit: "" for the root. Raises SourceUnavailable when it leads outside.

    >>> [normalise_folder(text) for text in ("", ".", "./apps/", "a/../b")]
    ['', '', 'apps', 'b']
    """
    path = posixpath.normpath(folder) if folder else "."
    if path.startswith("/") or path.split("/")[0] == "..":
        raise SourceUnavailable(f"RESONANT_APPLICATION_FOLDER: {folder} is not a folder inside the repository.")
    return "" if path == "." else path


def resolve_local(folder: Path, subfolder: str, ref: str, allow_uncommitted: bool) -> LocalCommit:
    """What the ref names in this folder; the person's index, refs and files stay as they are.

    For HEAD, changes below the application's folder are refused or, when allowed, made a commit of that folder and
    nothing else. A folder outside any repository is always taken so.
    """
    folder, subfolder = folder.expanduser().resolve(), normalise_folder(subfolder)
    if not folder.is_dir():
        raise SourceUnavailable(
            f"RESONANT_APPLICATION_REPOSITORY: {folder} is not a folder on this machine, where the flow runs."
        )
    git = git_in(folder)
    if not _is_in_repository(git):
        return _resolve_plain_folder(folder, subfolder, ref)
    inner = posixpath.join(ask(git, "rev-parse", "--show-prefix"), subfolder).strip("/")
    if ref == "HEAD" and (changed := _list_changes(git, subfolder)):
        if not allow_uncommitted:
            raise faults.uncommitted(str(folder), changed)
        return _snapshot_changes(folder, subfolder, inner)
    return _resolve_committed(git, inner, ref)


def build_bundle(local: LocalCommit, known: Iterable[str]) -> bytes | None:
    """The commit as a git bundle, without what is in the commits that the VM already has; None when it is one of them."""
    known = tuple(known)
    if local.sha in known:
        return None
    shared = _choose_shared(local.git, known)
    wanted = "".join(f"{line}\n" for line in (local.sha, *(f"^{sha}" for sha in shared)))
    options = ["--revs", "--thin", "--stdout", "--quiet", "--delta-base-offset"]
    packed = call(local.git, "pack-objects", *options, content=wanted.encode(), timeout_seconds=PACK_WITHIN_SECONDS)
    if packed.returncode != 0:
        raise explain_here(local.git, packed)
    required = "".join(f"-{sha} \n" for sha in shared)
    return f"# v2 git bundle\n{required}{local.sha} refs/resonant/{local.sha}\n\n".encode() + packed.stdout


def _choose_shared(git: Git, known: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the VM's commits that are here too."""
    asked = "".join(f"{sha}\n" for sha in known).encode()
    answers = ask(git, "cat-file", "--batch-check=%(objectname) %(objecttype)", content=asked) if known else ""
    return tuple(line.split()[0] for line in answers.splitlines() if line.endswith(" commit"))


def _is_in_repository(git: Git) -> bool:
    done = call(git, "rev-parse", "--git-dir")
    if done.returncode != 0 and "not a git repository" not in read_errors(done):
        raise explain_here(git, done)
    return done.returncode == 0


def _list_changes(git: Git, subfolder: str) -> list[str]:
    if ask(git, "rev-parse", "--is-inside-work-tree") != "true":
        return []
    options = ["--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"]
    return [entry[3:] for entry in ask(git, "status", *options, "--", subfolder or ".").split("\0") if entry]


def _resolve_committed(git: Git, inner: str, ref: str) -> LocalCommit:
    where = git[-1]
    sha = _resolve_ref(git, ref)
    if len(sha) != 40:
        raise SourceUnavailable(f"The repository {where} names its objects by SHA-256, which is not supported.")
    if ask(git, "cat-file", "-t", f"{sha}:{inner}", default="") != "tree":
        raise faults.missing_folder(inner, where, sha)
    if inner:
        # Commits that leave the application alone are no other releases of it.
        sha = ask(git, "log", "-1", "--format=%H", sha, "--", f":(top){inner}", default=sha) or sha
    title = ask(git, "show", "--no-patch", "--format=%s", sha)
    return LocalCommit(sha, title, inner, git, shallow=_read_shallow(git, sha))


def _resolve_ref(git: Git, ref: str) -> str:
    if ref.startswith("-") or not ref.strip():
        raise faults.unknown_ref(ref, git[-1])
    done = call(git, "-c", "core.warnAmbiguousRefs=true", "rev-parse", "--verify", f"{ref}^{{commit}}")
    errors = read_errors(done)
    if done.returncode == 0 and "is ambiguous" in errors:
        raise faults.ambiguous_name(ref, git[-1])
    if "is ambiguous" in errors:
        raise faults.ambiguous_commit(ref, git[-1], re.findall(r"^hint:\s+([0-9a-f]+) commit", errors, re.MULTILINE))
    if done.returncode != 0:
        raise _unknown(git, ref)
    return done.stdout.decode().strip()


def _unknown(git: Git, ref: str) -> SourceUnavailable:
    if not ask(git, "rev-list", "--all", "--max-count=1"):
        return faults.empty_repository(git[-1])
    return faults.unknown_ref(ref, git[-1], ask(git, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())


def _read_shallow(git: Git, sha: str) -> tuple[str, ...]:
    """Where the history of a shallow clone ends, as a CI checkout is one: the VM must know, or it looks for parents."""
    if ask(git, "rev-parse", "--is-shallow-repository") != "true":
        return ()
    ends = set(Path(git[-1], ask(git, "rev-parse", "--git-path", "shallow")).read_text().split())
    return tuple(commit for commit in ask(git, "rev-list", sha).split() if commit in ends)


def _snapshot_changes(folder: Path, subfolder: str, inner: str) -> LocalCommit:
    """The folder as it is, by an index and objects of our own beside the person's."""
    git = git_in(folder)
    scratch = tempfile.TemporaryDirectory(prefix="resonant-source-")
    objects = Path(scratch.name, "objects")
    (objects / "info").mkdir(parents=True)
    theirs = folder / ask(git, "rev-parse", "--git-path", "objects")
    (objects / "info" / "alternates").write_text(f"{theirs.resolve()}\n")
    own = git_in(folder, GIT_OBJECT_DIRECTORY=str(objects), GIT_INDEX_FILE=str(Path(scratch.name, "index")))
    # From HEAD, so that a file that is tracked and ignored at once stays in.
    has_commit = ask(git, "rev-parse", "--verify", "--quiet", "HEAD", default="")
    ask(own, "read-tree", *(["--reset", "HEAD"] if has_commit else ["--empty"]))
    return _commit_folder(folder, subfolder, inner, own, scratch)


def _resolve_plain_folder(folder: Path, subfolder: str, ref: str) -> LocalCommit:
    if ref != "HEAD":
        raise SourceUnavailable(
            f"{folder} is not a git repository, so it has no {ref!r}. Leave the ref at HEAD to deploy the folder as it is, "
            "or name a repository."
        )
    scratch = tempfile.TemporaryDirectory(prefix="resonant-source-")
    repository = str(Path(scratch.name, "repository"))
    ask(git_in(folder), "init", "--quiet", "--bare", "--template=", repository)
    git = git_in(folder, GIT_DIR=repository, GIT_WORK_TREE=str(folder))
    return _commit_folder(folder, subfolder, subfolder, git, scratch)


def _commit_folder(
    folder: Path, subfolder: str, inner: str, git: Git, scratch: tempfile.TemporaryDirectory[str]
) -> LocalCommit:
    """A commit without parents, of the application's folder alone and at its own place."""
    if not (folder / subfolder).is_dir():
        raise SourceUnavailable(f"{folder} has no folder {subfolder!r}. Correct RESONANT_APPLICATION_FOLDER.")
    ask(git, "add", "--all", "--", subfolder or ".")
    if not ask(git, "ls-files", "--", subfolder or "."):
        raise SourceUnavailable(f"{folder / subfolder} holds no file to deploy: empty, or all of it is in .gitignore.")
    tree = ask(git, "write-tree", *([f"--prefix={inner}/"] if inner else []))
    for name in reversed(inner.split("/") if inner else []):
        tree = ask(git, "mktree", "-z", content=f"040000 tree {tree}\t{name}\0".encode())
    title = f"Content of {inner or 'the application'}, not committed"
    named = ("env", *(f"{name}={value}" for name, value in NOBODY.items()), *git)
    sha = ask(named, "-c", "i18n.commitEncoding=UTF-8", "commit-tree", tree, "-m", title)
    return LocalCommit(sha, title, inner, git, is_uncommitted=True, scratch=scratch)
