"""The maintenance page: what it says, in which words, and whether it says it already."""

import hashlib
import html
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import Template

from resonant.errors import ResonantError
from resonant.source import CHECKOUT

DEFAULT_MESSAGE = "We are working on the site and will be back soon."
LONGEST_MESSAGE = 500
LONGEST_MINUTES = 7 * 24 * 60
# Without an expected length. stack/nginx/maintenance_maps.conf says the same for a page switched on by hand.
RETRY_AFTER_SECONDS = 300
TEMPLATE = CHECKOUT / "stack/nginx/maintenance/page.html"


@dataclass(frozen=True)
class Notice:
    """What visitors are told; `minutes` is the expected length, counted from `since`."""

    message: str
    minutes: int | None
    since: datetime

    @property
    def until(self) -> datetime | None:
        return self.since + timedelta(minutes=self.minutes) if self.minutes else None

    @property
    def retry_after_seconds(self) -> int:
        return self.minutes * 60 if self.minutes else RETRY_AFTER_SECONDS


@dataclass(frozen=True)
class Pages:
    """The page for people and the answer for programs; nginx reads the Retry-After header out of `folder`."""

    html: str
    json: str
    folder: str


def build_notice(message: str, minutes: int | None, now: datetime) -> Notice:
    """Raises ResonantError for a text or a length that cannot be shown."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in message).split())
    if not text or len(text) > LONGEST_MESSAGE:
        raise ResonantError(f"message has {len(text)} characters; give 1 to {LONGEST_MESSAGE}. Nothing was changed.")
    if minutes is not None and not 1 <= minutes <= LONGEST_MINUTES:
        raise ResonantError(f"minutes is {minutes}; give 1 to {LONGEST_MINUTES}, or leave it out. Nothing was changed.")
    return Notice(text, minutes, now.astimezone(UTC).replace(microsecond=0))


def says_already(known: Notice | None, wanted: Notice) -> bool:
    """The same words, and the end that they announced is still to come."""
    if known is None or (known.message, known.minutes) != (wanted.message, wanted.minutes):
        return False
    return known.until is None or known.until > wanted.since


def is_as_wanted(known: Notice | None, wanted: Notice | None) -> bool:
    """Nothing has to be changed; None is an open site."""
    return known is None if wanted is None else says_already(known, wanted)


def render_pages(notice: Notice) -> Pages:
    page = Template(TEMPLATE.read_text()).substitute(message=html.escape(notice.message), back=_back_as_html(notice))
    answer = json.dumps({"detail": " ".join(filter(None, [notice.message, back(notice)]))}) + "\n"
    digest = hashlib.sha256((page + answer).encode()).hexdigest()[:12]
    return Pages(page, answer, f"{notice.retry_after_seconds}-{digest}")


def back(notice: Notice) -> str:
    """When the site is expected back, as a sentence; "" where nobody said."""
    return f"Back at about {_clock(notice)}." if notice.until else ""


def render_notice(notice: Notice) -> str:
    return json.dumps({"message": notice.message, "minutes": notice.minutes, "since": notice.since.isoformat()}) + "\n"


def parse_notice(text: str) -> Notice | None:
    """What the question for it printed. None: the site is open; switched on by hand, it says the default."""
    if not text.strip():
        return None
    try:
        values = json.loads(text)
        return Notice(values["message"], values["minutes"], datetime.fromisoformat(values["since"]))
    except (ValueError, KeyError, TypeError):
        return Notice(DEFAULT_MESSAGE, None, datetime.fromtimestamp(0, UTC))


def _clock(notice: Notice) -> str:
    until = notice.until or notice.since
    day = "" if until.date() == notice.since.date() else f" on {until.day} {until:%B}"
    return f"{until:%H:%M} UTC{day}"


def _back_as_html(notice: Notice) -> str:
    if notice.until is None:
        return ""
    moment = notice.until.isoformat().replace("+00:00", "Z")
    return f'<p class="back">Back at about <time datetime="{moment}">{_clock(notice)}</time>.</p>'
