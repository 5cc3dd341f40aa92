"""What makes a release another one, and that the site's own record of it comes back as it was written."""

import pytest

from resonant.application import parse_description
from resonant.release import choose_id, parse_placement, parse_release
from resonant.slots import Placement
from resonant.source import CHECKOUT
from tests.vocabulary import live_site

DESCRIPTION = parse_description((CHECKOUT / "apps/resonant.yaml").read_text())
PARTS = {"commit": "3f2a9c1" + "0" * 33, "folder": "apps", "stack": "s1", "front": "names", "environment": "A='1'\n"}


def test_the_same_content_is_the_same_release():
    assert choose_id(**PARTS, description=DESCRIPTION) == choose_id(**PARTS, description=DESCRIPTION)
    assert choose_id(**PARTS, description=DESCRIPTION).startswith("3f2a9c1-")


@pytest.mark.parametrize("part", PARTS)
def test_any_other_part_is_another_release(part: str):
    changed = {**PARTS, part: PARTS[part] + "x"}
    assert choose_id(**changed, description=DESCRIPTION) != choose_id(**PARTS, description=DESCRIPTION)


def test_another_description_is_another_release():
    other = DESCRIPTION.model_copy(update={"daemons": ()})
    assert choose_id(**PARTS, description=other) != choose_id(**PARTS, description=DESCRIPTION)


def test_records_come_back_as_they_were_written():
    known = live_site()
    assert known.release is not None
    assert parse_release(known.release.model_dump_json()) == known.release
    assert parse_placement(known.placement.model_dump_json()) == known.placement
    assert known.release.images["backend"] == "resonant/backend:0123456789ab"


@pytest.mark.parametrize("text", ["", "{", '{"release": 7}', "[]"])
def test_a_damaged_record_is_none(text: str):
    assert parse_release(text) is None
    assert parse_placement(text) == Placement()
