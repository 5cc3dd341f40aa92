"""Changes of the reference application, and what a flow run made of them."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.site import CHECKOUT, read_environment, try_run
from tests.applications.copies import Repository, copy_application
from tests.applications.faults import replace

TITLE = "Resonant Dashboard"
ANSWERS_HEALTH = '    """200 with the server\'s version, or 503 with the class of the failure."""\n'
EVERY_SECONDS = 0.05


def copy_reference(folder: Path) -> Repository:
    return copy_application(CHECKOUT / "apps", folder)


def rename(repository: Repository, title: str) -> str:
    """One line of the backend: the name that /api/openapi.json tells. Returns the commit."""
    repository.git("checkout", "--quiet", "--force", "main")
    return repository.edit(replace("backend/backend/app.py", f'title="{read_title(repository)}"', f'title="{title}"'))


def read_title(repository: Repository) -> str:
    return (repository.folder / "backend/backend/app.py").read_text().partition('title="')[2].partition('"')[0]


def break_health(repository: Repository) -> str:
    """A commit on a branch of its own, whose backend is never healthy."""
    repository.git("checkout", "--quiet", "-B", "broken", "main")
    commit = repository.edit(
        replace("backend/backend/api.py", ANSWERS_HEALTH, f"{ANSWERS_HEALTH}    raise HTTPException(503)\n")
    )
    repository.git("checkout", "--quiet", "main")
    return commit


class Watch:
    """Looks all the time which backend answers; `since[title]` is when it was first seen."""

    def __init__(self, site: dict[str, str]) -> None:
        self._client = httpx.Client(base_url=site["dashboard"], verify=site["ca_file"], timeout=5, trust_env=False)
        self._over = threading.Event()
        self.since: dict[str, float] = {}
        self._last = ""

    def look(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            try:
                title = self._client.get("/api/openapi.json").json()["info"]["title"]
            except (httpx.HTTPError, ValueError, KeyError):
                continue
            if title != self._last:
                self.since[title] = time.time()
                self._last = title

    def stop(self) -> None:
        self._over.set()


@contextmanager
def watching(site: dict[str, str]) -> Iterator[Watch]:
    watch = Watch(site)
    thread = threading.Thread(target=watch.look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join(10)


@dataclass(frozen=True)
class Run:
    """Of a flow, as Prefect knows it; `steps` are its tasks with their seconds, the longest first."""

    exit_code: int
    printed: str
    started: float
    seconds: float
    steps: tuple[tuple[str, float], ...]
    page: str


def run_flow(site: dict[str, str], name: str, application: Repository | None = None, **params: object) -> Run:
    environment = read_environment(site)
    if application:
        environment["RESONANT_APPLICATION_REPOSITORY"] = str(application.folder)
    pairs = [word for key, value in params.items() for word in ("--param", f"{key}={json.dumps(value)}")]
    done = try_run([sys.executable, "-m", "flows", name, *pairs], environment)
    return read_run(site, name, environment, done.returncode, done.stdout + done.stderr)


def read_run(site: dict[str, str], name: str, environment: dict[str, str], exit_code: int, printed: str) -> Run:
    user, _, password = environment["PREFECT_API_AUTH_STRING"].partition(":")
    with httpx.Client(base_url=site["prefect_api"], auth=(user, password), timeout=30, trust_env=False) as prefect:

        def ask(what: str, **query: Any) -> Any:
            return prefect.post(f"/{what}/filter", json=query).raise_for_status().json()

        (run,) = ask("flow_runs", flows={"name": {"any_": [name]}}, sort="START_TIME_DESC", limit=1)
        of_run = {"id": {"any_": [run["id"]]}}
        tasks = ask("task_runs", flow_runs=of_run, limit=200)
        pages = ask("artifacts", flow_runs=of_run, limit=20)
    steps = sorted(((task["name"], float(task["total_run_time"])) for task in tasks), key=lambda step: -step[1])
    page = next((page["data"] for page in pages if page["type"] == "markdown" and page["key"] == name), "")
    started = datetime.fromisoformat(run["start_time"]).timestamp()
    return Run(exit_code, printed, started, float(run["total_run_time"]), tuple(steps), page)
