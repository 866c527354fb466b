"""
What was said on a charger's links, a page at a time: what is no answer, each with its answer.

It is read in steps, and each is told where to read: PostgreSQL plans a statement before it knows
what a part of it will find, and without a position in it looks through every partition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from storage.clock import EPOCH
from storage.database import Database, Row
from storage.positions import position_at
from storage.records import ChargerKey
from storage.statements import messages as statements

# Between positions a time is looked for, wherever the clock was set back by no more than this: what
# was logged twice in an hour of the day is found in both.
CLOCK_SET_BACK = timedelta(hours=1)
# Behind it, in some time zones, there are no more dates to add an hour to.
LATEST = datetime(9999, 12, 1, tzinfo=UTC)
_LAST = 2**63 - 1  # behind all positions


class Bounds(NamedTuple):
    """Positions behind one and through another one."""

    after: int
    through: int


async def bounds_of(
    database: Database, since: datetime | None, until: datetime | None, before: int | None
) -> Bounds:
    """Return the positions that a page lies between, of which the times are looked for."""
    after, through = 0, _LAST if before is None else before - 1
    if since is not None:
        earliest = max(since, EPOCH + CLOCK_SET_BACK) - CLOCK_SET_BACK
        after = await position_at(database, earliest) - 1
    if until is not None:
        latest = min(until, LATEST) + CLOCK_SET_BACK
        through = min(through, await position_at(database, latest) - 1)
    return Bounds(after, through)


async def newest(
    database: Database, key: ChargerKey, bounds: Bounds, filters: Mapping[str, Any], limit: int
) -> Sequence[Row]:
    """Return the newest that pass the filters, newest first."""
    [found] = await database.fetch(statements.filed)
    # What is filed from now on is read along the log as well.
    filed, names = found["position"], frozenset(filters)
    unfiled = Bounds(max(bounds.after, filed), bounds.through)
    rows = await _page(database, statements.unfiled_page(names), key, unfiled, filters, limit)
    before = Bounds(bounds.after, min(bounds.through, filed))
    page = statements.filed_page(names)
    return rows + await _page(database, page, key, before, filters, limit - len(rows))


async def _page(
    database: Database,
    statement: Any,
    key: ChargerKey,
    bounds: Bounds,
    filters: Mapping[str, Any],
    limit: int,
) -> list[Row]:
    if bounds.after >= bounds.through or not limit:
        return []
    values = {**key._asdict(), **bounds._asdict(), **filters, "limit": limit}
    return await database.fetch(statement, values)


async def answers(database: Database, calls: Sequence[Row]) -> Mapping[int, Row]:
    """Return the answers to calls that are listed newest first, by the positions of the calls."""
    if not calls:
        return {}
    asked = [call["seq"] for call in calls]
    size = 1 << (len(asked) - 1).bit_length()  # there is a statement for each power of two
    padded = asked + asked[-1:] * (size - len(asked))
    values = {statements.CALL.format(place): seq for place, seq in enumerate(padded)}
    rows = await database.fetch(statements.answers_to(size), {**values, "after": asked[-1]})
    return {row["answers"]: row for row in rows}
