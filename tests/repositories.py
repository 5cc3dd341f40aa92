"""Real git repositories for tests, and servers that give them away; nothing of the developer's own configuration."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "tester" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str, content: bytes = b"") -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, input=content, env=ENVIRONMENT, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class Repository:
    """A work tree with an application in `app`; a commit is a change of one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")

    def write(self, name: str, content: str | bytes = "") -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, name: str = "app/file", content: str | bytes = "", title: str = "Change a file") -> str:
        self.write(name, content or title)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", title)
        return self.head

    @property
    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    def state(self) -> dict[str, bytes]:
        """Every file of it, git's own included: equal states mean that nothing was touched."""
        return {
            str(file.relative_to(self.folder)): file.read_bytes() for file in self.folder.rglob("*") if file.is_file()
        }


def create_commits_alike(repository: Repository) -> tuple[str, list[str]]:
    """Commits on the branch `main` until two ids begin with the same four digits: (the digits, both ids)."""
    tree, parent = git(repository.folder, "rev-parse", "HEAD^{tree}"), repository.head
    seen: dict[str, str] = {}
    lines = [
        f"commit refs/heads/main\nmark :{number}\ncommitter tester <tester> {number} +0000\ndata 1\nx\n"
        + (f"from {parent}\n" if number == 1 else "")
        for number in range(1, 1501)
    ]
    git(repository.folder, "fast-import", "--quiet", content="".join(lines).encode())
    assert tree == git(repository.folder, "rev-parse", "main^{tree}")
    for sha in git(repository.folder, "rev-list", "main").split():
        if other := seen.get(sha[:4]):
            return sha[:4], [other, sha]
        seen[sha[:4]] = sha
    raise AssertionError("no two commits begin alike")


class GitOverHttp(BaseHTTPRequestHandler):
    """`git http-backend` behind a login; it looks whether the login shows in the process list while it is asked."""

    root: Path
    authorization: str
    secret: str
    seen_in_process_list: list[str]

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        self.seen_in_process_list += [line for line in read_command_lines() if self.secret and self.secret in line]
        if self.headers.get("Authorization", "") != self.authorization:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        variables = {
            **ENVIRONMENT, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=variables, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def read_command_lines() -> Iterator[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


@contextmanager
def git_over_http(root: Path, *, authorization: str = "", secret: str = "") -> Iterator[tuple[str, type[GitOverHttp]]]:
    """Serve the repositories below a folder: ("127.0.0.1:port", the handler with what it saw)."""
    given = {"root": root, "authorization": authorization, "secret": secret, "seen_in_process_list": []}
    handler = type("Handler", (GitOverHttp,), given)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
