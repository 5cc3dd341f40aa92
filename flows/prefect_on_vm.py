"""The VM's own orchestration: what keeps the site there after go-live."""

from prefect import flow

from resonant.reports import render_changes
from resonant.settings import read_settings
from tasks.host import find_host, read_address, read_facts, ship_project
from tasks.orchestration import (
    drain_worker,
    ensure_configuration,
    ensure_server,
    ensure_venv,
    register_deployments,
    remove_old,
    start_worker,
    switch_project,
)
from tasks.report import publish_markdown


@flow(name="prefect-on-vm")
def prefect_on_vm() -> None:
    """Install or update the Prefect server and worker on the VM, and register every deployment of this checkout there.

    Runs under way on the VM are finished first. The server listens on the VM's loopback only and asks for a password.
    """
    settings = read_settings()
    host = find_host(settings)
    known = read_facts(host)
    project, changes = ship_project(host, known)
    installed = ensure_venv(host, known, project)
    installed += ensure_configuration(host, settings, read_address(settings, host), known)
    changes += installed
    if changes or known["registered"] != project or known["units"].split() != ["active", "active"]:
        drain_worker(host, known)
        switch_project(host, known, project)
        changes += ensure_server(host, known, is_stale=bool(installed))
        changes += register_deployments(host, project)
        changes += start_worker(host)
        remove_old(host)
    publish_markdown("prefect-on-vm", render_changes(changes), "What was done for Prefect on the VM")
