"""What a visitor finds, and what somebody who looks for an open door or a secret does not."""

import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from resonant import paths
from resonant.environment import parse_environment
from resonant.source import CHECKOUT
from tests.sandbox_vm.vocabulary import knock

SECURITY_HEADERS = {
    "strict-transport-security", "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy",
    "permissions-policy", "cross-origin-opener-policy", "cross-origin-resource-policy",
}  # fmt: skip
POSTGRES, BACKEND, FRONTEND, BRIDGE, PREFECT = 5432, 8000, 8080, 9100, 4200
PREFECT_LIMIT_MB = 700


def ask(site, path, host, scheme="https"):
    extensions = {} if host == site.address else {"sni_hostname": host}
    return site.api.get(f"{scheme}://{site.address}{path}", headers={"Host": host}, extensions=extensions)


def test_page_and_api_under_the_address_and_the_domain(site):
    for name in (site.address, site.domain):
        assert 'id="root"' in ask(site, "/", name).raise_for_status().text
        assert ask(site, "/api/health", name).raise_for_status().json()["status"] == "ok"


def test_certificate_is_for_no_other_name(site):
    trusted = ssl.create_default_context(cafile=str(site.ca_file))
    with socket.create_connection((site.address, 443)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        trusted.wrap_socket(plain, server_hostname="evil.test")


def test_every_answer_has_the_security_headers(site):
    answers = [ask(site, path, site.address) for path in ("/", "/assets/none.js", "/api/health", "/api/none", "/api")]
    answers.append(ask(site, "/", site.address, scheme="http"))
    assert [answer.status_code for answer in answers] == [200, 404, 200, 404, 404, 301]
    for answer in answers:
        assert SECURITY_HEADERS - set(answer.headers) == set(), answer.url
        assert "/" not in answer.headers["server"]


def test_redirect_leads_to_our_own_names_alone(site):
    sent = {host: ask(site, "/a?b=1", host, "http") for host in (site.address, site.domain, "evil.test")}
    assert {answer.status_code for answer in sent.values()} == {301}
    assert sent[site.address].headers["location"] == f"https://{site.address}/a?b=1"
    assert sent[site.domain].headers["location"] == f"https://{site.domain}/a?b=1"
    assert sent["evil.test"].headers["location"] == f"https://{site.domain}/a?b=1"


def test_every_service_of_the_stack_is_healthy(site):
    files = [CHECKOUT / folder / "compose.yaml" for folder in ("stack", "apps")]
    services = {name: entry for file in files for name, entry in yaml.safe_load(file.read_text())["services"].items()}
    states = {
        entry["Config"]["Labels"]["com.docker.compose.service"]: entry["State"] for entry in site.read_containers()
    }
    assert set(states) == {name for name, service in services.items() if "profiles" not in service}
    assert {name: (state["Status"], state["Health"]["Status"]) for name, state in states.items()} == dict.fromkeys(
        states, ("running", "healthy")
    )


def test_nothing_but_the_web_and_ssh_is_open(site):
    machine = next(value.split()[1] for name, value in site.sandbox.items() if name.startswith("machine."))
    for address in (machine, site.address):
        assert [knock(address, port) for port in (80, 443)] == ["open", "open"]
        closed = (POSTGRES, BACKEND, FRONTEND, BRIDGE, PREFECT)
        with ThreadPoolExecutor() as pool:
            knocks = dict(
                zip(closed, pool.map(lambda port, address=address: knock(address, port), closed), strict=True)
            )
        assert "open" not in knocks.values(), (address, knocks)


def test_secret_files_are_roots_alone(site):
    seen = site.ssh(f"sudo sh -c 'stat -c \"%a %U %n\" {paths.ENVIRONMENT} {paths.CONFIGURATION}/*.env'").splitlines()
    assert [line.rpartition(" ")[0] for line in seen] == ["600 root"] * 4


def test_secrets_are_nowhere_to_be_seen(site):
    sampler = "sudo timeout 60 sh -c 'while sleep 0.02; do cat /proc/[0-9]*/cmdline; done 2>/dev/null' | tr '\\0' ' ' | sort -u"
    with site.open_ssh(sampler) as watching:
        deployed = site.run_deployment("deploy/vm", force=True)
        site.try_ssh("sudo pkill -x timeout")
        command_lines = watching.communicate(timeout=60)[0]
    assert deployed.returncode == 0, deployed.stdout
    assert "docker compose" in command_lines or "docker-compose" in command_lines
    journals = site.ssh(
        "sudo journalctl --no-pager --output cat; "
        "for name in $(sudo docker ps -aq); do sudo docker logs $name 2>&1; done"
    )
    shown = {
        "command lines": command_lines,
        "logs of the VM": journals,
        "page": deployed.stdout,
        **read_all_of_prefect(site),
    }
    secrets = read_secrets(site)
    assert min(len(secret) for secret in secrets.values()) > 20
    found = {(name, place) for name, secret in secrets.items() for place, text in shown.items() if secret in text}
    assert found == set()


def test_prefect_server_asks_for_its_password_and_listens_on_loopback(site):
    for auth in (None, ("operator", "wrong")):
        refused = httpx.post(f"{site.prefect_api}/flows/filter", json={}, auth=auth, trust_env=False)
        assert refused.status_code == 401
    assert site.ask_prefect("flows/filter")
    assert site.ssh(f"ss -Hltn sport = :{PREFECT} | awk '{{print $4}}'") == f"127.0.0.1:{PREFECT}"


def test_prefect_is_small(site):
    units = "resonant-prefect-server resonant-prefect-worker"
    pids = site.ssh(f"systemctl show --property MainPID --value {units}").split()
    kilobytes = [int(word) for word in site.ssh(f"ps -o rss= -p {','.join(pids)}").split()]
    assert len(kilobytes) == 2
    assert sum(kilobytes) / 1000 <= PREFECT_LIMIT_MB


def read_secrets(site):
    files = f"{paths.ENVIRONMENT} {paths.SERVER_ENVIRONMENT}"
    kept = parse_environment(site.ssh(f"sudo cat {files}"))
    return {
        "PostgreSQL": kept["POSTGRES_PASSWORD"],
        "Claude": kept["ANTHROPIC_API_KEY"],
        "Prefect": kept["PREFECT_SERVER_API_AUTH_STRING"].partition(":")[2],
        "Prefect's encryption": kept["PREFECT_SERVER_ENCRYPTION_KEY"],
    }


def read_all_of_prefect(site):
    kinds = ("logs", "artifacts", "flow_runs", "task_runs", "deployments", "variables", "block_documents")
    return {kind: json.dumps(list(site.read_all(kind))) for kind in kinds}
