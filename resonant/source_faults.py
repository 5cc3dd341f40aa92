"""Why the application's source cannot be had, each in one plain message."""

import re
from collections.abc import Sequence

from resonant.errors import RemoteCommandFailed, SourceUnavailable
from resonant.paths import GIT_KNOWN_HOSTS

SHOWN_NAMES = 5
UNKNOWN = "{where} has no branch, tag or commit {ref!r}. Is it spelled right, and pushed?"
# What git, ssh and curl print -> what it means; the first that matches. {where} is the repository, {vm} the machine.
REASONS = (
    (
        r"No space left on device|Disk quota exceeded",
        "There is no space left on {vm} for the source of {where}. Free some, then run again.",
    ),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key .*has changed",
        "The git server of {where} shows another SSH host key than before, so nothing was fetched: somebody may be in "
        "between. If its key was changed on purpose, remove the old one on {vm}: sudo ssh-keygen -R SERVER -f {known_hosts}",
    ),
    (r"Host key verification failed", "The SSH host key of the git server of {where} was not accepted by {vm}."),
    (
        r"Could not resolve host|Name or service not known|Temporary failure in name resolution|No address associated",
        "{where} cannot be reached from {vm}: the name of its server does not resolve. Is it spelled right in "
        "RESONANT_APPLICATION_REPOSITORY?",
    ),
    (
        r"Connection refused|Couldn't connect to server",
        "{where} cannot be reached from {vm}: its server refused the connection. Is the port right, and the server up?",
    ),
    (
        r"timed out|Timeout was reached|ran out of time|transfer closed|Operation too slow",
        "{where} cannot be reached from {vm}: its server did not answer in time. Is it up, and is there a firewall?",
    ),
    (
        r"Network is unreachable|No route to host",
        "{where} cannot be reached from {vm}: there is no route to its server.",
    ),
    (r"certificate|SSL|TLS", "{where} cannot be reached from {vm}: no secure connection to its server ({last})."),
    (
        r"Permission denied \(|Authentication failed|could not read (Username|Password)|error: 40[13]|Access denied",
        "{where} refused to let {vm} in. {login}",
    ),
    (
        r"dubious ownership",
        "git on {vm} refuses {where}, because it belongs to another user. If you trust it, mark it there: sudo git config "
        "--global --add safe.directory FOLDER",
    ),
    (
        r"not appear to be a git repository|[Rr]epository .*not found|is this a git repository|ERROR: .*not found|"
        r"repository not exported|error: 404|Could not read from remote repository",
        "{where} is not a git repository, or not one that {vm} may see. Correct RESONANT_APPLICATION_REPOSITORY. {login}",
    ),
    (
        r"git: (command )?not found|‘git’: No such file",
        "git is not installed on {vm} yet. Run the flow host-setup first.",
    ),
    (r"couldn't find remote ref|not our ref|no such commit", UNKNOWN),
    (r"not a commit", "{ref!r} of {where} is not a commit. Name a branch, a tag or a commit."),
    (
        r"bad object|missing (object|blob|tree)|corrupt|unable to read tree|object file .* is empty",
        "The copy of {where} on {vm} is damaged ({last}). Remove {repository} there; the next run fetches it again.",
    ),
)


def explain(error: RemoteCommandFailed, *, where: str, ref: str, repository: str, login: str) -> SourceUnavailable:
    """What git's own words on the VM mean; `login` says what to do about a refused one."""
    told = "ran out of time" if error.exit_code == 124 else _without_logins(error.stderr_tail).strip()
    told = told or f"exit code {error.exit_code}"
    message = next(
        (message for pattern, message in REASONS if re.search(pattern, told)),
        "{where} could not be fetched by {vm}: {told}",
    )
    return SourceUnavailable(
        message.format(
            where=where, ref=ref, repository=repository, login=login, vm=error.where, known_hosts=GIT_KNOWN_HOSTS,
            told=told, last=told.splitlines()[-1],
        ).strip()
    )  # fmt: skip


def unknown_ref(ref: str, where: str, branches: Sequence[str] = ()) -> SourceUnavailable:
    known = f" Its branches: {shorten(branches)}." if branches else ""
    return SourceUnavailable(f"{where} has no branch, tag or commit {ref!r}.{known} Is it spelled right, and pushed?")


def ambiguous_commit(ref: str, where: str, candidates: Sequence[str] = ()) -> SourceUnavailable:
    found = f" ({shorten(candidates)})" if candidates else ""
    return SourceUnavailable(f"{ref!r} begins more than one commit of {where}{found}. Give more of its digits.")


def ambiguous_name(ref: str, where: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"{ref!r} is both a branch and a tag of {where}. Write refs/heads/{ref} or refs/tags/{ref}."
    )


def empty_repository(where: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"The repository {where} is empty: it has no commit yet. Commit the application and push it."
    )


def missing_folder(folder: str, where: str, sha: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"Commit {sha[:12]} of {where} has no folder {folder!r}. Correct RESONANT_APPLICATION_FOLDER, or name a ref that "
        "has it."
    )


def uncommitted(where: str, changed: Sequence[str]) -> SourceUnavailable:
    return SourceUnavailable(
        f"{where} has changes that are not committed: {shorten(changed)}. Commit them, or set "
        "RESONANT_ALLOW_UNCOMMITTED=true to deploy the folder as it is."
    )


def no_space(where: str, vm: str, needed_bytes: int, free_bytes: int) -> SourceUnavailable:
    needed, free = needed_bytes / 1e6, free_bytes / 1e6
    return SourceUnavailable(
        f"There is no space left on {vm} for the source of {where}: {needed:.1f} MB are needed, {free:.1f} MB are free. "
        "Free some, then run again."
    )


def shorten(names: Sequence[str]) -> str:
    rest = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _without_logins(text: str) -> str:
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)
