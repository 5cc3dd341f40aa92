"""The maintenance page as nginx serves it: on and off by a file, without a reload."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.nginx.upstream import Upstream
from tests.nginx.vocabulary import NAME, FrontDoor

PATHS = (
    "/",
    "/index.html",
    "/api/intents",
    "/api",
    "/apis",
    "/ws",
    "/a/b/c?d=e",
    "/a%2fb",
    "/.resonant/other",
    "/maintenance/on",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECURITY_HEADERS = (
    "Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
    "Permissions-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
)  # fmt: skip
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON_CLIENTS = ("application/json", "application/json, text/plain, */*", "Application/JSON")


@pytest.fixture(scope="module")
def door_of_before(
    upstream: Upstream, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontDoor]:
    folder = tmp_path_factory.mktemp("before")
    with FrontDoor(folder, certificate, upstream.port, includes_maintenance=False) as door:
        yield door


def check_closed(answer: httpx.Response, retry_after: str = "300") -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers.get_list("Retry-After") == [retry_after]
    assert answer.headers["Cache-Control"] == "no-store"
    for header in SECURITY_HEADERS:
        assert len(answer.headers.get_list(header)) == 1, header


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_closed_and_open_again_without_a_reload(door: FrontDoor, path: str):
    before = door.ask(path)
    door.close()
    check_closed(door.ask(path))
    door.open()
    after = door.ask(path)
    assert (after.status_code, after.content) == (before.status_code, before.content)
    assert before.status_code != 503


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_answered_with_the_page(door: FrontDoor, method: str):
    door.close("New disks.")
    answer = door.ask("/form", method, headers=BROWSER, content=b"x" * 1000 if method == "POST" else None)
    check_closed(answer)
    assert ("New disks." in answer.text) == (method != "HEAD")


def test_a_large_upload_is_told_so_too_and_the_connection_stays_usable(door: FrontDoor):
    door.close()
    with door.client() as client:
        for _ in range(2):
            check_closed(client.post(f"https://127.0.0.1:{door.https}/upload", content=b"x" * 3_000_000))


def test_the_header_follows_the_expected_length(door: FrontDoor):
    door.close(minutes=30)
    check_closed(door.ask(), "1800")
    door.close(minutes=5, message="Nearly there.")
    check_closed(door.ask(), "300")
    door.close()
    check_closed(door.ask(), "300")


def test_a_new_text_replaces_the_old_one_and_leaves_no_folder_behind(door: FrontDoor):
    for text in ("First.", "Second."):
        door.close(text)
        assert text in door.ask(headers=BROWSER).text
    assert len(list((door.maintenance / "pages").iterdir())) == 1


def test_a_page_for_people(door: FrontDoor):
    door.close("<script>alert(1)</script> & more")
    answer = door.ask(headers=BROWSER)
    assert answer.headers["Content-Type"] == "text/html"
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in answer.text


@pytest.mark.parametrize("accept", JSON_CLIENTS)
def test_json_for_those_who_ask_for_it(door: FrontDoor, accept: str):
    door.close("Neue Platten für alle.")
    answer = door.ask(headers={"Accept": accept})
    check_closed(answer)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"detail": "Neue Platten für alle."}


@pytest.mark.parametrize("path", ["/api/", "/api/intents", "/api/health?deep=1"])
def test_json_below_api_whatever_is_asked_for(door: FrontDoor, path: str):
    door.close()
    for headers in (BROWSER, {}):
        answer = door.ask(path, headers=headers)
        check_closed(answer)
        assert set(answer.json()) == {"detail"}


def test_the_page_is_not_to_be_had_by_its_own_path(door: FrontDoor):
    for act in (door.open, door.close):
        act()
        assert door.ask("/.resonant/maintenance").status_code == 404


def test_the_stylesheet_stays_served_and_the_page_names_it(door: FrontDoor):
    for act in (door.open, door.close):
        act()
        answer = door.ask("/.resonant/maintenance.css")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/css")
        assert "prefers-color-scheme: dark" in answer.text
    assert 'href="/.resonant/maintenance.css"' in door.ask(headers=BROWSER).text


def test_switched_on_by_hand_it_says_the_default(door: FrontDoor):
    shutil.rmtree(door.maintenance)
    door.maintenance.mkdir()
    # The container has the folder itself mounted, which is gone now: so it is written inside.
    door.restart()
    (door.maintenance / "on").touch()
    answer = door.ask(headers=BROWSER)
    check_closed(answer)
    assert "will be back soon" in answer.text
    assert set(door.ask("/api/x").json()) == {"detail"}


def test_it_is_closed_again_after_a_restart(door: FrontDoor):
    door.close("Still closed.")
    door.restart()
    assert "Still closed." in door.ask(headers=BROWSER).text


def test_plain_http_and_the_health_check_go_on(door: FrontDoor):
    door.close()
    with httpx.Client(trust_env=False) as client:
        plain = f"http://127.0.0.1:{door.http}"
        challenge = client.get(f"{plain}/.well-known/acme-challenge/token")
        assert (challenge.status_code, challenge.text) == (200, "a challenge\n")
        redirect = client.get(f"{plain}/a?b=c")
        assert (redirect.status_code, redirect.headers["Location"]) == (301, f"https://{NAME}/a?b=c")
        assert client.get(f"http://127.0.0.1:{door.health}/healthz").text == "1\n"


def test_an_open_websocket_stays_and_a_new_one_is_refused(door: FrontDoor):
    with door.websocket() as line:
        assert b" 101 " in read_head(line)
        door.close()
        line.sendall(b"still there?")
        assert line.recv(100) == b"still there?"
        with door.websocket() as refused:
            assert b" 503 " in read_head(refused)


def test_connections_that_are_open_see_it_on_their_next_request(door: FrontDoor):
    with door.client() as client:
        url = f"https://127.0.0.1:{door.https}/"
        assert client.get(url).status_code == 200
        door.close()
        check_closed(client.get(url))
        door.open()
        assert client.get(url).status_code == 200


def test_http_2_is_told_the_same(door: FrontDoor):
    door.close()
    command = ["curl", "--silent", "--insecure", "--include", "--http2", f"https://127.0.0.1:{door.https}/"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert answer.startswith("HTTP/2 503")
    assert "retry-after: 300" in answer


def test_the_applications_own_answers_pass_untouched(door: FrontDoor):
    for path, status in (("/teapot", 418), ("/busy", 503)):
        answer = door.ask(path)
        assert (answer.status_code, answer.text) == (status, f"GET {path}\n")
        assert answer.headers.get_list("Retry-After") == ["7"]


@pytest.mark.parametrize("path", [*PATHS, "/teapot", "/busy", "/missing"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_while_open_every_byte_is_as_before(door: FrontDoor, door_of_before: FrontDoor, path: str, method: str):
    if path == "/ws":
        path = "/ws?plain"
    length = "Content-Length: 0\n" if method == "POST" else ""
    request = f"{method} {path} HTTP/1.1\nHost: {NAME}\n{length}Connection: close\n\n"
    assert door.ask_raw(request) == door_of_before.ask_raw(request)


def test_nginx_has_nothing_to_complain_about(door: FrontDoor):
    door.close()
    door.ask()
    assert "[error]" not in door.log and "[crit]" not in door.log and "[warn]" not in door.log


def test_the_log_tells_the_status_that_was_sent(door: FrontDoor):
    door.close()
    with door.client() as client:
        client.get(f"https://127.0.0.1:{door.https}/", headers={"User-Agent": "test of the log"})
    rows = [json.loads(line) for line in door.log_lines("test of the log")]
    assert [row["status"] for row in rows] == [503]


def read_head(line: socket.socket) -> bytes:
    return line.recv(4096).partition(b"\r\n\r\n")[0]
