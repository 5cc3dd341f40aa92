"""How the bridge connects to PostgreSQL; the address and the login are libpq's environment variables."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "application_name": "bridge",
    "connect_timeout": 2,
    "options": "-c statement_timeout=5s",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}


def build_pool() -> Pool:
    """A closed pool; a caller waits 3 s at most for a connection, then sees `PoolTimeout`, an OperationalError."""
    return AsyncConnectionPool(
        kwargs=CONNECTION,
        min_size=1,
        max_size=2,
        open=False,
        timeout=3,
        check=AsyncConnectionPool.check_connection,
        # The pool doubles its pause between attempts; giving up early lets the next caller start a fresh attempt,
        # so that the pause never grows with the length of the outage.
        reconnect_timeout=2,
    )
