"""What an overview shows of chargers, read for many of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import NamedTuple

from storage.clock import Clock
from storage.database import Database, Row
from storage.repositories.rows import by_hundreds
from storage.statements import fleet as statements
from storage.statements.fleet import Both

# How many are read at once: whoever works on them holds up everybody else meanwhile.
_AT_ONCE = 200
_Rows = Mapping[str, Sequence[Row]]


class Seen(NamedTuple):
    """One charger: its row, its connectors, and what is running with what it has measured."""

    charger: Row
    connectors: Sequence[Row]
    running: Sequence[Row]


class Fleet:
    """Read what is shown of an organization's chargers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def page(
        self, organization_uuid: str, limit: int, after: str = ""
    ) -> AsyncIterator[Sequence[Seen]]:
        """Yield the chargers behind a charge_box_id, some at a time, in order."""
        while limit > 0:
            values = {"after": after, "limit": min(limit, _AT_ONCE)}
            values["organization_uuid"] = organization_uuid
            rows = await self._database.fetch(statements.page, values)
            if not rows:
                return
            first, after = rows[0]["charge_box_id"], rows[-1]["charge_box_id"]
            span = {"first": first, "last": after}
            yield await self._seen(organization_uuid, rows, span, between=True)
            limit -= len(rows)

    async def among(
        self, organization_uuid: str, charge_box_ids: Iterable[str]
    ) -> AsyncIterator[Sequence[Seen]]:
        """Yield those of many chargers that are enrolled, some at a time, in no order."""
        for names in by_hundreds(charge_box_ids):
            values = {"organization_uuid": organization_uuid, **names}
            rows = await self._database.fetch(statements.shown_among, values)
            yield await self._seen(organization_uuid, rows, names, between=False)

    async def _seen(
        self, organization_uuid: str, rows: Sequence[Row], which: Row, *, between: bool
    ) -> Sequence[Seen]:
        values = {"organization_uuid": organization_uuid, **which}
        plugs = await self._of_each(statements.plugs, values, between=between)
        values["now"] = self._clock.now()
        running = await self._of_each(statements.running, values, between=between)
        return [
            Seen(row, plugs[row["charge_box_id"]], running[row["charge_box_id"]]) for row in rows
        ]

    async def in_full(self, organization_uuid: str, charge_box_ids: Iterable[str]) -> _Rows:
        """Return what is running at chargers with all that tells how much power that takes."""
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for names in by_hundreds(charge_box_ids):
            values = {"organization_uuid": organization_uuid, "now": self._clock.now(), **names}
            for row in await self._database.fetch(statements.running_in_full.among, values):
                found[row["charge_box_id"]].append(row)
        return found

    async def _of_each(self, question: Both, values: Row, *, between: bool) -> _Rows:
        found: defaultdict[str, list[Row]] = defaultdict(list)
        statement = question.between if between else question.among
        for row in await self._database.fetch(statement, values):
            found[row["charge_box_id"]].append(row)
        return found
