"""Is the site really there? Asked as a visitor would."""

from prefect import flow

from resonant.errors import CheckFailed
from resonant.reports import render_changes
from resonant.settings import read_settings
from tasks.certificate import read_certificate
from tasks.host import find_host, read_address, read_facts
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
    known = read_facts(host)
    if known.release is None:
        raise CheckFailed(f"Site {settings.site} has no release yet. Run the flow deploy first.")
    seen = check_from_outside(settings, address, read_certificate(host), known.release.description, known)
    publish_markdown("check-site", render_changes(seen), "What a visitor sees")
    return seen
