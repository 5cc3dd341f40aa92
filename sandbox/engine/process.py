"""Background processes that outlive the command that started them, remembered by process id and start time."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

# The start time, too, so that a recycled process id is never taken for ours.
CLOCK_TOLERANCE_SECONDS = 1.0


def start_background(
    command: Sequence[str], log: Path, record: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Process id. The process has a session of its own and writes to the log file alone."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment,
        )
    try:
        started = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        started = 0.0
    record.write_text(json.dumps({"pid": process.pid, "started": started}) + "\n")
    return process.pid


def find_process(record: Path) -> psutil.Process | None:
    """The process that this record speaks of, if it still runs."""
    try:
        kept = json.loads(record.read_text())
        process = psutil.Process(kept["pid"])
        same = abs(process.create_time() - kept["started"]) < CLOCK_TOLERANCE_SECONDS
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def stop_process(record: Path, timeout_seconds: float) -> bool:
    """Ends it, first politely, and forgets it; False when it did not run."""
    process = find_process(record)
    record.unlink(missing_ok=True)
    if process is None:
        return False
    try:
        process.terminate()
        process.wait(timeout_seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout_seconds)
    except psutil.NoSuchProcess:
        return False
    return True
