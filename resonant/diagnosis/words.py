"""Which lines of a log tell the failure."""

import re
from collections.abc import Sequence

READY = re.compile(
    r"Uvicorn running on|Application startup complete|Listening (?:at|on)|\blistening\b|"
    r"Server (?:is )?(?:running|started|ready)|started server|"
    r"Tomcat started|Started \S+ in [\d.]+ seconds|Ready in|ready to accept|start worker process|"
    r"Running on http|Development Server \(http|Now listening|server started|accepting connections|Serving (?:HTTP )?on",
    re.IGNORECASE,
)
NOISE = re.compile(
    r"^\s*$|^\s+at |^\s+from |^\s*[~^]+\s*$|^Node\.js v|^npm (?:ERR!|error|notice)|"
    r"^goroutine |^\s+\S+\.go:\d+|^exit status|^Exiting\.?$|^\s*}?\s*$|^\s*throw |"
    r"^note: run with|^\s*\.\.\. \d+ more|^#\d+ \S+\(\d+\)|^\s+thrown in |^\s*File \"|^Traceback|^stack backtrace|^node:internal"
)
# The first that fits anywhere wins; of its lines the last: the newest run, and the innermost of a chain of causes.
TELLING = tuple(
    re.compile(one)
    for one in (
        r"^Caused by: ",
        r"^panic: |panicked at|^fatal error: |Exception in thread|\bUncaught\b|UnhandledPromiseRejection|\[emerg\]",
        r"^\s*\[?(?:[A-Za-z_]\w*(?:\.|::|\\))*\w*(?:Error|Exception|Exit|Violation|"
        r"Undefined\w+|NotAvailable|Failure|Invalid)\b(?: \[\w+\])?\s*(?::|\(|$)",
        r"\((?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception)\)\s*$",
        r"\b(?:FATAL|PANIC|CRITICAL|EMERG|SEVERE)\b|^ERROR:",
        r"(?i)\b(?:error|fatal|failed|failure|denied|refused|cannot|can't|unable|invalid|missing|not found|no such)\b",
    )
)
LINES = 3


def fresh_lines(log: Sequence[str]) -> list[str]:
    """What came after the program last said that it is ready; all of it when it never did."""
    ready = [number for number, line in enumerate(log) if READY.search(line)]
    return list(log[ready[-1] + 1 :] if ready else log)


def _kept(lines: Sequence[str]) -> list[str]:
    """Without frames of a stack: in Python's, the source line that follows the file is one too."""
    frames = {number + 1 for number, line in enumerate(lines) if line.startswith('  File "')}
    return [line for number, line in enumerate(lines) if number not in frames and not NOISE.search(line)]


def telling_line(lines: Sequence[str]) -> str:
    """The one line that says most; "" when there is none."""
    kept = _kept(lines)
    for expression in TELLING:
        for number in reversed(range(len(kept))):
            if expression.search(kept[number]):
                # Rust says where in the first line and what in the second.
                follows = kept[number + 1] if "panicked at" in kept[number] and number + 1 < len(kept) else ""
                return f"{kept[number].strip()} {follows.strip()}".strip()
    return kept[-1].strip() if kept else ""


def telling_lines(lines: Sequence[str]) -> list[str]:
    """That line, and the last ones, in their order."""
    kept = [line.strip() for line in _kept(lines)]
    last = kept[-LINES:]
    best = telling_line(lines)
    return last if best in last or not best else [best, *last[1:]]


def quote(text: str, limit: int) -> str:
    """On one line and not too long, without passwords in URLs."""
    line = re.sub(r"(://[^\s:/@]*):[^\s/@]+@", r"\1:***@", " ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit * 2 // 3]} … {line[-limit // 3 :]}"
