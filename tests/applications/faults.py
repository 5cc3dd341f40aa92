"""Ways to break the guestbook: each edits a copy of its files, and says what the diagnosis must then name.

`cause` is a name of resonant/diagnosis/causes.py; `words` are evidence: what Docker, the kernel, BuildKit or the program itself
said when the fault was tried on a real engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Edit = Callable[[Path], None]
FOREIGN_MACHINE = 22  # s390x: neither of the architectures that we run on


@dataclass(frozen=True)
class Fault:
    name: str
    edit: Edit
    cause: str
    words: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    also: str = ""
    """A cause that is as right: a rehearsal without a registry cannot tell a missing image from one that it has no way to."""
    is_after_switch: bool = False
    """Only visitors meet it: the release becomes healthy and is switched to first."""
    is_in_description: bool = False
    """Seen before anything is built; `cause` is not a diagnosis but an error class of ours."""


SHORT = {"RESONANT_HEALTH_DEADLINE_SECONDS": "8"}
LITTLE_MEMORY = {"RESONANT_BUILD_MEMORY_IN_GBS": "0.25"}


# How files are edited. An edit that finds nothing to change is a fault of the table itself.


def replace(file: str, old: str, new: str) -> Edit:
    def edit(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (folder / file).write_text(text.replace(old, new))

    return edit


def prepend(file: str, lines: str) -> Edit:
    return lambda folder: write(folder / file, f"{lines}\n{(folder / file).read_text()}")


def write(path: Path, text: str) -> None:
    path.write_text(text)


def together(*edits: Edit) -> Edit:
    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def serve_instead(file: str) -> Edit:
    """The web service runs this file of the copy."""
    return replace(
        "compose.yaml", "    container_name: guestbook\n", f"    container_name: guestbook\n    command: node {file}\n"
    )


def build_step(line: str) -> Edit:
    return replace("Dockerfile", "USER node\n", f"{line}\nUSER node\n")


def web_option(line: str) -> Edit:
    return replace("compose.yaml", "    container_name: guestbook\n", f"    container_name: guestbook\n    {line}\n")


HEALTHY = "async (request, response) => answerJson(response, 200, { status: 'ok', version: VERSION })"


def health(handler: str) -> Edit:
    return replace("server.mjs", HEALTHY, handler)


def visitors_meet(statement: str) -> Edit:
    """From the twelfth second after the first visitor who came through nginx: so the gate, the switch and the check are passed."""
    return together(
        prepend("server.mjs", "let firstVisit = 0;"),
        replace(
            "server.mjs",
            "  try {\n    await route(",
            "  if (request.headers['x-forwarded-for']) firstVisit ||= Date.now();\n"
            f"  if (firstVisit && Date.now() - firstVisit > 12000 && request.headers['x-forwarded-for']) {statement}\n"
            "  try {\n    await route(",
        ),
    )


def foreign_program(folder: Path) -> None:
    """An image whose only file is the head of a program for another processor."""
    head = b"\x7fELF\x02\x02\x01" + bytes(9)
    fields = (2).to_bytes(2, "big") + FOREIGN_MACHINE.to_bytes(2, "big") + (1).to_bytes(4, "big") + bytes(40)
    program = head + fields
    (folder / "program").write_bytes(program)
    (folder / "program").chmod(0o755)
    (folder / "Foreign.dockerfile").write_text('FROM scratch\nCOPY --chmod=755 program /program\nCMD ["/program"]\n')
    replace("compose.yaml", "      context: .\n", "      context: .\n      dockerfile: Foreign.dockerfile\n")(folder)


FAULTS = (
    Fault(
        "crash at start",
        prepend("server.mjs", "throw new Error('the ink has dried up');"),
        "crash", ("web", "the ink has dried up"),
    ),
    Fault(
        "exit code of its own",
        prepend("server.mjs", "console.error('no paper left');\nprocess.exit(3);"),
        "crash", ("web", "exit code 3", "no paper left"),
    ),
    Fault(
        "crash after two seconds",
        prepend("server.mjs", "setTimeout(() => { throw new Error('the binding came loose'); }, 2000);"),
        "crash", ("web", "the binding came loose"), SHORT,
    ),
    Fault(
        "variable missing",
        prepend("server.mjs", "if (!process.env.STAMP_URL) throw new Error('STAMP_URL is not set');"),
        "missing variable", ("web", "STAMP_URL"),
    ),
    Fault(
        "wrong port",
        replace("server.mjs", "?? 3000)", "?? 3001)"),
        "wrong port", ("web", "3000", "3001"), SHORT,
    ),
    Fault(
        "listens on loopback",
        replace("server.mjs", "'0.0.0.0'", "'127.0.0.1'"),
        "listens on loopback only", ("web", "127.0.0.1:3000"), SHORT,
    ),
    Fault(
        "health answers 500",
        health("async (request, response) => answerJson(response, 500, { error: 'the stamps are gone' })"),
        "health fails", ("web", "500", "the stamps are gone"), SHORT,
    ),
    Fault(
        "health is not there",
        replace("server.mjs", "'GET /healthz'", "'GET /health'"),
        "health path not found", ("web", "404", "/healthz"), SHORT,
    ),
    Fault(
        "health hangs",
        health("async () => {}"),
        "health hangs", ("web", "/healthz"), SHORT,
    ),
    Fault(
        "health never ends",
        health("async (request, response) => { response.writeHead(200); setInterval(() => response.write('and '), 100); }"),
        "health body never ends", ("web", "/healthz"), SHORT,
    ),
    Fault(
        "health hangs up",
        health("async (request) => request.socket.destroy()"),
        "health connection closed", ("web", "/healthz"), SHORT,
    ),
    Fault(
        "health wants a login",
        health("async (request, response) => answerJson(response, 401, { error: 'who are you?' })"),
        "health refused", ("web", "401"), SHORT,
    ),
    Fault(
        "out of memory",
        together(
            web_option("mem_limit: 64m"),
            prepend("server.mjs", "const hoard = []; while (hoard.length < 64) hoard.push(Buffer.alloc(16 * 1024 ** 2, 1));"),
        ),
        "out of memory", ("web", "memory"), SHORT,
    ),
    Fault(
        "command not found",
        web_option('entrypoint: ["/usr/local/bin/guestbokk"]'),
        "command not found", ("web", "guestbokk"), SHORT,
    ),
    Fault(
        "module missing",
        prepend("server.mjs", "import 'left-margin';"),
        "module missing", ("web", "left-margin"),
    ),
    Fault(
        "wrong architecture",
        foreign_program,
        "wrong architecture", ("web", "exec format error"), SHORT,
    ),
    Fault(
        "slow start",
        replace("server.mjs", "server.listen(Number", "setTimeout(() => {}, 3600000);\nif (process.env.NEVER) server.listen(Number"),
        "nothing listens", ("web", "3000"), SHORT,
    ),
    Fault(
        "ends at once",
        together(serve_instead("hello.mjs"), lambda folder: write(folder / "hello.mjs", "console.log('good day');\n")),
        "exits at once", ("web", "good day"), SHORT,
    ),
    Fault(
        "daemon exits",
        prepend("worker.mjs", "console.error('the pages are glued together');\nprocess.exit(5);"),
        "crash", ("worker", "exit code 5", "the pages are glued together"),
    ),
    Fault(
        "read-only file system",
        together(
            web_option("read_only: true"),
            prepend("server.mjs", "import { writeFileSync as scribble } from 'node:fs';\nscribble('/app/visits.txt', '1');"),
        ),
        "read-only file system", ("web", "/app/visits.txt"),
    ),
    Fault(
        "permission denied",
        prepend("server.mjs", "import { writeFileSync as scribble } from 'node:fs';\nscribble('/etc/visits.txt', '1');"),
        "permission denied", ("web", "/etc/visits.txt"),
    ),
    Fault(
        "tmpfs full",
        together(
            web_option("tmpfs: ['/scratch:size=1m,mode=1777']"),
            prepend(
                "server.mjs",
                "import { writeFileSync as scribble } from 'node:fs';\nscribble('/scratch/visits.txt', Buffer.alloc(4 * 1024 ** 2));",
            ),
        ),
        "file system of the container full", ("web", "no space left on device"),
    ),
    Fault(
        "build step fails",
        build_step("RUN echo 'the press is jammed' >&2 && exit 7"),
        "build step failed", ("the press is jammed", "exit code: 7"),
    ),
    Fault(
        "build file missing",
        build_step("COPY covers.txt ./"),
        "build file missing", ("covers.txt",),
    ),
    Fault(
        "Dockerfile with a typing error",
        replace("Dockerfile", "WORKDIR", "WORKDIRR"),
        "Dockerfile error", ("WORKDIRR",),
    ),
    Fault(
        "base image missing",
        replace("Dockerfile", "FROM node:24-trixie-slim", "FROM node:24-no-such-suite"),
        "image missing", ("node:24-no-such-suite",), also="registry unreachable",
    ),
    Fault(
        "build out of memory",
        build_step("RUN node -e 'const hoard = []; while (hoard.length < 128) hoard.push(Buffer.alloc(16 * 1024 ** 2, 1))'"),
        "build out of memory", ("memory",), LITTLE_MEMORY,
    ),
    Fault(
        "disk full while building",
        build_step("RUN --mount=type=tmpfs,target=/scratch,size=4m dd if=/dev/zero of=/scratch/pages bs=1M count=16"),
        "disk full", ("no space left on device",),
    ),
    Fault(
        "Compose file invalid",
        replace("compose.yaml", "    restart: unless-stopped\n    ports:", "    restart: unless-stopped\n    prots:"),
        "Compose file invalid", ("prots",), is_in_description=True,
    ),
    Fault(
        "path that nginx could not read",
        replace("resonant.yaml", "paths: [/]", "paths: ['/a;{b']"),
        "ApplicationInvalid", ("paths",), is_in_description=True,
    ),
    Fault(
        "service that is not there",
        replace("resonant.yaml", "  web: {port", "  wbe: {port"),
        "ApplicationInvalid", ("wbe",), is_in_description=True,
    ),
    Fault(
        "secret without a value",
        replace("resonant.yaml", "  GREETING:", "  STAMP_KEY: {secret: true}\n  GREETING:"),
        "SettingsInvalid", ("STAMP_KEY",), is_in_description=True,
    ),
    Fault(
        "errors for visitors",
        visitors_meet("return answerJson(response, 500, { error: 'torn page' });"),
        "error rate", ("500",), is_after_switch=True,
    ),
    Fault(
        "slow for visitors",
        visitors_meet("await new Promise((done) => setTimeout(done, 4000));"),
        "latency", ("p95",), is_after_switch=True,
    ),
)  # fmt: skip
BY_NAME = {fault.name: fault for fault in FAULTS}
