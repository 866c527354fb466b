"""Dead letters: what a target did not take, kept for a person to look at."""

from __future__ import annotations

import asyncio
from datetime import datetime

from storage.database import Database, Row
from storage.group_commit import GroupCommit
from storage.records import DeadLetter, Undelivered
from storage.statements import deliveries as statements

_LETTER = tuple(DeadLetter.__dataclass_fields__)


class DeadLetters:
    """Keep what targets did not take; the messages themselves are in the journal."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(self, letter: DeadLetter) -> asyncio.Future[None]:
        """Keep a letter, or keep it again with the attempts of this time added."""
        row = {
            "of_id": letter.proxy_configuration_id,
            "seq": letter.seq,
            "action": letter.action,
            "reason": letter.reason,
            "attempts": letter.attempts,
            "created_at": letter.created_at,
        }
        return self._group.submit(statements.bury, row)

    def note_delivered(self, proxy_configuration_id: int, seq: int) -> asyncio.Future[None]:
        """Forget a letter that has gone out after all."""
        row = {"of_id": proxy_configuration_id, "of_seq": seq}
        return self._group.submit(statements.drop_dead_letter, row)

    async def drop(self, proxy_configuration_id: int, through: int) -> None:
        """Forget all letters up to a position."""
        values = {"proxy_configuration_id": proxy_configuration_id, "through": through}
        await self._database.execute(statements.drop_dead_letters, values)

    async def count(self, proxy_configuration_id: int) -> int:
        """Count the letters of one queue."""
        values = {"proxy_configuration_id": proxy_configuration_id}
        [row] = await self._database.fetch(statements.count_dead_letters, values)
        count: int = row["dead_letters"]
        return count

    async def retry(self, proxy_configuration_id: int, seq: int, at: datetime) -> bool:
        """Mark a letter to go out again; return False where there is none."""
        values = {"of_id": proxy_configuration_id, "of_seq": seq, "retry_at": at}
        return bool(await self._database.execute(statements.retry_dead_letter, values))

    async def to_retry(self, proxy_configuration_id: int) -> list[DeadLetter]:
        """Return the letters that are to go out again, by position."""
        values = {"proxy_configuration_id": proxy_configuration_id}
        rows = await self._database.fetch(statements.dead_letters_to_retry, values)
        return [DeadLetter(**row) for row in rows]

    async def list(
        self, proxy_configuration_id: int, after: int = 0, limit: int = 100
    ) -> list[Undelivered]:
        """Return letters by position, those behind ``after``."""
        values = {"proxy_configuration_id": proxy_configuration_id, "after": after, "limit": limit}
        rows = await self._database.fetch(statements.dead_letters_after, values)
        return [_undelivered(row) for row in rows]


def _undelivered(row: Row) -> Undelivered:
    return Undelivered(
        seq=row["seq"],
        action=row["action"],
        queued_at=row["timestamp"],
        bytes=row["bytes"],
        attempts=row["attempts"],
        maybe_duplicate=bool(row["maybe_duplicate"]),
        dead=DeadLetter(**{name: row[name] for name in _LETTER}),
    )
