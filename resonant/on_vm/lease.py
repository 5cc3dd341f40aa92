"""One change of the site at a time: `acquire FOLDER REQUEST [TTL]`, `renew FOLDER TOKEN`, `release FOLDER TOKEN`, `show FOLDER`.

FOLDER/token       the token whose commands may run now; empty: nobody's. Every leased command reads it right before it starts.
FOLDER/lease.json  who holds the site or held it last; the token in it never goes back
FOLDER/heartbeat   boot and boot clock of the last sign of life, written in place: a full disk ends no live lease
FOLDER/lock        held (flock) while one of these is read or changed
"""

import errno
import fcntl
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TTL_SECONDS = 45.0
HELD = 73
LOST = 75
# In the environment of every leased command, so that what a killed run left behind is found.
VARIABLE = "RESONANT_LEASE"
PATIENCE_SECONDS = 5.0
HEARTBEAT_BYTES = 128


def main(argv: list[str]) -> int:
    command, folder, *arguments = argv
    commands: dict[str, Callable[..., int]] = {"acquire": acquire, "renew": renew, "release": release, "show": show}
    try:
        return commands[command](Path(folder), *arguments)
    except OSError as error:
        print(explain(error, command, folder), file=sys.stderr)
        return 1


def acquire(folder: Path, request: str, ttl_seconds: str = str(TTL_SECONDS)) -> int:
    """Prints the lease; HELD, and whose it is on stderr, while another one is alive. The same request twice is one lease."""
    asked: dict[str, Any] = json.loads(request)
    with locked(folder):
        before = describe(folder)
        if before["alive"]:
            is_ours = before["id"] == asked["id"]
            print(json.dumps(before), file=sys.stdout if is_ours else sys.stderr)
            return 0 if is_ours else HELD
        # From here on no command of an older lease starts; those that had started carry its mark and are ended.
        invalidate(folder)
        ended = end_leftovers(folder)
        lease = {**asked, "token": choose_token(folder), "acquired_at": shown(0), "ttl_seconds": float(ttl_seconds)}
        beat(folder)
        write(folder / "lease.json", json.dumps(lease))
        write(folder / "token", f"{lease['token']}\n")
        print(json.dumps({**describe(folder), "taken_over": before if before["held"] else None, "ended": ended}))
    return 0


def renew(folder: Path, token: str) -> int:
    with locked(folder):
        if read_token(folder) != int(token):
            return tell_lost(folder, token)
        beat(folder)
    return 0


def release(folder: Path, token: str) -> int:
    with locked(folder):
        if read_token(folder) != int(token):
            return tell_lost(folder, token)
        invalidate(folder)
    return 0


def show(folder: Path) -> int:
    print(json.dumps(describe(folder)))
    return 0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits as long as it takes: whoever runs this program, and whoever holds the lock, is bound by a time limit."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def describe(folder: Path) -> dict[str, Any]:
    """As it is shown to people and programs; without a readable lease.json the holder is unknown, and still the holder."""
    token, kept, age_seconds = read_token(folder), read_lease(folder), read_age_seconds(folder)
    owner, what = ("unknown (lease.json is damaged)", "something") if token else ("", "")
    unknown = {"id": "", "owner": owner, "flow_run": "", "flow_run_id": "", "what": what, "acquired_at": ""}
    ttl_seconds = kept.get("ttl_seconds", TTL_SECONDS)
    return {
        **unknown,
        **(kept if not token or kept.get("token") == token else {}),
        "token": token,
        "held": token > 0,
        "alive": token > 0 and age_seconds <= ttl_seconds,
        "heartbeat_age_seconds": None if math.isinf(age_seconds) else round(age_seconds, 1),
        "heartbeat_at": "" if math.isinf(age_seconds) else shown(age_seconds),
    }


def read_token(folder: Path) -> int:
    try:
        return int((folder / "token").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def read_lease(folder: Path) -> dict[str, Any]:
    """Empty when it is missing, cut off or not ours."""
    try:
        kept = json.loads((folder / "lease.json").read_text())
        return {**kept, "token": int(kept["token"]), "ttl_seconds": float(kept["ttl_seconds"])}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {}


def read_age_seconds(folder: Path) -> float:
    """Of the last heartbeat; endless when there is none, or when it is of an earlier boot."""
    try:
        boot, clock = (folder / "heartbeat").read_text().split()
        age_seconds = read_boot_clock() - float(clock)
    except (FileNotFoundError, ValueError):
        return math.inf
    return age_seconds if boot == read_boot() and age_seconds >= 0 else math.inf


def read_boot() -> str:
    """Names this boot, also in a container: the kernel's boot and the tick at which PID 1 started."""
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ticks = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    return f"{kernel}/{ticks}"


def read_boot_clock() -> float:
    """Seconds that no change of date or time moves; they go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def choose_token(folder: Path) -> int:
    """Above every earlier one; the date is above all of them when their count is lost."""
    kept = read_lease(folder)
    return int(kept["token"]) + 1 if kept else time.time_ns() // 10**6


def beat(folder: Path) -> None:
    # Cut off, not rounded: a heartbeat that seems to come from the future would count as none.
    clock = math.floor(read_boot_clock() * 1000) / 1000
    text = f"{read_boot()} {clock:.3f}".ljust(HEARTBEAT_BYTES)
    descriptor = os.open(folder / "heartbeat", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, text.encode(), 0)
    finally:
        os.close(descriptor)


def invalidate(folder: Path) -> None:
    """Needs no space on the disk."""
    descriptor = os.open(folder / "token", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(file: Path, text: str) -> None:
    """In one step, also when the power fails."""
    part = file.with_name(f".{file.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as content:
        content.write(text)
        content.flush()
        os.fsync(content.fileno())
    part.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def end_leftovers(folder: Path) -> list[str]:
    """End what earlier leases of this folder started: TERM, KILL after 5 s. Returns what it was, one line for each process."""
    ended: dict[int, str] = {}
    started = time.monotonic()
    while left := find_leftovers(folder):
        waited_seconds = time.monotonic() - started
        if waited_seconds > 2 * PATIENCE_SECONDS:
            raise OSError(errno.EBUSY, f"{', '.join(left.values())} of an earlier run cannot be ended; reboot the VM")
        for pid in left:
            if waited_seconds > PATIENCE_SECONDS:
                send(pid, signal.SIGKILL)
            elif pid not in ended:
                send(pid, signal.SIGTERM)
        ended |= left
        time.sleep(0.05)
    return list(ended.values())


def find_leftovers(folder: Path) -> dict[int, str]:
    """Process ids and commands. A zombie has no environment any more, so it is none of them."""
    start, end = f"{VARIABLE}=".encode(), f"@{folder}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            if any(entry.startswith(start) and entry.endswith(end) for entry in environment):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(process.name)] = f"{' '.join(words.split())[:120]} (process {process.name})"
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def tell_lost(folder: Path, token: str) -> int:
    print(json.dumps({**describe(folder), "asked": int(token)}), file=sys.stderr)
    return LOST


def shown(age_seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=age_seconds)).isoformat(timespec="seconds").replace("+00:00", "Z")


def explain(error: OSError, command: str, folder: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk of the VM is full, so the lease in {folder} cannot be written. Free some space there "
            "(sudo docker image prune --all; sudo journalctl --vacuum-size=100M) and run again."
        )
    return f"Could not {command} the lease in {folder}: {error.strerror or error}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
