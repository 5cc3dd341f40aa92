"""The opposite of provision."""

from prefect import flow

from resonant.errors import NotConfirmed
from resonant.reports import render_changes
from resonant.settings import read_settings
from tasks.removal import read_removals, remove
from tasks.report import publish_markdown


@flow(name="teardown")
def teardown(confirm_site: str = "") -> None:
    """Show what belongs to the site in Oracle Cloud and, when confirmed, remove all of it, data included.

    Without the confirmation nothing is touched: the run lists what it would remove and completes.

    Args:
        confirm_site: The site's name, typed out, to really remove its VM, boot volume, address and network. Empty: plan only.
    """
    settings = read_settings()
    if confirm_site not in ("", settings.site):
        raise NotConfirmed(
            f"confirm_site is {confirm_site!r}, but this site is {settings.site!r}: nothing was removed."
        )
    removals = read_removals(settings)
    if confirm_site:
        for removal in removals:
            remove(settings, removal)
    verb = "removed" if confirm_site else "would remove"
    publish_markdown(
        "teardown", render_changes([f"{verb} {removal.shown}" for removal in removals]), "What teardown saw"
    )
