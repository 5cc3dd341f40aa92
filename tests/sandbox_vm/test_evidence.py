"""What `resonant/on_vm/evidence.py` sees of real containers, and that neither they nor their secrets get the better of it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from resonant.commands.on_vm import on_vm
from resonant.diagnosis import Diagnosis, Expectation, ExpectedWeb, Stage, diagnose, parse_evidence
from sandbox.engine.daemon import ensure_bootstrap_tools, ensure_engine
from sandbox.images.bases import ensure_base
from sandbox.images.building import build
from sandbox.images.catalog import TOOLS
from sandbox.images.reachability import read_reachability
from sandbox.place import Place

LABEL = "resonant-test-evidence"
PASSWORD = "correct-horse-battery"
SHORT_SECRET = "q7"
PORT = 8000
LONGEST_SECONDS = 15  # 8 on a machine that has nothing else to do
Run = Callable[..., "Box"]


class Box:
    """A container and what was collected about it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""

    def collect(self, port: int = PORT, health: str = "/health") -> dict[str, Any]:
        address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", self.name) or "172.17.255.254"
        web = {"backend": {"address": address, "port": port, "health": health}}
        request = {"containers": {"backend": self.name}, "web": web, "database": None, "log_lines": 40}
        began = time.monotonic()
        self.text = subprocess.run(
            on_vm("evidence", json.dumps(request)), capture_output=True, text=True, check=True, timeout=60
        ).stdout
        assert time.monotonic() - began < LONGEST_SECONDS
        assert len(self.text) <= 60_001
        told: dict[str, Any] = json.loads(self.text)
        return told

    def diagnose(self, port: int = PORT) -> Diagnosis:
        self.collect(port)
        expected = Expectation((ExpectedWeb("backend", port, "/health"),), 10)
        return diagnose(Stage.START, "", parse_evidence(self.text), expected)

    def wait_for_log(self, words: str) -> None:
        deadline = time.monotonic() + 30
        while words not in docker("logs", self.name):
            assert time.monotonic() < deadline, f"{words!r} never came"
            time.sleep(0.1)

    def wait_for(self, field: str, accept: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + 60
        while not accept(docker("inspect", "--format", f"{{{{{field}}}}}", self.name)):
            assert time.monotonic() < deadline, field
            time.sleep(0.1)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout + done.stderr).strip() if arguments[0] == "logs" else done.stdout.strip()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One with Python, which the sandbox needs anyway."""
    place = Place(tmp_path_factory.mktemp("evidence"))
    place.open_state()
    ensure_engine(place.state)
    genuine = read_reachability(place.state).answers
    if not genuine:
        ensure_bootstrap_tools(place.state)
    log = place.state / "images.log"
    return build(TOOLS, ensure_base("trixie", genuine=genuine, log=log), log)


@pytest.fixture
def run(image: str, request: pytest.FixtureRequest) -> Iterator[Run]:
    names: list[str] = []

    def start(*command: str, options: tuple[str, ...] = ()) -> Box:
        names.append(f"{LABEL}-{len(names)}-{time.monotonic_ns()}")
        docker(
            "run",
            "--detach",
            "--label",
            LABEL,
            "--name",
            names[-1],
            *options,
            "--entrypoint",
            command[0],
            image,
            *command[1:],
        )
        return Box(names[-1])

    yield start
    docker("rm", "--force", *names)


def python(code: str) -> tuple[str, ...]:
    return ("python3", "-uc", dedent(code))


def server(answer: str, address: str = "", port: int = PORT) -> tuple[str, ...]:
    return python(
        f"""\
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *line): pass
    def do_GET(self):
{indent(dedent(answer).strip(), " " * 8)}
server = http.server.ThreadingHTTPServer(({address!r}, {port}), Handler)
print("listening")
server.serve_forever()
"""
    )


OK = "self.send_response(200); self.end_headers(); self.wfile.write(b'ok')"


def test_out_of_memory(run: Run):
    box = run(*python("held = bytearray(500_000_000)"), options=("--memory", "32m"))
    box.wait_for(".State.Status", lambda state: state == "exited")
    found = box.diagnose()
    assert (found.service, found.cause) == ("backend", "out of memory")
    assert "32 MiB" in found.summary


def test_command_that_is_not_there(run: Run):
    box = run("sh", "-c", "no-such-server --port 8000")
    box.wait_for(".State.Status", lambda state: state == "exited")
    told = box.collect()["containers"]["backend"]
    assert (told["state"], told["exit_code"], told["image_os"]) == ("exited", 127, "linux")
    assert box.diagnose().cause == "command not found"


def test_loopback_only(run: Run):
    box = run(*server(OK, address="127.0.0.1"))
    box.wait_for_log("listening")
    assert box.collect()["containers"]["backend"]["listening"] == ["127.0.0.1:8000"]
    assert box.collect()["web"]["backend"]["error"] == "refused"
    assert box.diagnose().cause == "listens on loopback only"


def test_another_port(run: Run):
    box = run(*server(OK, port=5000))
    box.wait_for_log("listening")
    found = box.diagnose()
    assert (found.cause, "0.0.0.0:5000" in found.summary) == ("wrong port", True)


def test_health_that_is_well(run: Run):
    box = run(*server(OK))
    box.wait_for_log("listening")
    told = box.collect()["web"]["backend"]
    assert (told["status"], told["body"], told["ended"], told["error"]) == (200, "ok", True, None)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ("time.sleep(600)", "health hangs"),
        ("self.send_response(200); self.end_headers()\nwhile True: self.wfile.write(b'.' * 9); time.sleep(0.05)", "health body never ends"),
        ("self.send_response(200); self.end_headers()\nwhile True: self.wfile.write(b'.' * 65536)", "health body never ends"),
        ("while True: self.wfile.write(b'H'); time.sleep(0.2)", "health hangs"),
        ("self.connection.close()", "health connection closed"),
    ],
    ids=["hangs", "trickles", "floods", "never a header", "hangs up"],
)  # fmt: skip
def test_health_that_takes_its_time(run: Run, answer: str, cause: str):
    box = run(*server(answer))
    box.wait_for_log("listening")
    assert box.diagnose().cause == cause


def test_restart_loop(run: Run):
    box = run("sh", "-c", "exit 3", options=("--restart", "always"))
    box.wait_for(".RestartCount", lambda count: int(count) >= 2)
    told = box.collect()["containers"]["backend"]
    assert told["restart_count"] >= 2
    assert 3 in (told["exit_code"], *told["exits"])
    assert "exit code 3" in box.diagnose().summary


def test_no_secret_leaves(run: Run):
    environment = {
        "DB_PASSWORD": PASSWORD,
        "PIN_TOKEN": SHORT_SECRET,
        "DATABASE_URL": "postgresql://shop:t%40ger-tail@db/shop",
        "INNOCENT": "x7f3k9q2LmZ0",
        "PEM_KEY": "-----BEGIN-----\nMIIEvQIBADANBgkq\n-----END-----",
        "APP_MODE": "production",
    }
    options = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    box = run(
        *server("self.send_response(500); self.end_headers(); self.wfile.write(repr(dict(os.environ)).encode())"),
        options=tuple(options),
    )
    docker(
        "exec",
        box.name,
        "sh",
        "-c",
        'env > /proc/1/fd/1; echo "login with $DB_PASSWORD and q7 in t@ger-tail" > /proc/1/fd/2',
    )
    box.wait_for_log("login with")
    told = box.collect()
    leaked = [
        one for one in (PASSWORD, "t%40ger-tail", "t@ger-tail", "x7f3k9q2LmZ0", "MIIEvQIBADANBgkq") if one in box.text
    ]
    assert leaked == []
    assert "login with *** and *** in ***" in told["containers"]["backend"]["log"]
    assert told["web"]["backend"]["status"] == 500
    assert "production" in box.text
    assert set(environment) <= set(told["containers"]["backend"]["environment"])


def test_no_part_of_a_secret_stays_where_a_text_is_cut(run: Run):
    long = "s3cr-" * 40
    code = """
import os, time
token = os.environ["API_TOKEN"]
print("y" * 60_000 + token)
for n in range(0, 400, 7): print("x" * n + token + "z" * 400)
print("the end"); time.sleep(600)
"""
    box = run(*python(code), options=("--env", f"API_TOKEN={long}"))
    box.wait_for_log("the end")
    assert box.collect()["containers"]["backend"]["log"][-1] == "the end"
    assert "s3cr-" not in box.text


def test_a_flood_of_log_is_cut_and_its_end_kept(run: Run):
    box = run(*python("for n in range(300): print(n, 'äöü€' * 5000)\nprint('the end')\nimport time; time.sleep(600)"))
    box.wait_for_log("the end")
    assert box.collect()["containers"]["backend"]["log"][-1] == "the end"


def test_a_container_that_is_not_there(run: Run):
    box = Box(f"{LABEL}-none")
    assert box.collect()["containers"]["backend"] == {"name": box.name, "exists": False}
    assert box.diagnose().cause == "container missing"


def test_an_engine_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "docker").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    box = Box("any")
    monkeypatch.setattr(f"{__name__}.docker", lambda *arguments: "127.0.0.1")
    told = box.collect(port=1)
    assert told["containers"] == {"backend": None}
    assert "timed out" in told["reasons"]["containers"]
    assert told["host"]["memory_total_kb"] > 0
