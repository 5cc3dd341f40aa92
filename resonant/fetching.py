"""The VM's own bare repository: its configuration, what it has and sees, and what to fetch into it."""

import base64
import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from resonant import paths
from resonant import source_faults as faults
from resonant.errors import SourceUnavailable
from resonant.repository import is_url

CONNECT_TIMEOUT_SECONDS = 10
COMMIT_ID = re.compile(r"[0-9a-f]{40}")
SHORT_COMMIT_ID = re.compile(r"[0-9a-f]{4,39}")
# What git refuses in the name of a ref; a beginning "-" would be read as an option.
NOT_A_REF = re.compile(r"^[-/]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|[/.]$|\.lock$")


@dataclass(frozen=True)
class Place:
    """A bare repository on the VM with the deploy key and the known hosts that belong to it."""

    repository: str
    key_file: str
    known_hosts: str

    @property
    def configuration(self) -> str:
        return f"{self.repository}/config"


def choose_place(scratch: str = "") -> Place:
    """The site's own, or that of a plan: there too, an SSH host key that the site knows may not change."""
    if not scratch:
        return Place(paths.APPLICATION_REPOSITORY, paths.DEPLOY_KEY, paths.GIT_KNOWN_HOSTS)
    folder = posixpath.dirname(scratch)
    return Place(scratch, f"{folder}/deploy_key", f"{folder}/git_known_hosts {paths.GIT_KNOWN_HOSTS}")


def uses_ssh(url: str) -> bool:
    return url.startswith("ssh://") or (is_url(url) and "://" not in url)


def render_configuration(url: str, place: Place, *, has_key: bool) -> str:
    """Git's configuration file of the bare repository. It may hold a token: 0600, and never among a command's arguments."""
    lines = [
        "[core]", "\trepositoryformatversion = 0", "\tfilemode = true", "\tbare = true",
        "\tfsync = committed,loose-object,pack,reference", f"\tsshCommand = {_quote(_ssh(place, has_key=has_key))}",
        # The age of a ref's file says when the commit came: never pack them.
        "[gc]", "\tpackRefs = false", "\tautoDetach = false", "[maintenance]", "\tauto = false",
        # A server that keeps silent in the middle is given up.
        "[http]", "\tlowSpeedLimit = 100", "\tlowSpeedTime = 30",
    ]  # fmt: skip
    if url:
        address, login = _split_login(url)
        lines += ['[remote "application"]', f"\turl = {_quote(address)}"]
        if login:
            site = urlunsplit((*urlsplit(address)[:2], "/", "", ""))
            lines += [f"[http {_quote(site)}]", f"\textraHeader = {_quote(f'Authorization: Basic {login}')}"]
    return "\n".join(lines) + "\n"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Stored:
    """A commit that is whole on the VM."""

    sha: str
    title: str
    has_folder: bool


@dataclass(frozen=True)
class Seen:
    """What the VM has, and what the repository's server names, if it was asked: name of a ref -> its object."""

    is_prepared: bool
    free_bytes: int
    stored: Mapping[str, Stored]
    refs: Mapping[str, str]


def parse_seen(text: str) -> Seen:
    """Lines of `commands.git.look`."""
    rows = [line.split("\t") for line in text.splitlines()]
    stored = [Stored(row[2], "\t".join(row[3:]), row[1] == "tree") for row in rows if row[0] == "stored"]
    return Seen(
        is_prepared=["prepared"] in rows,
        free_bytes=next((int(row[1]) for row in rows if row[0] == "free"), 0),
        stored={commit.sha: commit for commit in stored},
        refs={row[2]: row[1] for row in rows if row[0] == "ref"},
    )


@dataclass(frozen=True)
class Target:
    """What to ask the server for: a ref by its whole name, a commit, or (its beginning) everything it has."""

    kind: Literal["ref", "commit", "beginning"]
    name: str
    sha: str = ""


def choose_target(ref: str, refs: Mapping[str, str], where: str) -> Target:
    """Raises SourceUnavailable when the ref names nothing, or two things."""
    if COMMIT_ID.fullmatch(ref.lower()):
        return Target("commit", ref.lower(), ref.lower())
    names = [name for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}") if name in refs]
    commits = [refs.get(f"{name}^{{}}", refs[name]) for name in names]
    if len(set(commits)) > 1:
        raise faults.ambiguous_name(ref, where)
    if names:
        return Target("ref", names[0], commits[0])
    if not refs:
        raise faults.empty_repository(where)
    if SHORT_COMMIT_ID.fullmatch(ref.lower()):
        return Target("beginning", ref.lower())
    raise faults.unknown_ref(ref, where, [name[11:] for name in refs if name.startswith("refs/heads/")])


def check_ref(ref: str, where: str) -> None:
    if NOT_A_REF.search(ref) or not ref:
        raise faults.unknown_ref(ref, where)


def parse_candidates(text: str) -> tuple[str, ...]:
    """The commits that a beginning may mean, when `commands.git.fetch_beginning` found several."""
    return tuple(line.split("\t")[1] for line in text.splitlines() if line.startswith("candidate\t"))


def parse_objects(text: str) -> tuple[str, ...]:
    """Of `commands.git.read_trees`: the object's id for each path, "" for one that is not there."""
    return tuple(line.split()[1] if line.startswith(("tree ", "blob ")) else "" for line in text.splitlines())


def normalise_key(content: bytes, file: str) -> bytes:
    """ssh refuses a key without its last line break, or with those of Windows."""
    if not content.lstrip().startswith(b"-----BEGIN"):
        raise SourceUnavailable(
            f"RESONANT_DEPLOY_KEY_FILE: {file} is not a private SSH key. Name the file without .pub."
        )
    return content.replace(b"\r\n", b"\n").strip() + b"\n"


def _ssh(place: Place, *, has_key: bool) -> str:
    """`accept-new`: the first key of a server is believed and kept, another one later is refused."""
    key = f"-i {place.key_file} -o IdentitiesOnly=yes -o IdentityAgent=none " if has_key else ""
    return (
        f"ssh {key}-o BatchMode=yes -o ConnectTimeout={CONNECT_TIMEOUT_SECONDS} -o ServerAliveInterval=15 "
        f"-o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile={place.known_hosts}'"
    )


def _split_login(url: str) -> tuple[str, str]:
    """A web address without its login, and the login as the Authorization header wants it.

    Git hands the address to its helper as an argument, which everybody on the machine can read.
    """
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not at:
        return url, ""
    user, _, password = login.partition(":")
    header = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return urlunsplit((parts.scheme, place, *parts[2:])), header


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
