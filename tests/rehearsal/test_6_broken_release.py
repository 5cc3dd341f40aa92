"""A release whose backend is never healthy is told by name and by its own last words; the next good one heals the site."""

import shutil
import subprocess

import pytest

from resonant.source import CHECKOUT
from tests.rehearsal.vocabulary import run

LAST_WORDS = "the flux capacitor is missing"


@pytest.fixture
def broken(tmp_path):
    """This checkout, but its backend complains and never says that it is well."""
    copy = tmp_path / "checkout"
    for name in run("git", "ls-files", "-z").stdout.split("\0"):
        if name and (CHECKOUT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, copy / name)
    api, stack = copy / "apps/backend/backend/api.py", copy / "stack/compose.yaml"
    head, line, rest = api.read_text().partition('    """200 with the server\'s version')
    assert line
    api.write_text(f'{head}    print("{LAST_WORDS}", flush=True)\n    raise HTTPException(503)\n{line}{rest}')
    # Less patience than a real backend is given, so that the story is short.
    stack.write_text(
        stack.read_text().replace("start_period: 60s", "start_period: 4s").replace("interval: 10s", "interval: 1s")
    )
    subprocess.run(["git", "init", "-q", copy], check=True)
    return copy


def test_broken_release_is_told_and_the_good_one_heals(site, broken):
    failed = site.run_flow("deploy", checkout=broken)
    assert failed.returncode == 1
    last = failed.stdout.partition("\ndeploy failed: ")[2]
    assert "backend" in last and LAST_WORDS in last, failed.stdout
    assert "Traceback" not in failed.stdout
    assert not site.is_serving()

    healed = site.run_flow("deploy")
    assert healed.returncode == 0, healed.stdout
    site.assert_serves_https()
    assert site.ssh("sudo docker ps --filter health=unhealthy --quiet") == ""
