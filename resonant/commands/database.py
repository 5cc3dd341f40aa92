"""PostgreSQL in its container, spoken to with the container's own client and login."""

from resonant.commands.shell import Command, script
from resonant.paths import DUMPS

MIGRATION = "resonant-migration"
PG_DUMP = 'exec pg_dump --format custom --username "$POSTGRES_USER" "${POSTGRES_DB:-$POSTGRES_USER}"'


def dump(container: str, name: str, keep: int) -> Command:
    """A custom-format dump, complete or not there; prints its path and keeps the newest few."""
    return script(
        'umask 077; mkdir -p "$2"; file="$2/before-$3-$(date -u +%Y%m%dT%H%M%SZ).dump"',
        f'docker exec "$1" sh -c \'{PG_DUMP}\' > "$file.part"',
        'docker exec -i "$1" pg_restore --list < "$file.part" >/dev/null',
        'sync "$file.part"; mv "$file.part" "$file"; echo "$file"',
        'rm -f "$2"/*.part; ls -1t "$2"/before-*.dump | tail -n "+$4" | while IFS= read -r old; do rm -f "${old:?}"; done',
        arguments=[container, DUMPS, name, str(keep + 1)],
    )


def end_migration(timeout_seconds: int) -> Command:
    """Wait for a migration whose run is gone, at most so long, and remove its container; nothing to do where there is none."""
    return script(
        'timeout "$2" docker wait "$1" >/dev/null 2>&1 || true', 'docker rm --force "$1" >/dev/null 2>&1 || true',
        arguments=[MIGRATION, str(timeout_seconds)],
    )  # fmt: skip


def ask(container: str, statement: str) -> Command:
    psql = 'exec psql --username "$POSTGRES_USER" --dbname "${POSTGRES_DB:-$POSTGRES_USER}" --tuples-only --no-align --command "$1"'
    return ["docker", "exec", container, "sh", "-c", psql, "psql", statement]
