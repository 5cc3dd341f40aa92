"""A release whose backend is never healthy is told by name and by what it answers; the old one serves on, the next works."""

import shutil
import subprocess

import pytest

from resonant.source import CHECKOUT
from tests.rehearsal.vocabulary import run

LAST_WORDS = "the flux capacitor is missing"


@pytest.fixture
def broken(tmp_path):
    """This checkout, but its backend complains and never says that it is well; committed nowhere."""
    copy = tmp_path / "checkout"
    for name in run("git", "ls-files", "-z").stdout.split("\0"):
        if name and (CHECKOUT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, copy / name)
    api = copy / "apps/backend/backend/api.py"
    head, line, rest = api.read_text().partition('    """200 with the server\'s version')
    assert line
    api.write_text(f'{head}    print("{LAST_WORDS}", flush=True)\n    raise HTTPException(503)\n{line}{rest}')
    subprocess.run(["git", "init", "-q", copy], check=True)
    return copy


def test_broken_release_is_told_and_the_old_one_serves_on(site, broken):
    before = {entry["Id"] for entry in site.read_containers()}
    failed = site.run_flow("deploy", checkout=broken, env={"RESONANT_HEALTH_DEADLINE_SECONDS": "20"})
    assert failed.returncode == 1
    last = failed.stdout.partition("\ndeploy failed: ")[2]
    assert "backend" in last and "503" in last and "/api/health" in last, failed.stdout
    assert "serves" in last
    assert "Traceback" not in failed.stdout
    site.assert_serves_https()
    assert {entry["Id"] for entry in site.read_containers()} == before

    again = site.run_flow("deploy")
    assert again.returncode == 0, again.stdout
    site.assert_serves_https()
    assert site.ssh("sudo docker ps --filter health=unhealthy --quiet") == ""
