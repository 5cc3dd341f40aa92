"""nginx's part of a release: as text, and as the real nginx reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from resonant.application import Description, parse_description
from resonant.names import render_nginx_names
from resonant.routes import render_locations, render_policy, render_site, render_upstreams
from resonant.slots import Placement, Running
from resonant.source import CHECKOUT
from tests.containers import docker, nginx_image
from tests.vocabulary import ADDRESS, settings

REFERENCE = parse_description((CHECKOUT / "apps/resonant.yaml").read_text())
ODD = parse_description(
    r"""
web:
  My.Site-2: {port: 8080, paths: [/, /robots.txt, "/!&()*+,=:@%-._~/"]}
  api: {port: 3000, paths: [/api/, /api, /v1/], websockets: [/live/, /v1, /live/feed]}
  internal: {port: 9000, health: /up}
content_security_policy: "default-src 'self'; script-src 'unsafe-inline' https://example.org"
"""
)


def serving(description: Description, activation: int = 7) -> Placement:
    running = [
        Running(service=name, kind="web", slot="b", address=f"10.201.2.{10 + number}", release="r", fingerprint="f", port=web.port)
        for number, (name, web) in enumerate(sorted(description.web.items()))
    ]  # fmt: skip
    return Placement(activation=activation, running=tuple(running))


def test_upstreams_are_fixed_addresses_so_that_nginx_starts_whatever_is_down():
    assert render_upstreams(REFERENCE, serving(REFERENCE)) == (
        "upstream app_backend {\n    server 10.201.2.10:8000;\n    keepalive 64;\n    keepalive_timeout 3s;\n}\n"
        "upstream app_frontend {\n    server 10.201.2.11:8080;\n    keepalive 64;\n    keepalive_timeout 3s;\n}\n"
    )


def test_each_path_leads_to_its_service():
    assert render_locations(REFERENCE) == (
        "location ^~ /api/ { proxy_pass http://app_backend; }\n"
        "location = /api { return 404; }\n"
        "location = /ws { include websocket.conf; proxy_pass http://app_backend; }\n"
        "location / { proxy_pass http://app_frontend; }\n"
    )


def test_a_service_without_a_path_is_not_public():
    assert "app_internal" not in render_upstreams(ODD, serving(ODD)) + render_locations(ODD)


def test_a_path_that_another_service_has_is_not_taken_away():
    lines = render_locations(ODD).splitlines()
    assert [line for line in lines if line.startswith("location = /api ")] == [
        "location = /api { proxy_pass http://app_api; }"
    ]
    assert [line for line in lines if line.startswith("location = /v1 ")] == [
        "location = /v1 { include websocket.conf; proxy_pass http://app_api; }"
    ]


def test_the_reloaded_nginx_tells_which_activation_it_serves():
    assert render_site(Placement(activation=12)) == 'map $host $activation {\n    default "12";\n}\n'


def render(folder: Path, description: Description, placement: Placement) -> Path:
    """As `tasks.rollout` puts them together: the stack's files, and over them the rendered ones."""
    shutil.copytree(CHECKOUT / "stack/nginx", folder)
    for name, content in {
        "names.conf": render_nginx_names(settings(domain="example.org"), ADDRESS),
        "site.conf": render_site(placement),
        "policy.conf": render_policy(description),
        "upstreams.conf": render_upstreams(description, placement),
        "locations.conf": render_locations(description),
    }.items():
        (folder / name).write_text(content)
    return folder


def check_by_nginx(folder: Path, tls: Path) -> str:
    """`nginx -t` of the real one; what it says, or "" when it has nothing to say."""
    mounts = ["--volume", f"{folder}:/etc/nginx/site/current:ro", "--volume", f"{tls}:/etc/nginx/tls/current:ro"]
    command = ["nginx", "-t", "-q", "-c", "/etc/nginx/site/current/nginx.conf"]
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", *mounts, nginx_image(), *command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=t",
    ]
    subprocess.run(
        [*command, "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"], check=True, capture_output=True
    )
    return folder


@pytest.mark.docker
@pytest.mark.parametrize("description", [REFERENCE, ODD])
def test_nginx_has_nothing_to_say_about_what_is_rendered(description: Description, tls: Path, tmp_path: Path):
    assert check_by_nginx(render(tmp_path / "site", description, serving(description)), tls) == ""


@pytest.mark.docker
def test_nginx_names_what_is_wrong_with_a_broken_template(tls: Path, tmp_path: Path):
    folder = render(tmp_path / "site", REFERENCE, serving(REFERENCE))
    (folder / "proxy.conf").write_text("proxy_http_versoin 1.1;\n")
    assert 'unknown directive "proxy_http_versoin"' in check_by_nginx(folder, tls)


@pytest.mark.docker
def test_a_real_nginx_tells_its_activation_and_the_policy(tls: Path, tmp_path: Path):
    folder = render(tmp_path / "site", ODD, serving(ODD, 41))
    mounts = ["--volume", f"{folder}:/etc/nginx/site/current:ro", "--volume", f"{tls}:/etc/nginx/tls/current:ro"]
    serve = ["nginx", "-c", "/etc/nginx/site/current/nginx.conf", "-g", "daemon off;"]
    container = docker("run", "--detach", "--network", "none", *mounts, nginx_image(), *serve)
    try:
        asked = ("exec", container, "curl", "--silent", "--retry", "5", "--retry-connrefused")
        assert docker(*asked, "http://127.0.0.1:8081/healthz") == "41"
        answer = docker(*asked, "--insecure", "--include", "https://127.0.0.1/v1x")
        assert "HTTP/2 502" in answer, "nobody is there behind it"
        assert "content-security-policy: default-src 'self'; script-src 'unsafe-inline' https://example.org" in answer
    finally:
        docker("rm", "--force", "--volumes", container)
