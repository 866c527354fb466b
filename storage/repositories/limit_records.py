"""What was to limit chargers, as it was foreseen whenever it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from storage.database import Database, Row
from storage.group_commit import GroupCommit
from storage.history_records import LimitRecord, LimitStep
from storage.records import ChargerKey
from storage.repositories.rows import keyed
from storage.statements import limit_history as statements

# Records of one charger that are read for one answer; of more the newest.
MOST_RECORDS = 5000
_AT_ONCE = 50  # that are made of rows before others have their turn: each may have 400 steps
_FOREVER = datetime.max.replace(tzinfo=UTC)


class LimitRecords:
    """Keep what was foreseen for each EVSE."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(self, record: LimitRecord) -> asyncio.Future[None]:
        """Note what is foreseen from a moment on, until the next record."""
        row = {
            **record.key._asdict(),
            "evse_id": record.evse_id,
            "at": record.at,
            "steps": [list(step) for step in record.steps],
        }
        return self._group.submit(statements.put_limits, row)

    async def at(self, key: ChargerKey, moment: datetime = _FOREVER) -> list[LimitRecord]:
        """Return the record of each EVSE that holds at a moment, by EVSE."""
        rows = await self._database.fetch(statements.limits_at, {**key._asdict(), "until": moment})
        return sorted(map(_record, rows), key=lambda record: record.evse_id)

    async def within(
        self, key: ChargerKey, since: datetime, until: datetime
    ) -> Sequence[LimitRecord]:
        """Return a charger's records behind a moment and up to another, oldest first."""
        values = {**key._asdict(), "since": since, "until": until, "limit": MOST_RECORDS}
        rows = await self._database.fetch(statements.limits_within, values)
        found = []
        for place, row in enumerate(reversed(rows)):
            if place % _AT_ONCE == 0:
                await asyncio.sleep(0)
            found.append(_record(row))
        return found

    async def limited(self) -> list[ChargerKey]:
        """Return the chargers that something limits or has limited, of all organizations."""
        rows = await self._database.fetch(statements.limited_chargers)
        return [ChargerKey(row["organization_uuid"], row["charge_box_id"]) for row in rows]


def _record(row: Row) -> LimitRecord:
    values = keyed(row)
    steps = tuple(LimitStep(*step) for step in values.pop("steps"))
    return LimitRecord(**values, steps=steps)
