"""Visitors notice nothing: of a release, of one that fails, of the way back. What they asked for is done, and done once."""

import time

from tests.applications.faults import replace
from tests.rehearsal.releases import QUICK, TITLE, assert_failed
from tests.rehearsal.traffic import traffic

HEALTH_DOCSTRING = '    """200 with the server\'s version, or 503 with the class of the failure."""\n'
LAST_WORDS = "the flux capacitor is missing"
NEVER_HEALTHY = replace(
    "backend/backend/api.py",
    HEALTH_DOCSTRING,
    f'{HEALTH_DOCSTRING}    print("{LAST_WORDS}", flush=True)\n    raise HTTPException(503)\n',
)
# Well by its own account, but with an error for everybody who asks for the list.
FAILS_VISITORS = replace(
    "backend/backend/api.py", "    return Page(items=", "    raise HTTPException(500)\n    return Page(items="
)


def test_release(releases):
    untouched, commit = releases.read_permanent(), releases.rename(f"{TITLE} 2")
    with releases.nobody_notices():
        releases.deploy(commit)
    assert releases.title == f"{TITLE} 2"
    assert releases.read_permanent() == untouched


def test_release_of_everything_at_once(releases):
    """Also the frontend, and the bridge, which must not run twice."""
    releases.rename(f"{TITLE} 3")
    bridge, frontend = "bridge/bridge/claude.py", "frontend/Dockerfile"
    releases.repository.edit(replace(bridge, "MAX_TOKENS = 1024", "MAX_TOKENS = 1000"))
    commit = releases.repository.edit(
        lambda folder: (folder / frontend).write_text((folder / frontend).read_text() + "LABEL release=3\n")
    )
    with releases.nobody_notices():
        releases.deploy(commit)
    assert releases.title == f"{TITLE} 3"


def test_release_that_is_never_healthy(releases):
    title = releases.title
    with releases.nobody_notices():
        failed = releases.try_deploy(releases.try_out(NEVER_HEALTHY))
    assert_failed(failed, "backend", "503", LAST_WORDS)
    assert releases.title == title


def test_release_that_fails_its_visitors_is_put_back_by_itself(site, releases):
    """Here somebody must notice, and only between the switch and the way back, and only those who asked for what is broken."""
    title = releases.title
    with traffic(site, paths=("/", "/api/intents")) as load:
        failed = releases.try_deploy(releases.try_out(FAILS_VISITORS))
    assert_failed(failed, "error rate")
    assert releases.title == title
    report = load.report
    assert {(failure.path, failure.status) for failure in report.failures} == {("/api/intents", 500)}, report
    noticed = report.failures[-1].at - report.failures[0].at
    assert noticed < float(QUICK["RESONANT_SOAK_SECONDS"]) + 15, report
    assert report.cut_websockets == [], report


def test_next_release_works_after_those_that_failed(releases):
    commit = releases.rename(f"{TITLE} 4")
    with releases.nobody_notices():
        releases.deploy(commit)
    assert releases.title == f"{TITLE} 4"


def test_rollback(site, releases):
    with releases.nobody_notices():
        time.sleep(5)
        back = site.run_flow("rollback", env=releases.environment)
        time.sleep(5)
    assert back.returncode == 0, back.stdout
    assert releases.title == f"{TITLE} 3"


def test_same_release_again_changes_nothing(site, releases):
    lives = {entry["Id"]: entry["State"]["StartedAt"] for entry in site.read_containers()}
    again = releases.deploy(releases.repository.git("rev-parse", "HEAD^"))
    assert lives == {entry["Id"]: entry["State"]["StartedAt"] for entry in site.read_containers()}, again.stdout


def test_plan_says_what_would_change_and_changes_nothing(site, releases):
    commit = releases.try_out(
        replace("backend/backend/app.py", f'title="{TITLE} 4"', f'title="{TITLE} 5"'),
        replace("resonant.yaml", "  ANTHROPIC_MODEL:", "  GREETING: {default: hello}\n  ANTHROPIC_MODEL:"),
    )
    before = read_site(site)
    planned = site.run_flow("deploy", env=releases.environment, ref=commit, plan=True)
    assert planned.returncode == 0, planned.stdout
    for words in ("backend", "is built", "+ GREETING", "**Cost**: $0", "**Expected duration**: about"):
        assert words in planned.stdout, (words, planned.stdout)
    assert read_site(site) == before


def read_site(site):
    """Every file below the site's folder but for the lease's and the logs', every container and image."""
    files = "sudo find /opt/resonant/site -type f -not -path '*/lease/*' -printf '%p %s %T@\\n' | sort"
    return site.ssh(files), site.ssh("sudo docker ps -aq | sort"), site.ssh("sudo docker images -q | sort")


def test_a_changed_variable_replaces_only_who_uses_it_and_a_removed_one_disappears(site, releases):
    """The bridge alone is told the model; nobody sees the value on the way."""
    head = releases.repository.git("rev-parse", "HEAD^")
    releases.deploy(head)
    before = {service: entry["Id"] for service, entry in read_services(site).items()}
    model = "claude-of-another-name"
    with releases.nobody_notices():
        releases.deploy(head, RESONANT_ENVIRONMENT=f'{{"ANTHROPIC_MODEL": "{model}"}}')
    after = read_services(site)
    assert {service for service, entry in after.items() if entry["Id"] != before[service]} == {"intent_bridge"}
    assert f"ANTHROPIC_MODEL={model}" in after["intent_bridge"]["Config"]["Env"]
    assert site.ssh("sudo stat -c '%U %a' /opt/resonant/site/.env.prod") == "root 600"
    releases.deploy(head)
    assert model not in site.ssh("sudo cat /opt/resonant/site/.env.prod")


def read_services(site):
    return {entry["Config"]["Labels"]["com.docker.compose.service"]: entry for entry in site.read_containers()}
