"""Visitors notice nothing: of a release, of one that fails, of the way back. What they asked for is done, and done once."""

import time
from contextlib import contextmanager

import httpx
import pytest

from resonant.source import CHECKOUT
from tests.applications.copies import copy_application
from tests.applications.faults import replace
from tests.rehearsal.traffic import traffic
from tests.sandbox_vm.vocabulary import wait_until

TITLE = "Resonant Dashboard"
HEALTH_DOCSTRING = '    """200 with the server\'s version, or 503 with the class of the failure."""\n'
LAST_WORDS = "the flux capacitor is missing"
QUICK = {"RESONANT_SOAK_SECONDS": "15", "RESONANT_HEALTH_DEADLINE_SECONDS": "30"}


@pytest.fixture(scope="module")
def application(site, tmp_path_factory):
    """The reference application in a repository of its own, released; afterwards the checkout's own again."""
    repository = copy_application(CHECKOUT / "apps", tmp_path_factory.mktemp("releases") / "application")
    deploy(site, repository, rename(repository, f"{TITLE} 1"))
    yield repository
    own = site.run_flow("deploy", soak_seconds=0)
    assert own.returncode == 0, own.stdout


def rename(repository, title):
    """One changed line of the backend; returns the commit."""
    file = repository.folder / "backend/backend/app.py"
    before = file.read_text().partition('title="')[2].partition('"')[0]
    return repository.edit(replace("backend/backend/app.py", f'title="{before}"', f'title="{title}"'))


def break_health(repository):
    complaint = f'    print("{LAST_WORDS}", flush=True)\n    raise HTTPException(503)\n'
    commit = repository.edit(replace("backend/backend/api.py", HEALTH_DOCSTRING, HEALTH_DOCSTRING + complaint))
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    repository.git("branch", "--quiet", "--force", "broken", commit)
    return commit


def fail_visitors(repository):
    """Well by its own account, but with an error for everybody who asks for the list."""
    commit = repository.edit(
        replace(
            "backend/backend/api.py", "    return Page(items=", "    raise HTTPException(500)\n    return Page(items="
        )
    )
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    repository.git("branch", "--quiet", "--force", "failing", commit)
    return commit


def deploy(site, repository, ref, **settings):
    released = try_deploy(site, repository, ref, **settings)
    assert released.returncode == 0, released.stdout
    return released


def try_deploy(site, repository, ref, **settings):
    environment = {"RESONANT_APPLICATION_REPOSITORY": str(repository.folder), **QUICK, **settings}
    return site.run_flow("deploy", env=environment, ref=ref)


def read_title(site):
    return site.api.get("/api/openapi.json").raise_for_status().json()["info"]["title"]


def count_answers_of_claude(site):
    answers = httpx.get(site.llm_admin, trust_env=False).raise_for_status().json()["answers"]
    return answers.get("200", 0)


@contextmanager
def nobody_notices(site):
    """Traffic while the block runs; afterwards no request failed, no WebSocket was cut, each intent was done once."""
    settle(site)
    asked = count_answers_of_claude(site)
    with traffic(site) as load:
        yield load
    report = load.report
    assert report.failed == 0, report
    assert report.requests > 1000, report
    assert report.cut_websockets == [], report
    assert all(end.reconnect_seconds >= 0 and end.refused == 0 for end in report.websocket_ends), report
    assert_done_once(site, report.intents, asked)


def settle(site):
    """No intent of before is under way."""
    wait_until(lambda: not set(read_waiting(site)), "bridge without work", seconds=120)


def read_waiting(site):
    counts = site.api.get("/api/intents").raise_for_status().json()["counts"]
    return [state for state in ("pending", "processing") if counts[state]]


def assert_done_once(site, intents, asked_before):
    assert len(intents) > 5
    assert len({intent.id for intent in intents}) == len(intents)
    done = [site.wait_for_intent(intent.id, "done") for intent in intents]
    assert [intent["text"] for intent in done] == [intent.text for intent in intents]
    assert {intent["error"] for intent in done} == {None}
    assert count_answers_of_claude(site) - asked_before == len(intents)


def read_untouched(site):
    """What a change of the application's code must leave alone."""
    return {
        entry["Name"]: entry["State"]["StartedAt"]
        for entry in site.read_containers()
        if entry["Config"]["Labels"]["com.docker.compose.service"] in ("nginx", "postgres")
    }


def test_release(site, application):
    untouched, commit = read_untouched(site), rename(application, f"{TITLE} 2")
    with nobody_notices(site):
        deploy(site, application, commit)
    assert read_title(site) == f"{TITLE} 2"
    assert read_untouched(site) == untouched


def test_release_of_everything_at_once(site, application):
    """Also the frontend, and the bridge, which must not run twice."""
    rename(application, f"{TITLE} 3")
    bridge, frontend = "bridge/bridge/claude.py", "frontend/Dockerfile"
    application.edit(replace(bridge, "MAX_TOKENS = 1024", "MAX_TOKENS = 1000"))
    commit = application.edit(
        lambda folder: (folder / frontend).write_text((folder / frontend).read_text() + "LABEL release=3\n")
    )
    with nobody_notices(site):
        deploy(site, application, commit)
    assert read_title(site) == f"{TITLE} 3"


def test_release_that_is_never_healthy(site, application):
    title = read_title(site)
    with nobody_notices(site):
        failed = try_deploy(site, application, break_health(application))
    assert failed.returncode == 1
    assert "backend" in failed.stdout and "503" in failed.stdout and LAST_WORDS in failed.stdout, failed.stdout
    assert "Traceback" not in failed.stdout
    assert read_title(site) == title


def test_release_that_fails_its_visitors_is_put_back_by_itself(site, application):
    """Here somebody must notice, and only between the switch and the way back, and only those who asked for what is broken."""
    title = read_title(site)
    with traffic(site, paths=("/", "/api/intents")) as load:
        failed = try_deploy(site, application, fail_visitors(application))
    assert failed.returncode == 1
    assert "error rate" in failed.stdout, failed.stdout
    assert read_title(site) == title
    report = load.report
    assert {(failure.path, failure.status) for failure in report.failures} == {("/api/intents", 500)}, report
    noticed = report.failures[-1].at - report.failures[0].at
    assert noticed < float(QUICK["RESONANT_SOAK_SECONDS"]) + 15, report
    assert report.cut_websockets == [], report


def test_next_release_works_after_those_that_failed(site, application):
    commit = rename(application, f"{TITLE} 4")
    with nobody_notices(site):
        deploy(site, application, commit)
    assert read_title(site) == f"{TITLE} 4"


def test_rollback(site, application):
    environment = {"RESONANT_APPLICATION_REPOSITORY": str(application.folder), **QUICK}
    with nobody_notices(site):
        time.sleep(5)
        back = site.run_flow("rollback", env=environment)
        time.sleep(5)
    assert back.returncode == 0, back.stdout
    assert read_title(site) == f"{TITLE} 3"


def test_same_release_again_changes_nothing(site, application):
    lives = {entry["Id"]: entry["State"]["StartedAt"] for entry in site.read_containers()}
    again = deploy(site, application, application.git("rev-parse", "HEAD^"))
    assert lives == {entry["Id"]: entry["State"]["StartedAt"] for entry in site.read_containers()}, again.stdout
