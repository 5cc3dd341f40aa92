"""Runs the migrations over a connection that libpq's environment variables describe."""

from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

LOCK_TIMEOUT = "5s"
ADVISORY_LOCK = 7_310_117

if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def run_migrations() -> None:
    """All in one transaction; a second run waits for the first, and neither blocks the application's queries for long."""
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, connect_args={"connect_timeout": 5})
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        context.configure(connection=connection, target_metadata=None)
        context.run_migrations()


run_migrations()
