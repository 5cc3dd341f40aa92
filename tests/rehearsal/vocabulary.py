"""What the stories say about a live site. They know it as a person does: from what `scripts/rehearse --status` prints."""

import json
import os
import shlex
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from deployments.operator.files import parse_exports
from resonant.settings import FILE_VARIABLE, PREFIX
from resonant.source import CHECKOUT
from tests.sandbox_vm.vocabulary import wait_until

SETTINGS_FILE = CHECKOUT / ".rehearsal" / "settings.env"
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
Done = subprocess.CompletedProcess[str]


def read_own_environment(**changes: str) -> dict[str, str]:
    """Of a new shell of the person who runs the tests: no setting of a site in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "PREFECT_"))} | changes


def run(*command: str, timeout_seconds: float = 300, checkout: Path = CHECKOUT, **environment: str) -> Done:
    """A command in the checkout; its output and errors together, as a person sees them, are `stdout`."""
    return subprocess.run(
        command, cwd=checkout, env=read_own_environment(**environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=timeout_seconds, check=False,
    )  # fmt: skip


def rehearse(*options: str, timeout_seconds: float = 900) -> Done:
    return run(str(CHECKOUT / "scripts" / "rehearse"), *options, timeout_seconds=timeout_seconds)


def parse_names(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)


class Site:
    """The rehearsal of this checkout; `refresh` after its machine was replaced."""

    def __init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        status = rehearse("--status")
        assert status.returncode == 0, status.stdout
        self.__dict__.clear()
        self.status = parse_names(status.stdout)
        self.address = self.status["address"]
        self.dashboard = self.status["dashboard"]
        self.ca_file = Path(self.status["ca_file"])
        self.prefect_ui = self.status["prefect_ui"]
        self.prefect_api = self.status["prefect_api"]

    @cached_property
    def settings(self) -> dict[str, str]:
        return parse_names(SETTINGS_FILE.read_text())

    @property
    def domain(self) -> str:
        return self.settings["RESONANT_DOMAIN"]

    @cached_property
    def sandbox(self) -> dict[str, str]:
        return parse_names(run(sys.executable, "-m", "sandbox", "status").stdout)

    @cached_property
    def project_env(self) -> dict[str, str]:
        """What the line `project_env` gives to a shell."""
        exported = parse_exports(Path(shlex.split(self.status["project_env"])[1]))
        return {
            name: exported[name] for name in exported if name.startswith((PREFIX, "PREFECT_", "PYTHONPATH", "PATH"))
        }

    # The machine.

    def try_ssh(self, command: str, timeout_seconds: float = 120) -> Done:
        words = [*shlex.split(self.status["ssh"]), "-o", "BatchMode=yes", command]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=timeout_seconds, stdin=subprocess.DEVNULL, check=False
        )

    def ssh(self, command: str, timeout_seconds: float = 120) -> str:
        """Output of a command that has to succeed."""
        done = self.try_ssh(command, timeout_seconds)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def open_ssh(self, command: str) -> subprocess.Popen[str]:
        """Goes on beside the story; its output is to be read by `communicate`."""
        words = [*shlex.split(self.status["ssh"]), "-o", "BatchMode=yes", command]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def read_containers(self) -> list[dict[str, Any]]:
        """What `docker inspect` says of every container of the site."""
        return json.loads(self.ssh("sudo docker inspect $(sudo docker ps -aq --filter name=^resonant-)"))

    # The site as a visitor sees it.

    @cached_property
    def api(self) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.ca_file))
        return httpx.Client(base_url=f"https://{self.address}", verify=trusted, timeout=15, trust_env=False)

    def is_serving(self) -> bool:
        try:
            return self.api.get("/api/health").status_code == 200 and self.api.get("/").status_code == 200
        except httpx.HTTPError:
            return False

    def assert_serves_https(self, within_seconds: float = 1) -> None:
        wait_until(self.is_serving, f"site at {self.dashboard}", seconds=within_seconds)

    def create_intent(self, text: str) -> str:
        created = self.api.post("/api/intents", json={"text": text})
        assert created.status_code == 201, created.text
        return str(created.json()["id"])

    def read_intent(self, intent_id: str) -> dict[str, Any]:
        return self.api.get(f"/api/intents/{intent_id}").raise_for_status().json()

    def wait_for_intent(self, intent_id: str, state: str, seconds: float = 60) -> dict[str, Any]:
        wait_until(lambda: self.read_intent(intent_id)["state"] == state, f"intent that is {state}", seconds=seconds)
        return self.read_intent(intent_id)

    # Its Prefect server, through the tunnel.

    @cached_property
    def prefect(self) -> httpx.Client:
        name, _, password = self.project_env["PREFECT_API_AUTH_STRING"].partition(":")
        return httpx.Client(base_url=self.prefect_api, auth=(name, password), timeout=15, trust_env=False)

    def ask_prefect(self, what: str, **query: Any) -> Any:
        """`site.ask_prefect("flow_runs/filter", limit=5)`; like Prefect's own client it asks again when the database was busy."""
        for _ in range(10):
            answer = self.prefect.post(f"/{what}", json=query)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.5)
        return answer.raise_for_status().json()

    def read_all(self, kind: str) -> Iterator[Any]:
        """Every log line, artifact or whatever the server keeps of this kind."""
        page, offset = [None], 0
        while page:
            page = self.ask_prefect(f"{kind}/filter", limit=200, offset=offset)
            yield from page
            offset += len(page)

    def is_prefect_answering(self) -> bool:
        try:
            return self.prefect.get("/health").status_code == 200
        except httpx.HTTPError:
            return False

    def read_runs(self, deployment: str) -> list[dict[str, Any]]:
        """Of "flow/deployment", the newest first; those that only wait for their schedule are left out."""
        flow, _, name = deployment.partition("/")
        return list(
            self.ask_prefect(
                "flow_runs/filter",
                flows={"name": {"any_": [flow]}},
                deployments={"name": {"any_": [name]}},
                flow_runs={"state": {"type": {"not_any_": ["SCHEDULED"]}}},
                sort="EXPECTED_START_TIME_DESC",
                limit=20,
            )
        )

    def read_run(self, run_id: str) -> dict[str, Any]:
        return self.prefect.get(f"/flow_runs/{run_id}").raise_for_status().json()

    def start_deployment(self, name: str, **params: Any) -> str:
        """The id of the run that the server has created; nobody waits for it."""
        flow, _, deployment = name.partition("/")
        found = self.prefect.get(f"/deployments/name/{flow}/{deployment}").raise_for_status().json()
        return str(self.ask_prefect(f"deployments/{found['id']}/create_flow_run", parameters=params)["id"])

    def wait_for_run(self, run_id: str, *states: str, seconds: float = 120) -> dict[str, Any]:
        """Until it is in one of the states (default: one that is an end)."""
        wanted = set(states) or ENDED
        wait_until(
            lambda: self.read_run(run_id)["state_type"] in wanted, f"{'/'.join(wanted)} run {run_id}", seconds=seconds
        )
        return self.read_run(run_id)

    # What a person types in a shell made by `project_env`.

    def run_deployment(self, name: str, *, timeout_seconds: float = 300, **params: Any) -> Done:
        pairs = [part for key, value in params.items() for part in ("--param", f"{key}={json.dumps(value)}")]
        command = ["prefect", "--no-prompt", "deployment", "run", name, *pairs, "--watch"]
        return run(sys.executable, "-m", *command, timeout_seconds=timeout_seconds, **self.project_env)

    def run_flow(
        self,
        name: str,
        *,
        env: dict[str, str] | None = None,
        checkout: Path = CHECKOUT,
        timeout_seconds: float = 600,
        **params: Any,
    ) -> Done:
        """`python -m flows NAME`, reporting to the site's own server; `env` is added last."""
        environment = {**self.project_env, "PYTHONPATH": str(checkout), **(env or {})}
        command = self.flow_command(name, **params)
        return run(*command, checkout=checkout, timeout_seconds=timeout_seconds, **environment)

    def open_flow(self, name: str, *, env: dict[str, str] | None = None, **params: Any) -> subprocess.Popen[str]:
        """The same, going on: for who wants to interrupt it."""
        return subprocess.Popen(
            self.flow_command(name, **params), cwd=CHECKOUT, env=read_own_environment(**self.project_env, **(env or {})),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    @staticmethod
    def flow_command(name: str, **params: Any) -> list[str]:
        pairs = [part for key, value in params.items() for part in ("--param", f"{key}={json.dumps(value)}")]
        return [sys.executable, "-m", "flows", name, *pairs]

    # The sandbox's own routes.

    @cached_property
    def cloud_admin(self) -> httpx.Client:
        """`site.cloud_admin.get("/requests")`: what was asked of the cloud; see sandbox/cloud/admin.py."""
        return httpx.Client(base_url=f"{self.sandbox['cloud_api']}/admin", timeout=15, trust_env=False)

    @property
    def llm_admin(self) -> str:
        return self.sandbox["llm_admin"]

    @contextmanager
    def claude_fails(self, **fault: Any) -> Iterator[None]:
        """As ordered (see sandbox/llm/faults.py) until the block ends."""
        httpx.post(self.llm_admin, json=fault, trust_env=False).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(self.llm_admin, trust_env=False).raise_for_status()


def is_up() -> bool:
    """Whether this checkout's rehearsal answers: to visitors and to `prefect`."""
    if not SETTINGS_FILE.exists() or rehearse("--status").returncode != 0:
        return False
    site = Site()
    return site.ca_file.exists() and site.is_serving() and site.is_prefect_answering()


def bring_up(log: Path) -> None:
    with log.open("wb") as file:
        done = subprocess.run(
            [str(CHECKOUT / "scripts" / "rehearse")], cwd=CHECKOUT, env=read_own_environment(), stdin=subprocess.DEVNULL,
            stdout=file, stderr=file, timeout=1800, check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"scripts/rehearse failed; {log} ends with:\n{log.read_text()[-3000:]}"


def take_down() -> None:
    """Everything but the images: other checkouts and the next time use them, too."""
    run(sys.executable, "-m", "deployments.operator", "disconnect", **{FILE_VARIABLE: str(SETTINGS_FILE)})
    down = run(sys.executable, "-m", "sandbox", "down")
    assert down.returncode == 0, down.stdout
