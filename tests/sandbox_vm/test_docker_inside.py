"""Docker on the machine: installed by apt, fed by the mirror, under the genuine names."""

import re

import httpx
import pytest

from sandbox.images.catalog import STAND_INS
from tests.sandbox_vm.vocabulary import HTTP

INSTALL = "sudo DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"


@pytest.fixture
def docker_host(boot):
    machine = boot(HTTP, memory_in_gbs=3)
    printed = machine.run(f"{INSTALL} docker.io docker-cli docker-compose docker-buildx python3-venv")
    assert re.search(r"Need to get 0 B/[\d.]+ MB of archives", printed)
    return machine


def test_images_come_from_the_mirror_build_and_serve(docker_host):
    for name in STAND_INS:
        docker_host.run(f"sudo docker pull --quiet {name}")
    assert docker_host.run("sudo docker run --rm certbot/certbot:v5.8.0 --version") == "certbot 5.8.0"
    assert docker_host.run("sudo docker run --rm node:24-trixie-slim sh -c 'node --version; npm --version'").startswith(
        "v24."
    )
    docker_host.run(
        "printf 'FROM python:3.13-slim-trixie\\nRUN pip install --no-cache-dir sniffio\\n' | sudo docker build --pull -t app -"
    )
    assert (
        docker_host.run("sudo docker run --rm app python -c 'import sniffio, sys; print(sys.version_info[:2])'")
        == "(3, 13)"
    )
    docker_host.run("sudo docker run -d --restart always -p 80:80 --name web nginx:1.28.0")
    assert "nginx" in httpx.get(f"http://{docker_host.address}").text


def test_postgres_starts_as_the_official_image_does(docker_host):
    docker_host.run(
        "mkdir seeds && echo 'CREATE TABLE t (v text); INSERT INTO t VALUES (current_user)' > seeds/1.sql && echo secret > password"
    )
    docker_host.run(
        "sudo docker run -d --name db -v ./seeds:/docker-entrypoint-initdb.d:ro -v ./password:/run/password:ro -e POSTGRES_USER=app "
        "-e POSTGRES_DB=site -e POSTGRES_PASSWORD_FILE=/run/password postgres:15.18-bookworm -c max_connections=42"
    )
    ask = "sudo docker exec -e PGPASSWORD=%s db psql -h 127.0.0.1 -U app -d site -Atc 'SELECT v FROM t' -c 'SHOW max_connections'"
    network_ask = ask.replace("127.0.0.1", "$(sudo docker exec db hostname -i)")
    docker_host.run(
        f"for i in $(seq 100); do {network_ask % 'secret'} && exit; sleep 0.2; done; sudo docker logs db; false"
    )
    assert docker_host.run(network_ask % "secret").split() == ["app", "42"]
    assert docker_host.ssh(network_ask % "wrong").returncode != 0
    docker_host.run("sudo docker stop -t 20 db && sudo docker start db")
    docker_host.run(f"for i in $(seq 100); do {ask % 'secret'} && exit; sleep 0.2; done; false")
    assert "database system was shut down" in docker_host.run("sudo docker logs db 2>&1")
