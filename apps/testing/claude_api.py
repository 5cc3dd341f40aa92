"""The Claude Messages API on a loopback port, with a script of faults; each request takes the next entry."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-ant-test-key"


@dataclass
class Fault:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hang_seconds: float = 0


class ClaudeApi(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ClaudeHandler)
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.texts: list[str] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def next_fault(self) -> Fault:
        return self.always or (self.faults.popleft() if self.faults else Fault())

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class ClaudeHandler(BaseHTTPRequestHandler):
    server: ClaudeApi
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = request["messages"][0]["content"]
        self.server.texts.append(text)
        fault = self.server.next_fault()
        if self.headers["Authorization"] != f"Bearer {KEY}":
            fault = Fault(401)
        if self.path != "/v1/messages":
            fault = Fault(404)
        self.server.closing.wait(fault.hang_seconds)
        self._answer(fault, text)

    def _answer(self, fault: Fault, text: str) -> None:
        body = fault.body if fault.body is not None else json.dumps(build_body(fault.status, text)).encode()
        self.send_response(fault.status)
        for name, value in {"Content-Type": "application/json", **fault.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests look at `texts` instead."""


def build_body(status: int, text: str) -> dict[str, Any]:
    if status != 200:
        return {"type": "error", "error": {"type": "api_error", "message": f"scripted {status}"}}
    return build_message(f"answer to {text}")


def build_message(answer: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": answer}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
