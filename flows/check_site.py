"""Is the site really there? Asked as a visitor would."""

from prefect import flow

from resonant.reports import render_changes
from resonant.settings import read_settings
from tasks.certificate import read_certificate
from tasks.host import find_host, read_address
from tasks.http import check_from_outside
from tasks.report import publish_markdown


@flow(name="check-site")
def check_site() -> tuple[str, ...]:
    """Ask the public address for the redirect, the page, the API with its database, and a WebSocket, under every name.

    The run fails with everything that was not as it must be; returns what was seen.
    """
    settings = read_settings()
    host = find_host(settings)
    address = read_address(settings, host)
    seen = check_from_outside(settings, address, read_certificate(host))
    publish_markdown("check-site", render_changes(seen), "What a visitor sees")
    return seen
