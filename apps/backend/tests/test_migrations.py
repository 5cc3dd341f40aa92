"""The schema, as `alembic upgrade head` leaves it."""

import json
import subprocess
import time

import psycopg
import pytest
from conftest import migrate


@pytest.fixture
def connection(database):
    environment = database.environment
    with psycopg.connect(
        host=environment["PGHOST"], user=environment["PGUSER"], dbname=environment["PGDATABASE"], autocommit=True
    ) as connection:
        yield connection


def test_a_second_upgrade_changes_nothing(database):
    assert "Running upgrade" not in migrate(database, "upgrade", "head").stderr
    assert database.query("SELECT version_num FROM alembic_version") == [("0001",)]


def test_down_and_up_again(database):
    migrate(database, "downgrade", "base")
    assert database.query("SELECT to_regclass('intents')") == [(None,)]
    migrate(database, "upgrade", "head")
    assert database.query("SELECT count(*) FROM intents") == [(0,)]


def test_an_upgrade_that_would_wait_behind_a_lock_gives_up(database, connection):
    connection.execute("BEGIN")
    connection.execute("LOCK TABLE intents")
    start = time.monotonic()
    with pytest.raises(subprocess.CalledProcessError) as failed:
        migrate(database, "downgrade", "base")
    assert "lock timeout" in failed.value.stderr
    assert time.monotonic() - start < 15


def test_every_change_notifies(connection):
    connection.execute("LISTEN intents")
    [intent_id] = connection.execute("INSERT INTO intents (text) VALUES ('x') RETURNING id::text").fetchone()
    connection.execute("UPDATE intents SET state = 'done'")
    connection.execute("DELETE FROM intents")

    notes = [json.loads(notify.payload) for notify in connection.notifies(timeout=5, stop_after=3)]
    assert notes == [{"id": intent_id, "op": op} for op in ("insert", "update", "delete")]


def test_updated_at_moves_by_itself(connection):
    connection.execute("INSERT INTO intents (text) VALUES ('x')")
    time.sleep(0.01)
    connection.execute("UPDATE intents SET state = 'done'")

    assert connection.execute("SELECT updated_at > created_at FROM intents").fetchone() == (True,)


def test_an_unknown_state_is_refused(connection):
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO intents (text, state) VALUES ('x', 'nothing')")
