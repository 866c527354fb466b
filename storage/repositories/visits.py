"""Connections of chargers: when each began and ended, and what it has carried."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.history_records import Visit
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed
from storage.statements import visits as statements
from storage.statements.visits import MOST_VISITS

__all__ = ["MOST_VISITS", "Visits"]

STOPPED = "The server stopped."
TRIMMED_EVERY = 50  # of one charger's: it may come and go without end
_MOST_COUNTED = 20_000  # chargers
_NEWEST = datetime.max.replace(tzinfo=UTC)


class Visits:
    """Keep the newest connections of each charger."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group
        self._counted: OrderedDict[ChargerKey, int] = OrderedDict()

    def note(self, visit: Visit) -> asyncio.Future[None]:
        """Note a connection as it is now, begun or ended; only the newest are kept."""
        if visit.until is None and self._is_to_trim(visit.key):
            organization_uuid, charge_box_id = visit.key
            this = {"of_organization": organization_uuid, "of_charger": charge_box_id}
            self._group.submit(statements.trim_visits, this)
        return self._group.submit(statements.put_visit, columns(visit))

    async def end_abandoned(self) -> None:
        """End what the server before this one has left open: nobody is connected yet."""
        await self._database.execute(statements.end_abandoned_visits, {"close_reason": STOPPED})

    async def page(
        self, key: ChargerKey, limit: int, before: datetime | None = None
    ) -> list[Visit]:
        """Return a charger's connections that began before a moment, newest first."""
        values = {**key._asdict(), "before": before or _NEWEST, "limit": limit}
        rows = await self._database.fetch(statements.visits_before, values)
        return [Visit(**keyed(row)) for row in rows]

    def _is_to_trim(self, key: ChargerKey) -> bool:
        count = self._counted.pop(key, 0) + 1
        self._counted[key] = count
        if len(self._counted) > _MOST_COUNTED:
            self._counted.popitem(last=False)
        return count % TRIMMED_EVERY == 0
