"""The door closed while somebody works on the site, and opened again."""

from datetime import UTC, datetime

from prefect import flow

from resonant.maintenance import DEFAULT_MESSAGE, build_notice, is_as_wanted
from resonant.reports import render_changes
from resonant.settings import read_settings
from tasks.certificate import read_certificate
from tasks.change import change_of_site
from tasks.host import find_host, read_address
from tasks.maintenance import check_notice, ensure_notice, read_notice
from tasks.report import publish_markdown


@flow(name="maintenance")
def maintenance(on: bool = True, message: str = DEFAULT_MESSAGE, minutes: int | None = None) -> tuple[str, ...]:
    """Show every visitor a maintenance page instead of the site, or open the site again; returns what was changed.

    Nothing is restarted or reloaded, and WebSockets that are open stay. The page survives releases and reboots: it stays until
    this flow is run with `on` switched off.

    Args:
        on: Show the page; off: open the site again.
        message: What visitors read, at most 500 characters of plain text.
        minutes: Expected length from now; visitors read when the site is back, programs get it as Retry-After.
    """
    settings = read_settings()
    wanted = build_notice(message, minutes, datetime.now(UTC)) if on else None
    host = find_host(settings)
    known = read_notice(host)
    changes: tuple[str, ...] = ()
    if not is_as_wanted(known, wanted):
        with change_of_site(host, settings, "maintenance", {"on": on, "minutes": minutes}) as change:
            changes = ensure_notice(change.host, known, wanted)
    seen = check_notice(settings, read_address(settings, host), read_certificate(host), is_on=on)
    publish_markdown("maintenance", "\n\n".join([render_changes(changes), seen]), "The maintenance page")
    return changes
