"""The intents in PostgreSQL: every SQL statement of the API."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from backend.database import Pool
from backend.intents import Counts, Intent, NewIntent, PageQuery

COLUMNS = sql.SQL(", ").join(map(sql.Identifier, Intent.model_fields))

INSERT = sql.SQL("INSERT INTO intents (text, synthetic) VALUES (%(text)s, %(synthetic)s) RETURNING {}").format(COLUMNS)
SELECT = sql.SQL("SELECT {} FROM intents WHERE id = ANY(%(ids)s)").format(COLUMNS)
SELECT_PAGE = sql.SQL(
    """
    SELECT {} FROM intents
    WHERE created_at < coalesce(%(before)s::timestamptz, 'infinity')
      AND (%(state)s::text IS NULL OR state = %(state)s)
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
    """
).format(COLUMNS)


class IntentStore:
    """Any method raises psycopg.OperationalError when the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, new: NewIntent) -> Intent:
        [intent] = await self._fetch(INSERT, new.model_dump())
        return intent

    async def read(self, intent_id: UUID) -> Intent | None:
        return (await self.read_many([intent_id])).get(intent_id)

    async def read_many(self, ids: Iterable[UUID]) -> dict[UUID, Intent]:
        return {intent.id: intent for intent in await self._fetch(SELECT, {"ids": list(ids)})}

    async def read_page(self, query: PageQuery) -> list[Intent]:
        """Newest first."""
        return await self._fetch(SELECT_PAGE, query.model_dump())

    async def delete(self, intent_id: UUID) -> bool:
        """Whether there was one to delete."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute("DELETE FROM intents WHERE id = %s", [intent_id])
            return cursor.rowcount == 1

    async def count(self) -> Counts:
        async with self._pool.connection() as connection:
            cursor = await connection.execute("SELECT state, count(*) FROM intents GROUP BY state")
            return Counts.model_validate(dict(await cursor.fetchall()))

    async def read_server_version(self) -> str:
        async with self._pool.connection() as connection:
            cursor = await connection.execute("SELECT current_setting('server_version')")
            [version] = await cursor.fetchone() or [""]
            return str(version)

    async def _fetch(self, statement: sql.Composed, parameters: dict[str, Any]) -> list[Intent]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Intent)) as cursor:
            await cursor.execute(statement, parameters)
            return await cursor.fetchall()
