"""A bare machine made ready for the stack."""

from prefect import flow

from resonant.reports import render_changes
from resonant.settings import read_settings
from tasks.host import ensure_firewall, ensure_packages, find_host, read_facts
from tasks.report import publish_markdown


@flow(name="host-setup")
def host_setup() -> None:
    """Install Docker and Compose on the VM and open its own firewall for the web; what is there already is left alone."""
    settings = read_settings()
    host = find_host(settings)
    known = read_facts(host)
    changes = ensure_packages(host, known) + ensure_firewall(host, known)
    publish_markdown("host-setup", render_changes(changes), "What host set-up did")
