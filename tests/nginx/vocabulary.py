"""Stories about the front door: it stands on ports of its own on loopback, everything else in it is the stack's."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from resonant.application import parse_description
from resonant.commands import maintenance as commands
from resonant.maintenance import Notice, build_notice, render_notice, render_pages
from resonant.routes import render_locations, render_policy, render_site, render_upstreams
from resonant.slots import Placement, Running
from resonant.source import CHECKOUT
from tests.sshd import choose_free_port

IMAGE = "nginx:1.28.0"
NAME = "site.example"
READY_WITHIN_SECONDS = 30


class FrontDoor:
    """nginx with stack/nginx; `includes_maintenance` False: as it was before there was such a page."""

    def __init__(self, folder: Path, tls: Path, upstream_port: int, *, includes_maintenance: bool = True) -> None:
        self.https, self.http, self.health = (choose_free_port() for _ in range(3))
        self.maintenance = folder / "maintenance"
        self._folder, self._tls = folder, tls
        self._container = ""
        self.maintenance.mkdir()
        (folder / "acme/.well-known/acme-challenge").mkdir(parents=True)
        (folder / "acme/.well-known/acme-challenge/token").write_text("a challenge\n")
        shutil.copytree(CHECKOUT / "stack/nginx", folder / "site/current")
        self._render(upstream_port)
        self._move_to_loopback()
        if not includes_maintenance:
            self._leave_out_maintenance()

    def __enter__(self) -> "FrontDoor":
        mounts = {"site": "site", "maintenance": "maintenance"}
        volumes = [f"{self._folder / ours}:/etc/nginx/{theirs}:ro" for ours, theirs in mounts.items()]
        volumes += [f"{self._folder / 'acme'}:/var/www/acme:ro", f"{self._tls}:/etc/nginx/tls/current:ro"]
        self._container = docker(
            *("run", "--detach", "--network", "host", *(word for volume in volumes for word in ("--volume", volume))),
            *(find_image(), "nginx", "-c", "/etc/nginx/site/current/nginx.conf", "-g", "daemon off;"),
        )
        self._wait_until_up()
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self._container)

    def restart(self) -> None:
        docker("restart", "--time", "5", self._container)
        self._wait_until_up()

    def log_lines(self, text: str) -> list[str]:
        """Those of the access log that hold the text: nginx writes it once a second."""
        deadline = time.monotonic() + 10
        while not (found := [line for line in self.log.splitlines() if text in line]) and time.monotonic() < deadline:
            time.sleep(0.2)
        return found

    @property
    def log(self) -> str:
        done = subprocess.run(["docker", "logs", self._container], capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def close(self, message: str = "New disks.", minutes: int | None = None) -> Notice:
        """As the flow does it."""
        notice = build_notice(message, minutes, datetime.now(UTC))
        pages = render_pages(notice)
        with self.as_site():
            command = commands.switch_on(pages.folder, pages.html, pages.json, render_notice(notice))
        subprocess.run(command, check=True)
        return notice

    def open(self) -> None:
        with self.as_site():
            command = commands.switch_off()
        subprocess.run(command, check=True)

    @contextmanager
    def as_site(self) -> Iterator[None]:
        """Commands that are built meanwhile are for this door, on this machine."""
        with patch.object(commands, "MAINTENANCE", str(self.maintenance)):
            yield

    def ask(self, path: str = "/", method: str = "GET", **options: Any) -> httpx.Response:
        with self.client() as client:
            return client.request(method, f"https://127.0.0.1:{self.https}{path}", **options)

    def ask_raw(self, request: str) -> bytes:
        """Every byte of the answer to a request of HTTP/1.1 that closes the connection; the date is left out."""
        with self.connected() as line:
            line.sendall(request.replace("\n", "\r\n").encode())
            parts = []
            while part := line.recv(65536):
                parts.append(part)
        return re.sub(rb"Date: [^\r]*\r\n", b"", b"".join(parts))

    def client(self) -> httpx.Client:
        return httpx.Client(verify=self._context(), timeout=10, trust_env=False, headers={"Host": NAME})

    @contextmanager
    def connected(self) -> Iterator[ssl.SSLSocket]:
        with socket.create_connection(("127.0.0.1", self.https), timeout=10) as plain:
            line = self._context().wrap_socket(plain, server_hostname="127.0.0.1")
            yield line
            line.close()

    @contextmanager
    def websocket(self) -> Iterator[ssl.SSLSocket]:
        with self.connected() as line:
            head = f"GET /ws HTTP/1.1\r\nHost: {NAME}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            line.sendall(head.encode())
            yield line

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._tls / "fullchain.pem"))

    def _move_to_loopback(self) -> None:
        file = self._folder / "site/current/nginx.conf"
        text = re.sub(r"\n *listen \[::\].*", "", file.read_text())
        for theirs, ours in (("127.0.0.1:8081", self.health), ("80", self.http), ("443", self.https)):
            text = text.replace(f"listen {theirs}", f"listen 127.0.0.1:{ours}")
        file.write_text(text)

    def _render(self, upstream_port: int) -> None:
        """What a release of the reference application renders, with one upstream of ours behind all of it."""
        described = parse_description((CHECKOUT / "apps/resonant.yaml").read_text())
        running = tuple(
            Running(
                service=name,
                kind="web",
                slot="a",
                address="127.0.0.1",
                release="r",
                fingerprint="f",
                port=upstream_port,
            )
            for name in described.web
        )
        placement = Placement(activation=1, release="r", running=running)
        files = {
            "names.conf": f"map $host $canonical_host {{ default {NAME}; }}\n",
            "site.conf": render_site(placement),
            "policy.conf": render_policy(described),
            "upstreams.conf": render_upstreams(described, placement),
            "locations.conf": render_locations(described),
        }
        for name, content in files.items():
            (self._folder / "site/current" / name).write_text(content)

    def _leave_out_maintenance(self) -> None:
        file = self._folder / "site/current/nginx.conf"
        file.write_text(re.sub(r"\n *include [^;]*maintenance[^;]*;", "", file.read_text()))

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{self.health}/healthz", trust_env=False).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.log)


def find_image() -> str:
    """The stand-in where the sandbox built one, else the genuine image."""
    stand_ins = docker("images", "--quiet", "--filter", f"label=resonant.standin.for={IMAGE}").split()
    return stand_ins[0] if stand_ins else IMAGE


def create_certificate(folder: Path) -> Path:
    """fullchain.pem and privkey.pem for 127.0.0.1, signed by itself."""
    key, chain = folder / "privkey.pem", folder / "fullchain.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*request, *names, "-keyout", key, "-out", chain], check=True, capture_output=True)
    return folder


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
