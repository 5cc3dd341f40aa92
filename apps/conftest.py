import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from testing.claude_api import KEY, ClaudeApi
from testing.postgres import Cluster, Database
from testing.process import APPS, Process, choose_free_port


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> Database:
    """A database brought up as in production, by `alembic upgrade head`."""
    database = cluster.create_database()
    migrate(database, "upgrade", "head")
    return database


def migrate(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=APPS / "backend",
        env={"PATH": os.environ["PATH"], **database.environment},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture
def database(cluster: Cluster, template: Database) -> Database:
    return cluster.create_database(template.name)


@pytest.fixture(scope="module")
def module_database(cluster: Cluster, template: Database) -> Database:
    return cluster.create_database(template.name)


@pytest.fixture
def claude_api() -> Iterator[ClaudeApi]:
    api = ClaudeApi()
    yield api
    api.close()


@pytest.fixture(scope="session")
def start_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """A function that starts an application; whatever still runs in the end is killed."""
    processes: list[Process] = []
    logs = tmp_path_factory.mktemp("logs")

    def start(module: str, port_variable: str, environment: dict[str, str]) -> Process:
        port = choose_free_port()
        log = logs / f"{module}-{len(processes)}.log"
        processes.append(Process(module, {port_variable: str(port), **environment}, port, log))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture(scope="session")
def start_backend(start_process: Callable[..., Process]) -> Callable[[Database], Process]:
    def start(database: Database) -> Process:
        return start_process("backend", "PORT", database.environment)

    return start


@pytest.fixture
def start_bridge(
    start_process: Callable[..., Process], database: Database, claude_api: ClaudeApi
) -> Iterator[Callable[..., Process]]:
    """A function that starts a bridge on the test's database and Claude API; they are killed after the test."""
    bridges: list[Process] = []

    def start(**settings: str) -> Process:
        environment = {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": claude_api.url,
            "BRIDGE_RETRY_BASE_SECONDS": "0.05",
            **database.environment,
        }
        bridges.append(start_process("bridge", "BRIDGE_PORT", environment | settings))
        return bridges[-1]

    yield start
    for bridge in bridges:
        bridge.stop()
