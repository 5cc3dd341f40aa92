"""What every test may use: an environment without the developer's own settings, and a real sshd."""

import os
import signal
from collections.abc import Iterator

import pytest

from resonant import remote
from resonant.settings import PREFIX
from tests.compose_plugin import find_compose
from tests.prefect_server import PrefectServer
from tests.sshd import Sshd

# A shell that starts this in the background ignores Ctrl-C, and so would every process of ours that is to obey it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the person who runs the tests gets in: no RESONANT_ variable, no .env of the working folder."""
    monkeypatch.chdir(tmp_path_factory.getbasetemp())
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    remote.close_all()
    server.stop()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """One for all tests: it takes a quarter of a minute to start."""
    with PrefectServer(tmp_path_factory.mktemp("prefect")).running() as server:
        yield server


@pytest.fixture
def prefect_api(prefect_server: PrefectServer) -> Iterator[PrefectServer]:
    """Flows run in this process report to the server of the tests."""
    with prefect_server.as_api():
        yield prefect_server


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which `docker compose` is the real one."""
    environment = find_compose(tmp_path_factory.mktemp("compose"))
    if environment is None:
        pytest.fail(
            "there is no Docker Compose plugin here, and no machine's image to take it from: run tests/sandbox_vm first"
        )
    return environment
