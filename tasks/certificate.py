"""The certificate that nginx serves, and the names it answers to."""

from resonant import paths
from resonant.commands import certificate, shell
from resonant.facts import Facts
from resonant.names import parse_alternative_names, render_alternative_names
from resonant.remote import Host
from resonant.settings import Settings
from tasks.options import step
from tasks.shell import run


@step("certificate", retries=2)
def ensure_bootstrap_certificate(host: Host, settings: Settings, address: str, known: Facts) -> tuple[str, ...]:
    """A self-signed certificate for our names, so that nginx starts before any CA was asked; one from a CA is left alone."""
    wanted = render_alternative_names(settings, address)
    if known["tls"] not in ("", "bootstrap") or parse_alternative_names(known["bootstrap_names"]) == set(wanted):
        return ()
    run(host, ["install", "-d", "-m", "755", paths.TLS, paths.ACME_WEBROOT])
    run(host, certificate.create_bootstrap(wanted))
    return (f"created a bootstrap certificate for {', '.join(wanted)}",)


@step("read certificate", retries=2)
def read_certificate(host: Host) -> str:
    """The chain being served, as PEM: public, and what an outside check trusts while no CA has signed."""
    return run(host, shell.read_file(f"{paths.CURRENT_TLS}/fullchain.pem"))
