"""The application, from a commit to visitors who notice nothing; a release that is not well puts itself back."""

from prefect import flow

from resonant.plan import is_current
from resonant.reports import render_deploy, render_no_change
from resonant.settings import read_settings
from tasks.approval import wait_for_approval
from tasks.certificate import ensure_bootstrap_certificate
from tasks.change import change_of_site, release_commit
from tasks.host import ensure_firewall, ensure_packages, find_host, read_address, read_facts
from tasks.http import check_from_outside
from tasks.planning import draft_current, plan_release, show_plan
from tasks.release import read_private
from tasks.report import publish_markdown
from tasks.rollout import ensure_guard
from tasks.source import resolve_cheaply


@flow(name="deploy")
def deploy(ref: str = "", plan: bool = False, force: bool = False, soak_seconds: int | None = None) -> str:
    """Release a commit of the application without downtime, watch it, and put the old release back when it is not well.

    Returns the release. Nothing is touched when the same release serves already, with the same variables.

    Args:
        ref: Branch, tag or commit; empty: the one of the settings.
        plan: Only show what would change.
        force: Replace the containers even when nothing has changed; what keeps data is left alone.
        soak_seconds: How long to watch the new release; empty: as in the settings.
    """
    settings = read_settings()
    ref = ref or settings.application_ref
    host = find_host(settings)
    known = read_facts(host)
    address = read_address(settings, host)
    if plan:
        return show_plan(plan_release(host, settings, address, known, ref, force=force))

    changes = ensure_packages(host, known) + ensure_firewall(host, known) + ensure_guard(host, known)
    changes += ensure_bootstrap_certificate(host, settings, address, known)
    private = read_private(host)
    draft = draft_current(settings, address, resolve_cheaply(host, settings, ref), ref, private, known)
    if draft and is_current(known, draft) and not force:
        check_from_outside(settings, address, private.certificate_pem, draft.description, known)
        publish_markdown("deploy", render_no_change(draft.id, changes, known), "What deploy did")
        return draft.id

    if settings.require_approval:
        wait_for_approval(settings, show_plan(plan_release(host, settings, address, known, ref, force=force)))
    with change_of_site(host, settings, "deploy", {"ref": ref, "force": force}) as change:
        release = release_commit(change, settings, address, ref, force=force, soak_seconds=soak_seconds)
    page = render_deploy(release, (*changes, *change.told), change.seconds, read_facts(host))
    publish_markdown("deploy", page, "What deploy did")
    return release.id
