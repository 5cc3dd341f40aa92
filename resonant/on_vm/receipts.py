"""The log of changes, only ever added to: `append LOG JSON` adds one receipt, `read LOG COUNT` prints the last lines (0: all).

A line is canonical JSON that ends in `,"hash":"…"}`: the SHA-256 of the same line without that end (with its brace).
LOG.head holds number and hash of the last receipt, so that a log whose end was cut off is noticed.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

FIRST = "0" * 64
WHOLE = re.compile(rb'(\{.*),"hash":"([0-9a-f]{64})"\}')
OURS = ("at", "hash", "previous", "sequence")


def main(argv: list[str]) -> int:
    command, log, argument = argv
    try:
        printed = append(Path(log), argument) if command == "append" else read(Path(log), int(argument))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk of the VM is full; free some space there" if full else str(error)
        print(f"Could not {command} {log}: {why}.", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"Not a receipt: {error}.", file=sys.stderr)
        return 2
    print(json.dumps(printed))
    return 0


def append(log: Path, text: str) -> dict[str, Any]:
    """Number and hash of the receipt, once it is on the disk; one with the `id` of a line that is there is that line."""
    told = json.loads(text)
    if not isinstance(told, dict) or set(told) & set(OURS):
        raise ValueError(f"a JSON object without {', '.join(OURS)} is wanted")
    log.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    is_new = not log.exists()
    with os.fdopen(os.open(log, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        written = file.read()
        if found := find_same(written, told.get("id")):
            return {"sequence": found[0], "hash": found[1]}
        sequence, previous = read_last(log, written)
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line, digest = render({**told, "sequence": sequence + 1, "at": at, "previous": previous})
        # What a power cut left of a line stays on a line of its own.
        write_whole(file, line if written.endswith(b"\n") or not written else b"\n" + line)
        write_head(log, sequence + 1, digest)
    if is_new:
        allow_only_appending(log)
    return {"sequence": sequence + 1, "hash": digest}


def read(log: Path, count: int) -> dict[str, Any]:
    """The last lines as they are, the number of the first of them, and the head."""
    text, head = "", read_text(head_of(log))
    if log.exists():
        with log.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            text, head = file.read().decode(errors="replace"), read_text(head_of(log))
    lines = text.removesuffix("\n").split("\n") if text else []
    last = lines[-count:] if count else lines
    return {"first_line": len(lines) - len(last) + 1, "lines": last, "head": head}


def render(entry: dict[str, Any]) -> tuple[bytes, str]:
    body = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + f',"hash":"{digest}"}}\n'.encode(), digest


def read_last(log: Path, written: bytes) -> tuple[int, str]:
    """Number and hash to go on from: the head's, also where lines are missing, or the log's when only the head is behind."""
    known = parse_head(read_text(head_of(log)))
    for line in reversed(written.split(b"\n")):
        if found := parse_line(line):
            return found if found[0] > known[0] else known
    return known


def find_same(written: bytes, identity: str | None) -> tuple[int, str] | None:
    """After a broken connection the same receipt is sent again."""
    same = [line for line in written.split(b"\n") if identity and f'"id":"{identity}"'.encode() in line]
    return parse_line(same[-1]) if same else None


def parse_line(line: bytes) -> tuple[int, str] | None:
    """Number and hash; None for what is no whole receipt."""
    parts = WHOLE.fullmatch(line)
    if not parts:
        return None
    try:
        return int(json.loads(parts[1] + b"}")["sequence"]), parts[2].decode()
    except (ValueError, KeyError, TypeError):
        return None


def parse_head(text: str) -> tuple[int, str]:
    try:
        head = json.loads(text)
        return int(head["count"]), str(head["hash"])
    except (ValueError, KeyError, TypeError):
        return 0, FIRST


def write_whole(file: BinaryIO, line: bytes) -> None:
    while line:
        line = line[file.write(line) :]
    os.fsync(file.fileno())


def write_head(log: Path, count: int, digest: str) -> None:
    head = head_of(log)
    part = head.with_name(f".{head.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps({"count": count, "hash": digest}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(head)
    folder = os.open(log.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def allow_only_appending(log: Path) -> None:
    """Where the file system can: not even root then changes a line by mistake."""
    try:
        subprocess.run(["chattr", "+a", str(log)], capture_output=True, timeout=5, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return


def head_of(log: Path) -> Path:
    return log.with_name(f"{log.name}.head")


def read_text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
