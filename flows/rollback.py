"""Back to a release that is still on the VM, in seconds: nothing is fetched, built or migrated."""

from prefect import flow

from resonant.plan import choose_rollback
from resonant.reports import render_deploy
from resonant.settings import read_settings
from tasks.change import bring_back, change_of_site
from tasks.host import find_host, read_address, read_facts
from tasks.report import publish_markdown
from tasks.rollout import list_kept_releases


@flow(name="rollback")
def rollback(release: str = "", soak_seconds: int = 0) -> str:
    """Let a kept release serve again, with its own images, stack files and variables; returns it.

    The database's schema stays as it is: migrations must be such that the release before them still works (see the runbook).

    Args:
        release: One of the kept releases, as the page of a deploy names them; empty: the one that served before.
        soak_seconds: How long to watch it before it is accepted; 0: only until it is healthy and answers from outside.
    """
    settings = read_settings()
    host = find_host(settings)
    address = read_address(settings, host)
    wanted = choose_rollback(release, read_facts(host).placement, list_kept_releases(host))
    with change_of_site(host, settings, "rollback", {"release": wanted}) as change:
        back = bring_back(change, settings, address, wanted, soak_seconds=soak_seconds)
    publish_markdown(
        "rollback", render_deploy(back, change.told, change.seconds, read_facts(host)), "What rollback did"
    )
    return back.id
