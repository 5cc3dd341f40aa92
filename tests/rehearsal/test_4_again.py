"""`scripts/rehearse` on a site that is as it must be changes nothing."""

from datetime import UTC, datetime

import pytest

from resonant import paths
from resonant.source import PROJECT_PATHS, read_source
from tests.rehearsal.vocabulary import parse_names, rehearse

STAGES = ("provision", "host-setup", "deploy", "prefect-on-vm")
NAMES = {
    "dashboard", "address", "ca_file", "prefect_ui", "prefect_api", "ssh", "project_env", "trigger", "stop",
}  # fmt: skip


@pytest.fixture
def up_to_date(site):
    """A rehearsal that was found running may be of an earlier state of the checkout."""
    link = site.ssh(f"readlink {paths.CURRENT_PROJECT}")
    if link.rpartition("/")[2] != read_source(PROJECT_PATHS).digest:
        assert rehearse().returncode == 0


def test_again_nothing_changes(site, up_to_date):
    before, begun = read_lives(site), datetime.now(UTC).isoformat()
    site.cloud_admin.delete("/requests").raise_for_status()
    again = rehearse()
    assert again.returncode == 0, again.stdout
    asked = site.cloud_admin.get("/requests").json()
    assert asked["calls"]["get_instance"] > 0
    assert asked["changes"] == {}
    pages = {page["key"]: page for page in site.ask_prefect("artifacts/latest/filter")}
    for stage in STAGES:
        assert pages[stage]["updated"] > begun, stage
        assert "No change: everything was as it must be." in pages[stage]["data"], stage
    assert read_lives(site) == before
    site.assert_serves_https()


def test_status_says_how_to_reach_everything(site):
    status = rehearse("--status")
    assert status.returncode == 0, status.stdout
    assert set(parse_names(status.stdout)) == NAMES
    assert all(parse_names(status.stdout).values())


def read_lives(site):
    """Container ids, and the moments at which they and the units were started."""
    units = site.ssh(
        "systemctl show --property ActiveEnterTimestamp resonant-prefect-server resonant-prefect-worker docker"
    )
    return {entry["Id"]: entry["State"]["StartedAt"] for entry in site.read_containers()}, units
