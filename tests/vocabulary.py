"""Short names for what many tests need: settings and facts that differ in what the test is about."""

import json
from pathlib import Path
from typing import Any

from resonant.facts import QUESTIONS, Facts
from resonant.settings import Settings

RECORDINGS = Path(__file__).parent / "recordings"
ADDRESS = "203.0.113.10"


def settings(**changes: Any) -> Settings:
    """Defaults, without the environment or a file."""
    return Settings(_env_file=None, **{"anthropic_api_key": "a-key", **changes})


def recorded(name: str) -> str:
    return (RECORDINGS / name).read_text()


def live_site(**changes: str) -> Facts:
    """A VM with everything in place, as recorded, but for the changes."""
    values = {**json.loads(recorded("facts/live_site.json")), **changes}
    return Facts(tuple((name, values[name]) for name in QUESTIONS))
