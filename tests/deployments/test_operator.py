"""The operator's side: real ssh and a real tunnel, against the sshd of the tests."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import psutil
import pytest

from deployments.operator import files, supervisor
from resonant import connection
from resonant.connection import build_project_environment, build_ssh, build_tunnel, render_known_hosts
from resonant.errors import ResonantError
from resonant.remote import Host
from resonant.source import CHECKOUT
from tests.sshd import Sshd, choose_free_port
from tests.vocabulary import settings


def ssh(host: Host, known_hosts: Path, *command: str) -> subprocess.CompletedProcess[str]:
    line = [*build_ssh(host, known_hosts, "-o", "BatchMode=yes"), *command]
    return subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def known_hosts(sshd: Sshd, tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.write_text(render_known_hosts(sshd.host))
    return file


def test_openssh_accepts_the_pinned_host_key(sshd: Sshd, known_hosts: Path):
    assert ssh(sshd.host, known_hosts, "echo", "in").stdout == "in\n"


def test_openssh_refuses_any_other_and_learns_none(sshd: Sshd, known_hosts: Path):
    known_hosts.write_text(render_known_hosts(replace(sshd.host, host_key=sshd.public_key("other_host"))))
    assert ssh(sshd.host, known_hosts, "true").returncode == 255
    known_hosts.write_text("")
    assert ssh(sshd.host, known_hosts, "true").returncode == 255
    assert known_hosts.read_text() == ""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"through the tunnel")

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server_on_vm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(connection, "SERVER_PORT", server.server_port)
    yield
    server.shutdown()


def ask(port: int, within_seconds: float = 10) -> str:
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", timeout=5, trust_env=False).text
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "the tunnel does not answer"
            time.sleep(0.1)


@pytest.mark.usefixtures("server_on_vm")
def test_the_tunnel_leads_to_the_vms_loopback(sshd: Sshd, known_hosts: Path):
    ours = settings(prefect_port=choose_free_port())
    tunnel = subprocess.Popen(build_tunnel(sshd.host, known_hosts, ours), stdin=subprocess.DEVNULL)
    try:
        assert ask(ours.prefect_port) == "through the tunnel"
    finally:
        tunnel.terminate()
        tunnel.wait(10)


def test_a_taken_port_names_its_owner():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(ResonantError) as caught:
            supervisor.check_port_free(settings(prefect_port=taken.getsockname()[1]))
        assert f"(pid {os.getpid()})" in str(caught.value) and "RESONANT_PREFECT_PORT" in str(caught.value)
    supervisor.check_port_free(settings(prefect_port=choose_free_port()))


def test_a_port_of_another_user_is_taken_too(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        seen = [entry._replace(pid=None) for entry in psutil.net_connections("tcp")]
        monkeypatch.setattr(psutil, "net_connections", lambda kind: seen)
        with pytest.raises(ResonantError, match="another user's process"):
            supervisor.check_port_free(settings(prefect_port=taken.getsockname()[1]))


def test_project_env_comes_back_from_a_shell_and_is_the_owners_alone(tmp_path: Path):
    values = build_project_environment(settings(), tmp_path / "a folder", tmp_path / "it's.env", "operator:p$w d'x")
    file = tmp_path / "project.env"
    files.write_private(file, connection.render_project_environment(values))
    read_back = files.parse_exports(file)
    assert {name: read_back[name] for name in values} == values
    assert read_back["PATH"].startswith(str(Path(sys.executable).parent))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_with_wider_rights_is_closed(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("old")
    (tmp_path / "ca.pem").chmod(0o644)
    files.write_private(tmp_path / "ca.pem", "new")
    assert stat.S_IMODE((tmp_path / "ca.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [None, "", "no number", "999999999", str(os.getpid())],
    ids=["none", "empty", "no number", "nobody", "this process"],
)
def test_a_pid_file_of_nobody_or_somebody_else_is_no_supervisor(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / supervisor.PID_FILE).write_text(content)
    assert supervisor.read_supervisor(tmp_path) is None


KEEP_RUNNING = """
import json, signal, sys
from contextlib import suppress
from deployments.operator import supervisor
supervisor.RESTART_AFTER_SECONDS = 0.1
signal.signal(signal.SIGTERM, supervisor._interrupt)
with suppress(KeyboardInterrupt):
    supervisor.keep_running(json.loads(sys.argv[1]), {})
"""


def test_what_ends_is_started_again_and_nothing_outlives_the_supervisor(tmp_path: Path):
    commands = f'{{"short": ["/bin/sh", "-c", "echo x >>{tmp_path}/starts"], "long": ["/bin/sleep", "301"]}}'
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(
        [sys.executable, "-c", KEEP_RUNNING, commands], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "starts").exists() or (tmp_path / "starts").read_text().count("x") < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        children = psutil.Process(process.pid).children()
        assert any("301" in child.cmdline() for child in children)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
