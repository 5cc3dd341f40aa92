"""The site as a visitor meets it."""

import time
from collections.abc import Callable

from prefect import get_run_logger

from resonant.application import Description
from resonant.errors import CheckFailed
from resonant.facts import Facts
from resonant.names import read_names
from resonant.outside import Visit, build_visit, check_maintenance, check_site
from resonant.settings import Settings
from tasks.options import step

SETTLES_WITHIN_SECONDS = 30


@step("check from outside", timeout_seconds=180)
def check_from_outside(
    settings: Settings, address: str, ca_pem: str, description: Description, known: Facts
) -> tuple[str, ...]:
    """Redirect, page, API and WebSocket under every name of the site; raises CheckFailed with all that is wrong."""
    check = check_maintenance if known["maintenance"] else check_site
    seen: list[str] = []
    for name in read_names(settings, address):
        seen += _check_until_settled(settings, check, build_visit(name, address, ca_pem, description))
    for line in seen:
        get_run_logger().info("%s", line)
    return tuple(seen)


def _check_until_settled(settings: Settings, check: Callable[[Visit], list[str]], visit: Visit) -> list[str]:
    """What was started a moment ago may still warm up: the last failure counts, not the first."""
    deadline = time.monotonic() + SETTLES_WITHIN_SECONDS
    while True:
        try:
            return check(visit)
        except CheckFailed:
            if time.monotonic() > deadline:
                raise
        time.sleep(settings.poll_seconds)
