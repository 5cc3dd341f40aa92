"""The application's stack, by Docker Compose on the VM."""

from prefect import get_run_logger

from resonant import environment, paths
from resonant.commands import compose, shell
from resonant.errors import RemoteCommandFailed
from resonant.facts import Facts
from resonant.release import build_failure, is_build_step, parse_services
from resonant.remote import Host
from resonant.settings import Settings
from tasks.host import sha256
from tasks.options import line_logger, step
from tasks.shell import put, run

HEALTHY_WITHIN_SECONDS = 180
KEPT_RELEASES = 4  # besides the current one


@step("environment", retries=2)
def ensure_environment(host: Host, settings: Settings, known: Facts) -> tuple[str, tuple[str, ...]]:
    """`.env.prod`, 0600: (its SHA-256, changes). Only the names of changed variables are ever told."""
    kept = environment.parse_environment(run(host, shell.read_file(paths.ENVIRONMENT)))
    wanted = environment.decide_environment(settings, kept, has_database=bool(known["database_volume"]))
    content = environment.render_environment(wanted)
    if known["environment_sha256"] == sha256(content):
        return sha256(content), ()
    put(host, content.encode(), paths.ENVIRONMENT, mode=0o600)
    changed = sorted(name for name in {*wanted, *kept} if wanted.get(name) != kept.get(name))
    get_run_logger().info("environment: %s", ", ".join(changed))
    return sha256(content), (f"wrote the environment ({', '.join(changed)})",)


@step("images", timeout_seconds=7200)
def build_images(host: Host, settings: Settings, release: str) -> None:
    """Pull what is ready-made, build what is ours; Docker's cache makes an unchanged image free."""
    run(host, compose.pull(release), timeout_seconds=settings.deploy_timeout_seconds, on_line=line_logger())
    progress = line_logger(is_build_step)
    run(host, compose.build(release), timeout_seconds=settings.deploy_timeout_seconds, on_line=progress)


@step("database", timeout_seconds=600)
def migrate_database(host: Host, release: str) -> None:
    """Start PostgreSQL alone, then bring the schema to the release's version."""
    _start(host, release, compose.DATABASE)
    run(host, compose.migrate(release), timeout_seconds=300, on_line=line_logger())


@step("start stack", timeout_seconds=900)
def start_stack(host: Host, release: str) -> None:
    """Start everything and wait until healthy; raises ReleaseFailed naming the services that are not, with their last lines."""
    _start(host, release, remove_orphans=True)
    run(host, shell.switch_link(paths.CURRENT_RELEASE, f"{paths.RELEASES}/{release}"))


@step("reload nginx")
def reload_nginx(host: Host, release: str) -> None:
    run(host, compose.reload_nginx(release))


@step("remove old", retries=1)
def remove_old(host: Host) -> None:
    """Old releases beyond the last five, and images that nothing uses: a VM that is deployed to daily does not fill its disk."""
    run(host, shell.prune_folder(paths.RELEASES, paths.CURRENT_RELEASE, KEPT_RELEASES))
    run(host, compose.prune_images(), timeout_seconds=300)


def _start(host: Host, release: str, *services: str, remove_orphans: bool = False) -> None:
    command = compose.start(release, *services, timeout_seconds=HEALTHY_WITHIN_SECONDS, remove_orphans=remove_orphans)
    try:
        run(host, command, timeout_seconds=HEALTHY_WITHIN_SECONDS + 120)
    except RemoteCommandFailed as error:
        states = parse_services(run(host, compose.list_services(release)))
        unwell = {state.service for state in states if not state.is_well}
        logs = {service: run(host, compose.read_logs(release, service)) for service in unwell}
        raise build_failure(release, states, logs, str(error)) from error
