"""The application's bare repository on the VM. One program at a time writes into it, behind a lock that dies with it."""

import posixpath
from collections.abc import Sequence

from resonant.commands.shell import Command, script
from resonant.repository import Commit

SCRATCH = "/var/tmp/resonant-plan-"  # noqa: S108  (mktemp adds a name, the folder is root's own)
LOCK_WITHIN_SECONDS = 120
STALE_SCRATCH_MINUTES = 1440

QUIETLY = (
    # In git's own English, and without a question to a person who is not there.
    "export LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_DIR=$1",
    "unset GIT_ASKPASS SSH_ASKPASS GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_WORK_TREE",
)
# Whoever held the lock before is dead, so what it left half-written is nobody's.
ALONE = (
    'exec 9>"$1/.writer"',
    f'flock -w {LOCK_WITHIN_SECONDS} 9 || {{ echo "another fetch into $1 has not ended" >&2; exit 1; }}',
    'find "$1" -path "$1/objects" -prune -o -name "*.lock" -type f -exec rm -f {} +',
    'find "$1/objects" -name "tmp_*" -exec rm -rf {} +',
)
# `list` prints "stored", the type of the folder, the commit and its title for each ref below $1.
LIST = (
    'kinds() { git for-each-ref --format="%(objectname):${folder//%/%%}" "$1" | git cat-file --batch-check="%(objecttype)"; }',
    'list() { paste <(kinds "$1" | sed "s/^.* missing$/missing/; s/^/stored\\t/")'
    ' <(git for-each-ref --format="%(objectname)%09%(contents:subject)" "$1"); }',
)
KEEP = (
    'keep() { git update-ref "refs/resonant/$1" "$1"; list "refs/resonant/$1"; }',
    'commit_of() { git rev-parse --verify --quiet "$1^{commit}" || { echo "$1 is not a commit" >&2; exit 1; }; }',
)
EVERYTHING = '"+refs/heads/*:refs/remotes/application/*" "+refs/tags/*:refs/remotes/application-tags/*"'


def init(repository: str, *, unused_key_file: str = "") -> Command:
    """Make the repository, or mend an unfinished one; remove a deploy key that the settings no longer name."""
    return script(
        'install -d -m 700 "$1"',
        'git init --quiet --bare --template= "$1"',
        'if [ -n "$2" ]; then rm -f "$2"; fi',
        arguments=[repository, unused_key_file],
    )


def look(
    repository: str, folder: str, ref: str, *, configuration_sha256: str, key_file: str, key_sha256: str
) -> Command:
    """What is stored, whether configuration and key are as wanted, and then (`ref` not empty) what the server names.

    A whole commit id that is stored asks the network nothing. See `resonant.fetching.parse_seen`.
    """
    return script(
        *QUIETLY,
        "folder=$2 ref=$3",
        *LIST,
        'same() { [ "$( { sha256sum < "$1"; } 2>/dev/null | cut -d" " -f1)" = "$2" ]; }',
        "git --version >/dev/null",
        'free() { df --output=avail -B1 "$1" 2>/dev/null | tail -n 1 | tr -d " "; }',
        'printf "free\\t%s\\n" "$(free "$1" || free /)"',
        '[ -e "$1/HEAD" ] || exit 0',
        "list refs/resonant",
        'same "$1/config" "$4" && same "$5" "$6" || exit 0',
        "echo prepared",
        '[ -n "$ref" ] || exit 0',
        'if [[ $ref =~ ^[0-9a-fA-F]{40}$ ]]; then exit 0; fi',
        'git ls-remote application HEAD "refs/heads/*" "refs/tags/$ref" "refs/tags/$ref^{}" "$ref" | sed "s/^/ref\\t/"',
        arguments=[repository, folder, ref, configuration_sha256, key_file, key_sha256],
    )  # fmt: skip


def fetch_ref(repository: str, folder: str, ref: str) -> Command:
    """Exactly that ref of the server, by its whole name; prints the commit as `list_known` does."""
    return script(
        *QUIETLY, *ALONE, "folder=$2", *LIST, *KEEP,
        'git fetch --quiet --no-tags application "$3"',
        'commit=$(commit_of FETCH_HEAD)',
        'keep "$commit"',
        arguments=[repository, folder, ref],
    )  # fmt: skip


def fetch_commit(repository: str, folder: str, commit: str) -> Command:
    """One commit by its whole id; from a server that gives only what it names, everything it has.

    A commit in the history of a stored one asks the network nothing.
    """
    return script(
        *QUIETLY, *ALONE, "folder=$2", *LIST, *KEEP,
        'has() { [ -n "$(git for-each-ref --count=1 --contains="$1" refs/resonant 2>/dev/null)" ]; }',
        'if ! has "$3" && ! errors=$(git fetch --quiet --no-tags application "$3" 2>&1); then',
        '  case "$errors" in *"unadvertised object"*) ;; *) echo "$errors" >&2; exit 1 ;; esac',
        f"  git fetch --quiet --no-tags --prune application {EVERYTHING}",
        '  git cat-file -e "$3" 2>/dev/null || { echo "no such commit" >&2; exit 1; }',
        "fi",
        'commit=$(commit_of "$3")',
        'keep "$commit"',
        arguments=[repository, folder, commit],
    )  # fmt: skip


def fetch_beginning(repository: str, folder: str, beginning: str) -> Command:
    """The commit whose id begins so, among all branches and tags; prints "candidate <id>" lines when there are several."""
    return script(
        *QUIETLY, *ALONE, "folder=$2", *LIST, *KEEP,
        f"git fetch --quiet --no-tags --prune application {EVERYTHING}",
        'found=$(git rev-parse --disambiguate="$3" | git cat-file --batch-check="%(objectname) %(objecttype)" |',
        '  awk \'$2 == "commit" {print $1}\')',
        '[ -n "$found" ] || { echo "no such commit" >&2; exit 1; }',
        'if [ "$(wc -l <<< "$found")" -gt 1 ]; then sed "s/^/candidate\\t/" <<< "$found"; exit 0; fi',
        'keep "$found"',
        arguments=[repository, folder, beginning],
    )  # fmt: skip


def fetch_bundle(repository: str, folder: str, commit: str, bundle: str, shallow: Sequence[str] = ()) -> Command:
    """The commit out of a bundle file, which is removed whatever comes; `shallow` are commits without their parents."""
    return script(
        *QUIETLY,
        'bundle=$4; trap \'rm -f "$bundle"\' EXIT',
        *ALONE, "folder=$2 commit=$3", *LIST,
        'repository=$1; shift 4',
        'if [ $# -gt 0 ]; then',
        '  { cat "$repository/shallow" 2>/dev/null || true; printf "%s\\n" "$@"; } | sort -u > "$repository/shallow.next"',
        '  mv "$repository/shallow.next" "$repository/shallow"',
        "fi",
        'git fetch --quiet --no-tags "$bundle" "refs/resonant/$commit:refs/resonant/$commit"',
        'list "refs/resonant/$commit"',
        arguments=[repository, folder, commit, bundle, *shallow],
    )  # fmt: skip


def list_known(repository: str, folder: str = "") -> Command:
    """A line for each stored commit: "stored", the type of its folder, the commit, its title."""
    return script(*QUIETLY, "folder=$2", *LIST, "list refs/resonant", arguments=[repository, folder])


def resolve(repository: str, ref: str) -> Command:
    """Print the stored commit's whole id; the network is not asked."""
    return script(*QUIETLY, 'git rev-parse --verify --quiet "$2^{commit}"', arguments=[repository, ref])


def export(commit: Commit, target: str) -> Command:
    """The application's files as a new folder, complete or not at all; one that is there already is left alone.

    By a checkout: `git archive` would leave out what .gitattributes marks for archives.
    """
    return script(
        *QUIETLY,
        '[ ! -e "$3" ] || exit 0',
        'part="$3.part"; trap \'rm -rf "$part"\' EXIT',
        'umask 022; rm -rf "$part"; mkdir -p "$part/files"',
        'export GIT_INDEX_FILE="$part/index" GIT_WORK_TREE="$part/files"',
        'git read-tree "$2"',
        "git checkout-index --all --force",
        'mv -T "$part/files" "$3"',
        arguments=[commit.repository, f"{commit.sha}:{commit.folder}", target],
    )  # fmt: skip


def read_file(commit: Commit, path: str) -> Command:
    """Print a file of the application; a missing one prints nothing."""
    return script(
        *QUIETLY,
        'if [ "$(git cat-file -t "$2" 2>/dev/null)" = blob ]; then git cat-file blob "$2"; fi',
        arguments=[commit.repository, build_object_name(commit, path)],
    )


def read_trees(commit: Commit, paths: Sequence[str]) -> Command:
    """The object ids of folders and files, which change with their content: see `resonant.fetching.parse_objects`."""
    return script(
        *QUIETLY,
        "shift",
        'printf "%s\\n" "$@" | git cat-file --batch-check="%(objecttype) %(objectname)"',
        arguments=[commit.repository, *(build_object_name(commit, path) for path in paths)],
    )


def prune(repository: str, keep: Sequence[str], newest: int) -> Command:
    """Forget stored commits beyond the newest, but never those to keep; git then decides whether to tidy up."""
    return script(
        *QUIETLY,
        '[ -d "$1" ] || exit 0',
        *ALONE,
        "repository=$1 newest=$2; shift 2",
        'cd "$repository/refs/resonant" 2>/dev/null || exit 0',
        'old=$(ls -1t | tail -n "+$((newest + 1))" | { grep -vxFf <(printf "%s\\n" "$@") || true; })',
        '[ -n "$old" ] || exit 0',
        'sed "s|^|delete refs/resonant/|" <<< "$old" | git update-ref --stdin',
        f'find "$repository" -maxdepth 1 -name "incoming-*" -mmin +{STALE_SCRATCH_MINUTES} -delete',
        "git gc --auto --quiet",
        arguments=[repository, str(newest), *keep],
    )


def create_scratch(repository: str) -> Command:
    """A bare repository beside the site's, which has all of its commits and changes none; prints its path."""
    return script(
        "export LC_ALL=C",
        f"folder=$(mktemp -d {SCRATCH}XXXXXXXX)",
        'scratch="$folder/application.git"',
        'git init --quiet --bare --template= "$scratch"',
        'if [ -d "$1/objects" ]; then',
        '  printf "%s\\n" "$1/objects" > "$scratch/objects/info/alternates"',
        '  git --git-dir="$1" for-each-ref --format="create %(refname) %(objectname)" refs/resonant |',
        '    git --git-dir="$scratch" update-ref --stdin',
        '  if [ -e "$1/shallow" ]; then cp "$1/shallow" "$scratch/shallow"; fi',
        "fi",
        'echo "$scratch"',
        arguments=[repository],
    )  # fmt: skip


def remove_scratch(scratch: str) -> Command:
    """And with it those that killed runs left behind."""
    if not scratch.startswith(SCRATCH):
        raise ValueError(f"{scratch} is not a scratch repository")
    return script(
        'rm -rf "$1"',
        f'find {posixpath.dirname(SCRATCH)} -maxdepth 1 -name "{posixpath.basename(SCRATCH)}*" '
        f"-mmin +{STALE_SCRATCH_MINUTES} -exec rm -rf {{}} +",
        arguments=[posixpath.dirname(scratch)],
    )


def build_object_name(commit: Commit, path: str) -> str:
    """As git spells a path of the application inside the commit."""
    inside = posixpath.normpath(posixpath.join(commit.folder, path)) if commit.folder or path else ""
    return f"{commit.sha}:{'' if inside == '.' else inside}"
