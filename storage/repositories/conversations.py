"""What all links of an organization said, a page at a time, newest first, each with its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from storage import exchanges
from storage.database import Database, Row
from storage.exchanges import Bounds
from storage.journal import exchange_of
from storage.records import Exchange
from storage.statements import messages as statements

# Among how many messages one page is looked for, however rare it is what is wanted.
LOOKED_THROUGH = 16_384
# How many bytes of frames one page holds; one message at least.
MOST_OCTETS = 1 << 22


class Found(NamedTuple):
    """A page, and before which position the next one begins; None where there is no more."""

    exchanges: Sequence[Exchange]
    before: int | None


class Conversations:
    """Read the message log of an organization."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        organization_uuid: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: int | None = None,
        **filters: str | None,
    ) -> Found:
        """Return what is no answer and passes the filters; there may be less than there is room.

        They are `action`, `direction` and `message_id`; `until` is exclusive.
        """
        asked = {"since": since, "until": until, **filters}
        given = {name: value for name, value in asked.items() if value is not None}
        bounds = await exchanges.bounds_of(self._database, since, until, before)
        if bounds.after >= bounds.through:
            return Found([], None)
        values = {"organization_uuid": organization_uuid, **bounds._asdict()}
        beyond = await self._database.fetch(
            statements.first_beyond, {**values, "most": LOOKED_THROUGH}
        )
        looked = Bounds(beyond[0]["seq"] if beyond else bounds.after, bounds.through)
        values |= {**looked._asdict(), **given, "limit": limit + 1}
        return await self._read(values, frozenset(given), limit, looked, more=bool(beyond))

    async def _read(
        self,
        values: Mapping[str, Any],
        names: frozenset[str],
        limit: int,
        looked: Bounds,
        *,
        more: bool,
    ) -> Found:
        sizes = await self._database.fetch(statements.sizes_of_all(names), values)
        wanted = _fitting(sizes[:limit])
        rows: list[Row] = []
        if wanted:
            # Of these alone: more may have been said meanwhile.
            ends = {"after": wanted[-1]["seq"] - 1, "through": wanted[0]["seq"]}
            page = {**values, **ends, "limit": len(wanted)}
            rows = await self._database.fetch(statements.page_of_all(names), page)
        answers = await exchanges.answers(self._database, rows)
        found = [exchange_of(row, answers.get(row["seq"])) for row in rows]
        if len(wanted) < len(sizes):
            return Found(found, wanted[-1]["seq"])
        return Found(found, looked.after + 1 if more else None)


def _fitting(sizes: Sequence[Row]) -> Sequence[Row]:
    """Return the first messages that a page has room for."""
    octets = 0
    for place, size in enumerate(sizes):
        octets += size["octets"]
        if octets > MOST_OCTETS:
            return sizes[: max(place, 1)]
    return sizes
