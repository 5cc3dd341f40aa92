"""The application and its stack, from this checkout to a site that answers."""

from prefect import flow

from resonant.release import is_current
from resonant.reports import render_deploy
from resonant.settings import read_settings
from tasks.certificate import ensure_bootstrap_certificate, ensure_names, read_certificate
from tasks.compose import build_images, ensure_environment, migrate_database, reload_nginx, remove_old, start_stack
from tasks.host import ensure_firewall, ensure_packages, find_host, read_address, read_facts, ship_release
from tasks.http import check_from_outside
from tasks.report import publish_markdown


@flow(name="deploy")
def deploy(force: bool = False) -> str:
    """Bring the application of this checkout into production and check it from outside; returns the release.

    Nothing is restarted when the same release already runs with the same environment. When a service does not become healthy
    the run fails with that service's name and last log lines.

    Args:
        force: Build, migrate and start even when nothing has changed.
    """
    settings = read_settings()
    host = find_host(settings)
    address = read_address(settings, host)
    known = read_facts(host)
    changes = ensure_packages(host, known) + ensure_firewall(host, known)
    release, shipped = ship_release(host, known)
    environment_sha256, environment_changes = ensure_environment(host, settings, known)
    serving = ensure_bootstrap_certificate(host, settings, address, known) + ensure_names(
        host, settings, address, known
    )
    changes += shipped + environment_changes + serving
    if force or not is_current(known, release, environment_sha256):
        build_images(host, settings, release)
        migrate_database(host, release)
        start_stack(host, release)
        remove_old(host)
        changes += (f"started release {release}",)
    if serving:
        reload_nginx(host, release)
    check_from_outside(settings, address, read_certificate(host))
    seen = read_facts(host) if changes else known
    publish_markdown("deploy", render_deploy(release, changes, seen), "What deploy did")
    return release
