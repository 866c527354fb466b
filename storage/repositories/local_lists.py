"""The lists of tokens that chargers have for themselves, as we have last put them there."""

from __future__ import annotations

import asyncio

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.operation_records import LocalList
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed
from storage.statements import reservations as statements


class LocalLists:
    """Keep one list for each charger."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note_put(self, wanted: LocalList) -> asyncio.Future[None]:
        """Note the list that a charger has now."""
        return self._group.submit(statements.put_local_list, columns(wanted))

    async def get(self, key: ChargerKey) -> LocalList | None:
        """Return a charger's list, None where we have put none there."""
        rows = await self._database.fetch(statements.local_list, key._asdict())
        return LocalList(**keyed(rows[0])) if rows else None
