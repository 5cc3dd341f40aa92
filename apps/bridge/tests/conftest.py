import pytest
from testing.process import wait_for


@pytest.fixture
def add(database):
    """Add an intent; its id."""

    def add(text="hello", synthetic=False):
        [[intent_id]] = database.query(
            "INSERT INTO intents (text, synthetic) VALUES (%s, %s) RETURNING id", text, synthetic
        )
        return intent_id

    return add


@pytest.fixture
def read(database):
    """The named columns of an intent."""

    def read(intent_id, columns="state, result, error, attempts"):
        [row] = database.query(f"SELECT {columns} FROM intents WHERE id = %s", intent_id)  # noqa: S608
        return row

    return read


@pytest.fixture
def wait_for_state(read):
    def wait_for_state(intent_id, state, seconds=20):
        """The intent's result, error and attempts, once it is in that state."""
        ends = (state, "done", "failed")
        wait_for(f"intent {state}", lambda: read(intent_id)[0] in ends, seconds)
        row = read(intent_id)
        assert row[0] == state, row
        return row[1:]

    return wait_for_state


@pytest.fixture
def wait_until_asked(wait_for_state, claude_api):
    def wait_until_asked(intent_id):
        """The bridge has claimed the intent and its request has arrived, so that the next fault is spent on it."""
        wait_for_state(intent_id, "processing")
        wait_for("request to Claude", lambda: claude_api.texts)

    return wait_until_asked
