"""The machine itself: where it is, what is true on it, packages, files, firewall."""

from pathlib import Path

from prefect import get_run_logger

from resonant import compute, facts, firewall, network, packages, source
from resonant.commands import apt, shell
from resonant.commands import firewall as firewall_commands
from resonant.errors import ResonantError, SettingsInvalid
from resonant.facts import Facts
from resonant.oci_clients import Cloud
from resonant.paths import FIREWALL_FILE, PROJECTS
from resonant.polling import wait_for
from resonant.remote import Host
from resonant.settings import Settings
from resonant.source import Source
from resonant.tagging import HOST_KEY_TAG
from tasks.options import step
from tasks.report import Progress
from tasks.shell import put, run

BOOT_WITHIN_SECONDS = 600
FACTS_WITHIN_SECONDS = 90


@step("find host", retries=2)
def find_host(settings: Settings) -> Host:
    """This machine, or the site's instance by its tags; raises ResonantError when it was never provisioned."""
    if settings.connection == "local":
        return Host()
    cloud = Cloud(settings)
    instance = compute.read_instance(cloud, settings)
    key = (instance.freeform_tags or {}).get(HOST_KEY_TAG) if instance else None
    address = settings.address or getattr(network.read_public_ip(cloud, settings), "ip_address", "")
    if not key or not address:
        raise ResonantError(
            f"Site {settings.site} has no machine yet (or an unfinished one). Run the flow provision first."
        )
    return build_host(settings, address, key)


@step("SSH login", timeout_seconds=BOOT_WITHIN_SECONDS + 300)
def wait_for_login(settings: Settings, address: str, host_key: str) -> Host:
    """Log in with the pinned host key, and wait until cloud-init has finished its first boot."""
    host = build_host(settings, address, host_key)
    progress = Progress(f"Waiting for SSH on {host}", BOOT_WITHIN_SECONDS)
    wait_for(
        f"SSH on {host}",
        lambda: run(host, ["true"], timeout_seconds=10) is not None,
        timeout_seconds=BOOT_WITHIN_SECONDS,
        poll_seconds=settings.poll_seconds,
        on_wait=progress,
        hint="Is port 22 open in the security list, and the instance running?",
    )
    run(host, shell.wait_for_first_boot(), timeout_seconds=BOOT_WITHIN_SECONDS)
    return host


@step("read facts", timeout_seconds=180, retries=3)
def read_facts(host: Host) -> Facts:
    """Everything that later steps decide by, in one round trip."""
    return facts.parse(run(host, facts.build_read(), timeout_seconds=FACTS_WITHIN_SECONDS))


@step("packages", timeout_seconds=900, retries=2)
def ensure_packages(host: Host, known: Facts) -> tuple[str, ...]:
    missing = packages.decide_missing(known["os_id"], known.packages)
    if missing:
        get_run_logger().info("installing %s", ", ".join(missing))
        run(host, apt.install(missing), timeout_seconds=800)
    if missing or not known["docker"]:
        run(host, ["systemctl", "enable", "--now", "docker.service"])
    return tuple(f"installed {name}" for name in missing)


@step("firewall")
def ensure_firewall(host: Host, known: Facts) -> tuple[str, ...]:
    """Open 80 and 443 in front of the image's REJECT, now and in the rules file for the next boot."""
    changes = []
    if edit := firewall.decide_input(known["input_rules"].splitlines()):
        run(host, firewall_commands.insert_input_rule(edit))
        changes.append("opened ports 80 and 443 in the host's firewall")
    if content := firewall.decide_file(known["rules_file"]):
        part = f"{FIREWALL_FILE}.resonant"
        put(host, content.encode(), part, mode=0o600)
        run(host, firewall_commands.write_rules_file(part))
        changes.append(f"kept the rule in {FIREWALL_FILE}")
    return tuple(changes)


@step("ship project", timeout_seconds=600, retries=2)
def ship_project(host: Host, known: Facts) -> tuple[str, tuple[str, ...]]:
    """The flows themselves, for the worker on the VM: (project, changes)."""
    project = source.read_source(source.PROJECT_PATHS)
    return project.digest, _ship(host, project, PROJECTS, "project", is_there=known["project"] == project.digest)


def read_address(settings: Settings, host: Host) -> str:
    """The public address: the host's own over SSH, the configured one on the VM itself."""
    return host.address or settings.address


def build_host(settings: Settings, address: str, host_key: str) -> Host:
    key_file = settings.ssh_private_key_file.expanduser()
    if not key_file.is_file():
        raise SettingsInvalid(
            f"RESONANT_SSH_PRIVATE_KEY_FILE: {key_file} does not exist. Make one: ssh-keygen -t ed25519."
        )
    return Host(address, settings.ssh_user, settings.ssh_port, key_file, host_key)


def read_ssh_public_key(settings: Settings) -> str:
    file = settings.ssh_private_key_file.expanduser()
    public = Path(f"{file}.pub")
    if not file.is_file() or not public.is_file():
        raise SettingsInvalid(
            f"RESONANT_SSH_PRIVATE_KEY_FILE: {file} or {public} does not exist. Make both: ssh-keygen -t ed25519 -f {file}"
        )
    return public.read_text().strip()


def _ship(host: Host, shipped: Source, folder: str, what: str, *, is_there: bool) -> tuple[str, ...]:
    if is_there:
        return ()
    content = source.build_archive(shipped)
    archive = f"{folder}/.{shipped.digest}.tar.gz"
    put(host, content, archive, mode=0o600)
    run(host, shell.unpack(archive, f"{folder}/{shipped.digest}"))
    get_run_logger().info(
        "shipped %s %s: %d files, %d KB", what, shipped.digest, len(shipped.files), len(content) // 1024
    )
    return (f"shipped {what} {shipped.digest}",)
