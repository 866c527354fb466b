"""What limits chargers from outside, as they have told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.operation_records import StationLimit
from storage.records import ChargerKey
from storage.repositories.hearing import Changed, nobody_listens
from storage.repositories.rows import columns, keyed, rows_of_page
from storage.statements import station_limits as statements


class StationLimits:
    """Remember what each source limits of a charger; EVSE 0 is the whole station."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group
        # Told whose have changed.
        self.changed: Changed = nobody_listens

    def note(self, limit: StationLimit) -> asyncio.Future[None]:
        """Note a limit in place of the last one of its source; only the newest are kept."""
        self.changed(limit.key)
        noted = self._group.submit(statements.put_station_limit, columns(limit))
        self._group.submit(statements.trim_station_limits, _this(limit.key))
        return noted

    def note_cleared(self, key: ChargerKey, evse_id: int, source: str) -> asyncio.Future[None]:
        """Note that a source limits an EVSE no more, with EVSE 0 none of the charger's."""
        self.changed(key)
        values = {**_this(key), "of_evse": evse_id, "of_source": source}
        return self._group.submit(statements.remove_station_limit, values)

    async def of(self, key: ChargerKey) -> list[StationLimit]:
        """Return what limits a charger."""
        rows = await self._database.fetch(statements.station_limits_of, key._asdict())
        return [StationLimit(**keyed(row)) for row in rows]

    async def of_page(
        self, organization_uuid: str, charge_box_ids: Sequence[str]
    ) -> dict[str, list[StationLimit]]:
        """Return what limits the chargers of one page, by charge_box_id."""
        rows = await rows_of_page(
            self._database, statements.station_limits_between, organization_uuid, charge_box_ids
        )
        return {name: [StationLimit(**keyed(row)) for row in own] for name, own in rows.items()}


def _this(key: ChargerKey) -> dict[str, str]:
    return {"of_organization": key.organization_uuid, "of_charger": key.charge_box_id}
