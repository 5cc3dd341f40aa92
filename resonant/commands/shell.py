"""Several commands as one, with the strictness that a plain `sh -c` lacks."""

import shlex
from collections.abc import Sequence

Command = list[str]


def script(*lines: str, arguments: Sequence[str] = ()) -> Command:
    """A bash script that stops at the first failure; `arguments` are $1, $2, …"""
    return ["bash", "-euo", "pipefail", "-c", "\n".join(lines), "script", *arguments]


def joined(*commands: Sequence[str]) -> Command:
    """Run the commands one after the other, up to the first that fails."""
    return script(*(shlex.join(command) for command in commands))


def switch_link(link: str, target: str) -> Command:
    """Point a symbolic link at the target in one atomic step."""
    return script('ln -sfn "$2" "$1.next"', 'mv -T "$1.next" "$1"', arguments=[link, target])


def unpack(archive: str, folder: str) -> Command:
    """Unpack a gzipped tar archive into a folder that appears complete or not at all, then remove the archive."""
    return script(
        'rm -rf "$2.part"', 'mkdir -p "$2.part"', 'tar -xzf "$1" --no-same-owner -C "$2.part"', 'rm -rf "$2"',
        'mv -T "$2.part" "$2"', 'rm -f "$1"', arguments=[archive, folder],
    )  # fmt: skip


def read_file(path: str) -> Command:
    """Print a file; a missing one prints nothing."""
    return script('if [ -e "$1" ]; then cat "$1"; fi', arguments=[path])


def wait_for_first_boot() -> Command:
    """Until cloud-init has finished; it exits with 2 when it recovered from errors. Nothing to wait for where it has its mark."""
    return script(
        "[ -e /var/lib/cloud/instance/boot-finished ] && exit 0",
        "command -v cloud-init >/dev/null || exit 0",
        "cloud-init status --wait >/dev/null || [ $? -eq 2 ]",
    )


def prune_folder(folder: str, current_link: str, keep: int) -> Command:
    """Remove the older entries of a folder: what the link points to stays, and the newest `keep` besides it.

    Fails, and removes nothing, when the link leads nowhere.
    """
    return script(
        'current=$(basename "$(readlink -e "$2" || echo /dev/null/none)")',
        'test -e "${1:?}/$current"',
        'ls -1t "$1" | { grep -vxF "$current" || true; } | tail -n "+$3" |',
        'while IFS= read -r name; do rm -rf "${1:?}/${name:?}"; done',
        arguments=[folder, current_link, str(keep + 1)],
    )


def read_files(*paths: str) -> Command:
    """One JSON object of path and text, in one round trip; a missing file is left out."""
    ask = (
        "import json, pathlib, sys\n"
        "files = [pathlib.Path(name) for name in sys.argv[1:]]\n"
        "print(json.dumps({str(file): file.read_text() for file in files if file.is_file()}))\n"
    )
    return ["python3", "-c", ask, *paths]


def write_files(archive: str, folder: str) -> Command:
    """Unpack a gzipped tar archive over a folder's files, then remove the archive."""
    return script('mkdir -p "$2"', 'tar -xzf "$1" --no-same-owner -C "$2"', 'rm -f "$1"', arguments=[archive, folder])


def list_checksums(folder: str) -> Command:
    """SHA-256 of every file below, as sha256sum prints them; nothing where there is no such folder."""
    return script(
        'cd "$1" 2>/dev/null || exit 0', "find . -type f -print0 | sort -z | xargs -0 -r sha256sum", arguments=[folder]
    )
