"""The flow as a worker runs it: green with its page while the chain holds, red with the line when not."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

from flows import verify_receipts
from resonant import remote
from resonant.commands import receipts as commands
from resonant.errors import ResonantError
from resonant.receipts import FAILED, SUCCESS, Receipt
from resonant.remote import Host
from tasks import receipts
from tests.sshd import Sshd

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    log = tmp_path / "receipts.jsonl"
    monkeypatch.setattr(commands, "RECEIPTS", str(log))
    monkeypatch.setenv("RESONANT_CONNECTION", "local")
    monkeypatch.setenv("RESONANT_ADDRESS", "203.0.113.10")
    monkeypatch.setenv("RESONANT_ANTHROPIC_API_KEY", "a-key")
    yield log
    allow_changes(log)
    remote.close_all()


@pytest.fixture(params=["here", "there"])
def host(request: pytest.FixtureRequest, sshd: Sshd) -> Host:
    return Host() if request.param == "here" else sshd.host


def allow_changes(log: Path) -> None:
    subprocess.run(["sudo", "-n", "chattr", "-a", log], capture_output=True, check=False)


def append(host: Host, *entries: Receipt) -> None:
    @flow(name="test-receipts")
    def story() -> None:
        for entry in entries:
            receipts.append_receipt(host, entry)

    story()


def read_page(state: State) -> str:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]))
        (page,) = [entry for entry in client.read_artifacts(artifact_filter=wanted) if entry.key == "receipts"]
    return str(page.data)


def test_a_chain_that_holds_is_told_with_its_last_changes(host: Host, log: Path):
    entries = [Receipt("deploy", SUCCESS, 41.5, owner="ann@laptop") for _ in range(2)]
    append(host, *entries, Receipt("rollback", FAILED, 3, message="no such release"))
    state = verify_receipts.verify_receipts(return_state=True)
    assert state.result() == "3 receipts, each sealed by the one before."
    assert "| 3 |" in read_page(state) and "no such release" in read_page(state)


def test_a_run_that_lost_its_lease_still_leaves_its_receipt(host: Host, log: Path):
    append(replace(host, lease=7), Receipt("deploy", FAILED, 3))
    assert '"result":"failed"' in log.read_text()


def test_a_chain_that_does_not_hold_fails_the_run_and_is_shown(host: Host, log: Path):
    append(host, *[Receipt("deploy", SUCCESS, 41.5, owner="ann@laptop") for _ in range(3)])
    allow_changes(log)
    log.write_text(log.read_text().replace("ann", "bob", 1))
    state = verify_receipts.verify_receipts(return_state=True)
    assert state.is_failed()
    assert "Line 1 of the receipts was changed after it was written" in str(state.message)
    assert "bob@laptop" in read_page(state)
    with pytest.raises(ResonantError):
        state.result()
