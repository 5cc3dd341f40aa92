"""GET /metrics and /health over HTTP, from a thread, so that they answer whatever the loop is doing."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridge.liveness import Liveness


class StatusServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, liveness: Liveness) -> None:
        super().__init__(("0.0.0.0", port), StatusHandler)  # noqa: S104 - only the stack's network reaches it
        self.liveness = liveness

    def start(self) -> None:
        Thread(target=self.serve_forever, name="status", daemon=True).start()


class StatusHandler(BaseHTTPRequestHandler):
    server: StatusServer
    timeout = 5
    server_version = "bridge"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
        elif self.path == "/health":
            late = self.server.liveness.read_late()
            body = {"status": "unavailable", "late": late} if late else {"status": "ok"}
            self._answer(503 if late else 200, "application/json", json.dumps(body).encode())
        else:
            self._answer(404, "text/plain", b"not found\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Scrapes and probes are not worth a log line."""

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
