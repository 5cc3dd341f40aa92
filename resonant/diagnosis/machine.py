"""Rules about what ran out or does not fit: disk, memory, processor."""

import re

from resonant.diagnosis.case import Case, Diagnosis, Stage
from resonant.diagnosis.evidence import Container, Disk
from resonant.diagnosis.patterns import ARCHITECTURE_WORDS, DISK_WORDS, MEMORY_WORDS, Found, find_all
from resonant.diagnosis.words import telling_line

FULL_BYTES = 100_000_000
KILLED = 137


def disk_is_full(case: Case) -> Diagnosis | None:
    """Said by a program, or measured; what was measured decides between bytes and inodes."""
    full = [disk for disk in case.evidence.host.disks if disk.free_bytes < min(FULL_BYTES, disk.total_bytes // 100)]
    spent = [disk for disk in case.evidence.host.disks if disk.total_inodes and disk.free_inodes < 100]
    for service, text in [("", case.said), *((one.service, case.text(one)) for one in case.unwell)]:
        if found := next(find_all(DISK_WORDS, text), None):
            return _no_space(case, service, found, full, spent)
    if full:
        return case.found("disk full", "", f"{_measured(full[0])}: the disk is full")
    return case.found("inodes exhausted", "", f"{spent[0].path} has no inode left") if spent else None


def _no_space(case: Case, service: str, found: Found, full: list[Disk], spent: list[Disk]) -> Diagnosis:
    if spent and not full:
        return case.found("inodes exhausted", service, f"{spent[0].path} has no inode left: {found.line}")
    measured = "; ".join(_measured(disk) for disk in (full or case.evidence.host.disks)[:1])
    cause = (
        "file system of the container full"
        if found.cause == "disk full" and service and measured and not full
        else found.cause
    )
    now = f" ({measured}{'' if full else ' when looked at afterwards'})" if measured else ""
    return case.found(cause, service, found.summary + now)


def _measured(disk: Disk) -> str:
    return f"{disk.path} has {disk.free_bytes / 1e9:.2f} of {disk.total_bytes / 1e9:.1f} GB free"


def ran_out_of_memory(case: Case) -> Diagnosis | None:
    """The kernel's word before the program's own."""
    for one in case.unwell:
        if one.oom_killed or one.oom_kills:
            limit = (
                f"its limit is {one.memory_limit / 2**20:.0f} MiB" if one.memory_limit else "it has no limit of its own"
            )
            again = f", {one.oom_kills} times lately" if one.oom_kills > 1 else ""
            summary = f"the kernel killed a process of it for want of memory{again}; {limit}"
            return case.found("out of memory", one.service, summary, *_kernel_lines(case, one))
    for one in case.unwell:
        if found := MEMORY_WORDS.find(case.text(one)):
            limit = f" (the container's limit is {one.memory_limit / 2**20:.0f} MiB)" if one.memory_limit else ""
            return case.found(
                "out of memory", one.service, f"it says itself that its memory ran out: {found.line}{limit}"
            )
    if case.stage is Stage.MIGRATE and re.search(r"\bexit code 137\b|^Killed$", case.said, re.MULTILINE):
        return case.found("out of memory", "", f"the migration was killed: {telling_line(case.said.splitlines())}")
    return None


def _kernel_lines(case: Case, one: Container) -> list[str]:
    lines = [line for line in case.evidence.host.kernel if "Killed process" in line]
    return [f"kernel: {lines[-1][lines[-1].index('Killed process') :]}"] if lines and one.oom_kills else []


def architecture_differs(case: Case) -> Diagnosis | None:
    """A foreign image may run (emulated), so only one that does not is blamed."""
    host = case.evidence.host.architecture
    for one in case.unwell:
        found = ARCHITECTURE_WORDS.find(one.output)
        foreign = bool(one.architecture and host) and one.architecture != host
        if (found and foreign) or (foreign and (one.code or one.error)):
            said = f": {found.line}" if found else ""
            return case.found(
                "wrong architecture", one.service, f"its image is for {one.architecture}, the host is {host}{said}"
            )
        if found:
            where = (
                f"image and host are both {host}"
                if one.architecture
                else f"the host is {host or 'of an unknown architecture'}"
            )
            summary = f"{found.line}: {where}, so the program inside was built for another processor, or is a script without its #! line"
            return case.found("wrong architecture", one.service, summary)
    if case.stage is not Stage.BUILD and (found := ARCHITECTURE_WORDS.find(case.said)):
        return case.found("wrong architecture", "", f"{found.line}; the host is {host or 'unknown'}")
    return None
