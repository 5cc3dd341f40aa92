"""The table of intents as a queue: every SQL statement of the bridge, each a transaction of its own.

A claim is a lease. `next_attempt_at` says when an intent is due: for a pending one the earliest time of the next
attempt, for one in processing the end of the lease. So an intent whose bridge was killed comes back by itself, and
`attempts`, counted at the claim, tells a claim that is still held from one that was taken over meanwhile.
"""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from bridge.database import Pool

CLAIM = """
    UPDATE intents
    SET state = 'processing', attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %s)
    WHERE id = (
        SELECT id FROM intents
        WHERE state IN ('pending', 'processing') AND next_attempt_at <= now()
        ORDER BY next_attempt_at
        FOR UPDATE SKIP LOCKED
        LIMIT 1
    )
    RETURNING id, text, synthetic, attempts
"""
FINISH = """
    UPDATE intents SET state = %(state)s, result = %(result)s, error = %(error)s
    WHERE id = %(id)s AND state = 'processing' AND attempts = %(attempts)s
"""
POSTPONE = """
    UPDATE intents SET state = 'pending', error = %(error)s, next_attempt_at = now() + make_interval(secs => %(delay)s)
    WHERE id = %(id)s AND state = 'processing' AND attempts = %(attempts)s
"""
RELEASE = """
    UPDATE intents SET state = 'pending', attempts = attempts - 1, next_attempt_at = now()
    WHERE id = %(id)s AND state = 'processing' AND attempts = %(attempts)s
"""


@dataclass(frozen=True)
class Claim:
    id: UUID
    text: str
    synthetic: bool
    attempts: int
    """This one included."""


class IntentQueue:
    """The methods that end a claim say whether it was still held; any raises psycopg.OperationalError."""

    def __init__(self, pool: Pool, lease_seconds: float) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds

    async def claim(self) -> Claim | None:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Claim)) as cursor:
            await cursor.execute(CLAIM, [self._lease_seconds])
            return await cursor.fetchone()

    async def complete(self, claim: Claim, result: str) -> bool:
        return await self._end(FINISH, claim, state="done", result=result, error=None)

    async def fail(self, claim: Claim, error: str) -> bool:
        return await self._end(FINISH, claim, state="failed", result=None, error=error)

    async def postpone(self, claim: Claim, error: str, delay: float) -> bool:
        return await self._end(POSTPONE, claim, error=error, delay=delay)

    async def release(self, claim: Claim) -> bool:
        """As if it had never been claimed."""
        return await self._end(RELEASE, claim)

    async def _end(self, statement: str, claim: Claim, **values: object) -> bool:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, {"id": claim.id, "attempts": claim.attempts, **values})
            return cursor.rowcount == 1
