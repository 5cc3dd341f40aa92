"""Another application takes the site, each of its faults is called by its name, and meanwhile what was there goes on serving."""

import json

import pytest

from tests.applications.copies import copy_guestbook
from tests.applications.faults import FAULTS, replace
from tests.rehearsal.traffic import traffic

QUICK = {"RESONANT_SOAK_SECONDS": "8", "RESONANT_HEALTH_DEADLINE_SECONDS": "30", "RESONANT_DRAIN_SECONDS": "5"}
# Such a fault begins twelve seconds after the switch.
LONG_SOAK = {"RESONANT_SOAK_SECONDS": "30"}
LOAD = {"paths": ("/", "/api/echo?text=hi"), "websocket_path": "/events", "intents_per_second": 0}
WORKER_LOG = "sudo sh -c 'cat /var/lib/docker/volumes/*pages/_data/worker.log'"
BEFORE_THE_SWITCH = [fault for fault in FAULTS if not fault.is_after_switch]
AFTER_THE_SWITCH = [fault for fault in FAULTS if fault.is_after_switch]


@pytest.fixture(scope="module")
def guestbook(site, tmp_path_factory):
    """Released in place of the reference application, which is brought back afterwards."""
    repository = copy_guestbook(tmp_path_factory.mktemp("guestbook") / "guestbook")
    first = try_deploy(site, repository, "main")
    assert first.returncode == 0, first.stdout
    yield repository
    own = site.run_flow("deploy", soak_seconds=0)
    assert own.returncode == 0, own.stdout
    site.assert_serves_https(within_seconds=10)


@pytest.fixture
def commit_of(guestbook):
    """Of a change that is not kept on the branch."""

    def commit_of(edit):
        commit = guestbook.edit(edit)
        guestbook.git("branch", "--quiet", "--force", "tried", commit)
        guestbook.git("reset", "--quiet", "--hard", "HEAD^")
        return commit

    return commit_of


def try_deploy(site, repository, ref, **settings):
    environment = {"RESONANT_APPLICATION_REPOSITORY": str(repository.folder), **QUICK, **settings}
    return site.run_flow("deploy", env=environment, ref=ref)


def read_version(site):
    return site.api.get("/api/echo").raise_for_status().json()["version"]


def test_guestbook_serves(site, guestbook):
    assert "guestbook" in site.api.get("/").raise_for_status().text
    echo = site.api.get("/api/echo?text=hi").raise_for_status().json()
    assert (echo["text"], echo["greeting"], echo["version"], len(echo["signature"])) == ("hi", "hello", "1", 64)
    assert site.api.get("/api/none").status_code == 404


def test_guestbook_publishes_nothing_of_its_own(site, guestbook):
    published = site.ssh("sudo docker ps --format '{{.Ports}}' | grep -o '0.0.0.0:[0-9]*' | sort -u")
    assert published.split() == ["0.0.0.0:443", "0.0.0.0:80"]


def test_its_files_are_as_its_author_wrote_them(site, guestbook):
    assert guestbook.git("status", "--porcelain") == ""


def test_release_of_it_is_not_noticed_and_its_worker_never_runs_twice(site, guestbook):
    commit = guestbook.edit(replace("compose.yaml", 'VERSION: "1"', 'VERSION: "2"'))
    with traffic(site, **LOAD) as load:
        released = try_deploy(site, guestbook, commit)
    assert released.returncode == 0, released.stdout
    assert read_version(site) == "2"
    assert load.report.failed == 0, load.report
    assert load.report.cut_websockets == [], load.report
    assert_worker_never_ran_twice(site)


@pytest.mark.parametrize("fault", BEFORE_THE_SWITCH, ids=lambda fault: fault.name)
def test_fault_is_called_by_its_name_and_nobody_notices(site, guestbook, commit_of, fault):
    version = read_version(site)
    with traffic(site, connections=10, websockets=3, **LOAD) as load:
        failed = try_deploy(site, guestbook, commit_of(fault.edit), **fault.settings)
    assert_told(failed, fault)
    assert load.report.failed == 0, load.report
    assert load.report.cut_websockets == [], load.report
    assert read_version(site) == version
    assert_worker_never_ran_twice(site)


@pytest.mark.parametrize("fault", AFTER_THE_SWITCH, ids=lambda fault: fault.name)
def test_fault_that_only_visitors_meet_is_put_back_within_the_soak(site, guestbook, commit_of, fault):
    version = read_version(site)
    with traffic(site, connections=20, websockets=3, **LOAD):
        failed = try_deploy(site, guestbook, commit_of(fault.edit), **LONG_SOAK)
    assert_told(failed, fault)
    assert read_version(site) == version
    with traffic(site, connections=5, limit_seconds=3, **LOAD) as load:
        load.wait()
    assert (load.report.failed, load.report.p95_seconds < 1) == (0, True), load.report


def test_next_release_works_after_all_of_them(site, guestbook):
    released = try_deploy(site, guestbook, guestbook.edit(replace("compose.yaml", 'VERSION: "2"', 'VERSION: "3"')))
    assert released.returncode == 0, released.stdout
    assert read_version(site) == "3"


def assert_told(failed, fault):
    assert failed.returncode == 1, failed.stdout
    told = failed.stdout.partition("\ndeploy failed: ")[2]
    assert told and "Traceback" not in failed.stdout, failed.stdout
    missing = [word for word in fault.words if word.lower() not in told.lower()]
    assert missing == [], told
    if not fault.is_in_description:
        assert any(f"{cause}:" in told for cause in (fault.cause, fault.also) if cause), (fault.cause, told)


def assert_worker_never_ran_twice(site):
    """It notes when it starts and when it stops; each start follows the stop of the one before."""
    notes = [json.loads(line) for line in site.ssh(WORKER_LOG).splitlines()]
    assert [note["what"] for note in notes[:-1]] == (["started", "stopped"] * len(notes))[: len(notes) - 1]
    assert notes[-1]["what"] == "started"
