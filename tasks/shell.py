"""Run the same command here or over SSH: the `Host` says which. The only importer of prefect_shell."""

import os
import re
import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from prefect_shell import ShellOperation

from resonant import remote
from resonant.errors import ResonantError
from resonant.remote import Host

OnLine = Callable[[str], None]
TIMEOUT_SECONDS = 120


def run(
    host: Host, command: Sequence[str], *, timeout_seconds: float = TIMEOUT_SECONDS, on_line: OnLine | None = None
) -> str:
    """Run as root on the host and return standard output; `on_line` sees each line as it comes.

    Raises RemoteCommandFailed, and LeaseLost when the host is leased and another run has taken the site over.
    """
    if host.is_local:
        return run_here(host, command, timeout_seconds=timeout_seconds, stream=on_line is not None)
    return remote.run(host, command, timeout_seconds=timeout_seconds, on_line=on_line)


def run_here(host: Host, command: Sequence[str], *, timeout_seconds: float, stream: bool) -> str:
    """On this machine, by prefect-shell; its output goes to the run's log when `stream`.

    The output is read from a file: prefect-shell itself keeps lines only, and not quite as they were printed.
    """
    with tempfile.TemporaryDirectory(prefix="resonant-") as folder:
        output, errors = Path(folder) / "stdout", Path(folder) / "stderr"
        line = shlex.join(remote.build_leased(host, command))
        bounded = f"timeout -k {remote.KILL_AFTER_SECONDS} {timeout_seconds:g} {line} 2> {errors}"
        operation = ShellOperation(  # noqa: S604  # the lines are quoted by shlex
            commands=["set -euo pipefail", f"{bounded} | tee {output}" if stream else f"{bounded} > {output}"],
            stream_output=stream,
            log_prefix=None,
            shell="bash",  # the lines are quoted by shlex
        )
        try:
            operation.run()
        except RuntimeError as error:
            told = _read(errors).strip() or _read(output)
            raise remote.build_failure(host, command, _exit_code(error), told) from None
        return _read(output)


def put(host: Host, content: bytes, path: str, *, mode: int = 0o644) -> None:
    """Write a file owned by root on the host, atomically; it never has wider rights than `mode`."""
    if not host.is_local:
        return remote.put(host, content, path, mode=mode)
    target = Path(path)
    try:
        part = _write_part(target, content, mode)
        if not host.lease:
            part.replace(target)
    except OSError as error:
        raise ResonantError(
            f"Could not write {path}: {error.strerror}. Is the disk full, and is this run root's?"
        ) from error
    if host.lease:
        _move(host, part, target)
    return None


def _write_part(target: Path, content: bytes, mode: int) -> Path:
    """The content beside the target, so that one move puts it there."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    part.chmod(mode)
    return part


def _move(host: Host, part: Path, target: Path) -> None:
    """As a command, because the fence stands before commands."""
    try:
        run(host, ["mv", "-fT", str(part), str(target)])
    finally:
        part.unlink(missing_ok=True)


def _read(file: Path) -> str:
    return file.read_bytes().decode(errors="replace") if file.exists() else ""


def _exit_code(error: RuntimeError) -> int:
    found = re.search(r"return code (-?\d+)", str(error))
    return int(found.group(1)) if found else 1
