"""The application's schema: a dump first, then its own migration, which may not freeze the site."""

from prefect import get_run_logger

from resonant.commands import compose, database
from resonant.errors import RemoteCommandFailed
from resonant.release import Release
from resonant.remote import Host
from resonant.slots import Moves
from tasks.options import line_logger, step
from tasks.shell import run

KEPT_DUMPS = 5
START_SECONDS = 180
GRACE_SECONDS = 30


@step("permanent services", timeout_seconds=600, retries=2)
def ensure_permanent(host: Host, release: Release, moves: Moves) -> tuple[str, ...]:
    """Start what keeps data; replaced only when its own definition changed."""
    services = [entry.service for entry in moves.starting("stateful")]
    if not services:
        return ()
    run(host, compose.start_permanent(release, services, START_SECONDS), timeout_seconds=START_SECONDS + 60)
    return tuple(f"started {name}" for name in services)


@step("migrate", timeout_seconds=7200, retries=2)
def migrate(host: Host, release: Release, moves: Moves) -> tuple[str, ...]:
    """Bring the schema to what the new release expects, after a dump, while the old release serves.

    Raises RemoteCommandFailed. Nothing to do where the migrating service does not change or says that nothing is pending. One
    that goes on although its run was killed or cut off is waited for, so that no two run at once.
    """
    described = release.description.database
    wanted = described.migrate if described else None
    entry = moves.placement.find(wanted.service) if wanted else None
    if described is None or wanted is None or entry is None or entry not in moves.start:
        return ()
    run(host, database.end_migration(wanted.timeout_seconds), timeout_seconds=wanted.timeout_seconds + GRACE_SECONDS)
    if wanted.pending and not _is_pending(host, release, moves, wanted.pending):
        return ()
    container = f"resonant-{described.service}-1"
    file = run(host, database.dump(container, release.id, KEPT_DUMPS), timeout_seconds=3600).strip()
    get_run_logger().info("dump before the migration: %s", file)
    # libpq's own way to give every connection of the command a limit, whatever the migration tool is.
    options = f"PGOPTIONS=-c lock_timeout={wanted.lock_timeout_seconds}s"
    command = compose.run_once(release, entry.slot, wanted.service, wanted.command, [options], name=database.MIGRATION)
    run(host, command, timeout_seconds=wanted.timeout_seconds, on_line=line_logger())
    return (f"migrated the schema (dump: {file})",)


@step("schema version", retries=2)
def read_schema_version(host: Host, release: Release) -> str:
    described = release.description.database
    if described is None or not described.version:
        return ""
    try:
        return run(host, database.ask(f"resonant-{described.service}-1", described.version)).strip()
    except RemoteCommandFailed as error:
        get_run_logger().warning("the schema's version could not be read: %s", error)
        return ""


def _is_pending(host: Host, release: Release, moves: Moves, command: tuple[str, ...]) -> bool:
    described = release.description.database
    service = described.migrate.service if described and described.migrate else ""
    entry = moves.placement.find(service)
    try:
        run(host, compose.run_once(release, entry.slot if entry else "a", service, command), timeout_seconds=120)
    except RemoteCommandFailed:
        return True
    return False
