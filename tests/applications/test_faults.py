"""Every fault of the table changes the guestbook, and leaves files that its tools can read as far as the fault allows."""

import shutil
import subprocess

import pytest
import yaml

from tests.applications.copies import copy_guestbook
from tests.applications.faults import FAULTS, Fault


@pytest.fixture
def guestbook(tmp_path):
    return copy_guestbook(tmp_path / "guestbook")


def test_there_are_enough_and_no_two_of_a_name():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 24
    assert len({fault.cause for fault in FAULTS}) >= 24


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_changes_the_application(guestbook, fault: Fault):
    before = guestbook.git("rev-parse", "HEAD^{tree}")
    guestbook.edit(fault.edit)
    assert guestbook.git("rev-parse", "HEAD^{tree}") != before
    assert yaml.safe_load((guestbook.folder / "compose.yaml").read_text())["services"]
    if shutil.which("node"):
        for program in guestbook.git("diff", "--name-only", "HEAD^", "--", "*.mjs").split():
            subprocess.run(["node", "--check", guestbook.folder / program], check=True, timeout=30)
