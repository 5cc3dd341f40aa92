"""A tenancy of the test's own; its flows report to the Prefect server of the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from resonant import remote
from sandbox.cloud.app import build_app
from sandbox.cloud.server import serving
from tests.flows.tenancy import SshdMachines, Tenancy, create_login
from tests.sandbox.conftest import cloud_config, private_key_pem
from tests.sshd import Sshd


@pytest.fixture
def tenancy(prefect_api: object, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenancy]:
    """Empty; its only public address is the one where the sshd listens."""
    (tmp_path / "api_key.pem").write_text(private_key_pem())
    machines = SshdMachines(sshd.host.host_key)
    config = cloud_config(public_addresses=(sshd.host.address,), delay_seconds=0.02)
    with serving(build_app(config, machines)) as url:
        tenancy = Tenancy(url, machines, tmp_path, monkeypatch)
        create_login(tenancy, sshd)
        yield tenancy
        remote.close_all()
