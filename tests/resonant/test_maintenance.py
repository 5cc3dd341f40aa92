"""What the maintenance page says, and when it says it already."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resonant.commands import maintenance as commands
from resonant.errors import ResonantError
from resonant.maintenance import (
    DEFAULT_MESSAGE,
    RETRY_AFTER_SECONDS,
    Notice,
    build_notice,
    parse_notice,
    render_notice,
    render_pages,
    says_already,
)
from resonant.source import CHECKOUT

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NGINX = CHECKOUT / "stack/nginx"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(commands, "MAINTENANCE", str(tmp_path / "it's here"))
    return tmp_path / "it's here"


def run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def switch_on(notice: Notice) -> None:
    pages = render_pages(notice)
    run(commands.switch_on(pages.folder, pages.html, pages.json, render_notice(notice)))


def test_the_end_is_told_to_people_and_programs():
    pages = render_pages(build_notice("New disks.", 45, NOON))
    assert '<time datetime="2026-11-24T12:45:00Z">12:45 UTC</time>' in pages.html
    assert json.loads(pages.json) == {"detail": "New disks. Back at about 12:45 UTC."}
    assert re.fullmatch(r"2700-[0-9a-f]{12}", pages.folder)


def test_an_end_on_another_day_says_which():
    assert "00:30 UTC on 25 November" in render_pages(build_notice("New disks.", 750, NOON)).html


def test_an_unknown_end_is_not_promised():
    pages = render_pages(build_notice("New disks.", None, NOON))
    assert "<time" not in pages.html and "Back at" not in pages.html + pages.json
    assert pages.folder.startswith(f"{RETRY_AFTER_SECONDS}-")


@pytest.mark.parametrize(
    "message",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "$message ${back} $$",
        "</main></body>",
        "&lt;b&gt;",
    ],
)
def test_a_text_stays_a_text(message: str):
    page = render_pages(build_notice(message, None, NOON)).html
    (shown,) = re.findall(r"<p>(.*)</p>\n\n", page)
    assert not set(shown) & set("<>\"'")
    assert json.loads(render_pages(build_notice(message, None, NOON)).json) == {"detail": message}


def test_control_signs_and_line_breaks_are_spaces():
    assert build_notice(" New\r\n\tdisks\x1b[31m \u202e\ud800 soon ", None, NOON).message == "New disks [31m soon"


@pytest.mark.parametrize(
    ("message", "minutes"), [("", 1), (" \n", 1), ("x" * 501, 1), ("x", 0), ("x", -5), ("x", 10081)]
)
def test_what_cannot_be_shown_is_refused(message: str, minutes: int):
    with pytest.raises(ResonantError, match="Nothing was changed"):
        build_notice(message, minutes, NOON)


def test_the_limits_themselves_are_fine():
    assert build_notice("x" * 500, 10080, NOON).retry_after_seconds == 7 * 86400


@pytest.mark.parametrize(
    ("message", "minutes", "later_minutes", "already"),
    [
        ("New disks.", 30, 0, True),
        ("New disks.", 30, 29, True),
        ("New disks.", 30, 30, False),
        ("New disks.", 45, 1, False),
        ("New disks!", 30, 1, False),
        ("New disks.", None, 1, False),
    ],
)
def test_the_same_words_are_no_change_until_the_announced_end(
    message: str, minutes: int | None, later_minutes: int, already: bool
):
    known = build_notice("New disks.", 30, NOON)
    wanted = build_notice(message, minutes, NOON + timedelta(minutes=later_minutes))
    assert says_already(known, wanted) is already
    assert not says_already(None, wanted)


def test_without_an_end_the_same_words_stay_the_same_for_ever():
    known, later = (build_notice("x", None, moment) for moment in (NOON, NOON + timedelta(days=9)))
    assert says_already(known, later)


def test_a_notice_is_read_as_it_was_written():
    for notice in (build_notice("Grüße", 30, NOON), build_notice("x", None, NOON)):
        assert parse_notice(render_notice(notice)) == notice


@pytest.mark.parametrize("text", ["{}", "hello", "[]", '{"message": 1}', "0"])
def test_a_file_that_a_person_made_closes_the_site_with_the_default(text: str):
    notice = parse_notice(text)
    assert notice is not None
    assert (notice.message, notice.minutes) == (DEFAULT_MESSAGE, None)


def test_the_commands_close_and_open(folder: Path):
    assert parse_notice(run(commands.read())) is None
    for message in ('It\'s "one" $HOME `id`', "Two"):
        notice = build_notice(message, 30, NOON)
        switch_on(notice)
        assert parse_notice(run(commands.read())) == notice
        assert (folder / "page/page.html").read_text() == render_pages(notice).html
        assert (folder / "page/page.json").read_text() == render_pages(notice).json
    assert len(list((folder / "pages").iterdir())) == 1
    for _ in range(2):
        run(commands.switch_off())
        assert parse_notice(run(commands.read())) is None
    assert (folder / "page/page.html").exists()


def test_an_empty_switch_is_a_switch(folder: Path):
    folder.mkdir()
    (folder / "on").touch()
    assert parse_notice(run(commands.read())) is not None


def test_everybody_may_read_the_pages(folder: Path):
    run(["bash", "-c", 'umask 077; exec "$@"', "-", *commands.switch_on("1-a", "page", "{}", "{}")])
    for path in (folder, folder / "pages", folder / "page/page.html", folder / "on"):
        assert path.stat().st_mode & 0o004, path


def test_the_page_of_a_site_closed_by_hand_is_the_rendered_default():
    pages = render_pages(Notice(DEFAULT_MESSAGE, None, NOON))
    assert (NGINX / "maintenance/default/page.html").read_text() == pages.html
    assert (NGINX / "maintenance/default/page.json").read_text() == pages.json


def test_nginx_says_the_same_without_an_expected_length():
    assert re.search(rf"default +{RETRY_AFTER_SECONDS};", (NGINX / "maintenance_maps.conf").read_text())


def test_the_page_obeys_the_sites_content_security_policy():
    page = (NGINX / "maintenance/page.html").read_text()
    assert "<script" not in page and "style=" not in page and "<style" not in page
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == {"data:,", "/.resonant/maintenance.css", ""}
