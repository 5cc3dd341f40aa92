"""Run git on this machine, in a folder that a person works in: nothing of theirs is written."""

import subprocess
from pathlib import Path

from resonant.errors import SourceUnavailable

GIT_WITHIN_SECONDS = 60
# Set for whoever runs inside a git hook; they would lead git to another repository than the one that is named.
FOREIGN = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX",
)  # fmt: skip

Git = tuple[str, ...]


def git_in(folder: Path, **variables: str) -> Git:
    """The beginning of a git command for that folder, blind to the variables of whoever started this process."""
    given = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1", **variables}
    unset = [part for name in FOREIGN for part in ("-u", name)]
    return ("env", *unset, *(f"{name}={value}" for name, value in given.items()), "git", "-C", str(folder))


def ask(git: Git, *arguments: str, content: bytes = b"", default: str | None = None) -> str:
    """Git's answer without the last line break; when it fails, `default` or SourceUnavailable in plain words."""
    done = call(git, *arguments, content=content)
    if done.returncode != 0 and default is None:
        raise explain_here(git, done)
    return done.stdout.decode(errors="replace").rstrip("\n") if done.returncode == 0 else str(default)


def call(
    git: Git, *arguments: str, content: bytes = b"", timeout_seconds: float = GIT_WITHIN_SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Whatever comes of it; only a git that does not end is an error."""
    try:
        return subprocess.run(
            [*git, *arguments], input=content, capture_output=True, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceUnavailable(
            f"`git {arguments[0]}` in {git[-1]} did not end within {timeout_seconds:g} s on this machine."
        ) from None


def explain_here(git: Git, done: subprocess.CompletedProcess[bytes]) -> SourceUnavailable:
    folder, errors = git[-1], read_errors(done)
    if "dubious ownership" in errors:
        return SourceUnavailable(
            f"git refuses {folder}, because it belongs to another user. If you trust it: git config --global --add "
            f"safe.directory {folder}"
        )
    if done.returncode == 127:
        return SourceUnavailable("git is not installed on this machine. Install it, then run again.")
    return SourceUnavailable(f"git cannot read {folder}: {errors.strip()[-500:]}")


def read_errors(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace")
