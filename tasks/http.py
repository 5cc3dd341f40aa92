"""The site as a visitor meets it."""

import time

from prefect import get_run_logger

from resonant.errors import CheckFailed
from resonant.names import read_names
from resonant.outside import Visit, check_site
from resonant.settings import Settings
from tasks.options import step

SETTLES_WITHIN_SECONDS = 30


@step("check from outside", timeout_seconds=180)
def check_from_outside(settings: Settings, address: str, ca_pem: str) -> tuple[str, ...]:
    """Redirect, page, API, database and WebSocket under every name of the site; raises CheckFailed with all that is wrong."""
    seen: list[str] = []
    for name in read_names(settings, address):
        seen += _check_until_settled(settings, Visit(name, address, ca_pem))
    for line in seen:
        get_run_logger().info("%s", line)
    return tuple(seen)


def _check_until_settled(settings: Settings, visit: Visit) -> list[str]:
    """nginx may need a moment to look up a container that was just replaced: the last failure counts, not the first."""
    deadline = time.monotonic() + SETTLES_WITHIN_SECONDS
    while True:
        try:
            return check_site(visit)
        except CheckFailed:
            if time.monotonic() > deadline:
                raise
        time.sleep(settings.poll_seconds)
