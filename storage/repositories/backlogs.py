"""What waits for the targets of a whole page, counted as far as that is cheap."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storage.clock import EPOCH, MICROSECOND
from storage.database import Database, Row
from storage.statements import backlogs as statements
from storage.statements.backlogs import MOST_DEAD
from storage.statements.deliveries import Kinds

__all__ = ["LOOKED_AT", "MOST_DEAD", "Backlogs", "Counted"]

# How many entries are looked at of all targets of a page, and of one at least.
LOOKED_AT, LEAST = 10_000, 10
_STEP = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """What waits for a target; ``more`` is that it may be more than were counted."""

    messages: int = 0
    oldest: datetime | None = None
    more: bool = False


class Backlogs:
    """Count for many targets at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_page(
        self, organization_uuid: str, ids: Sequence[int], kinds: Kinds
    ) -> dict[int, Counted]:
        """Return what waits of these kinds for an organization's targets, by their ids.

        Those of all between are counted along: for ids that come one after the other. Of others
        fewer entries are looked at, so that it takes no longer.
        """
        fetch, span = self._database.fetch, _span(organization_uuid, ids)
        [along] = await fetch(statements.counted_along, span)
        look = max(LEAST, LOOKED_AT // max(along["configurations"], 1))
        rows = await fetch(statements.filed_backlogs(kinds), {**span, "look": look})
        counted = {row["id"]: _filed(row, look) for row in rows}
        [filed_up_to] = await fetch(statements.filed_up_to)
        rest = {**span, "filed": filed_up_to["position"]}
        for row in await fetch(statements.unfiled_backlogs(kinds), rest):
            if row["id"] in counted:
                counted[row["id"]] = _with_rest(counted[row["id"]], row)
        return counted

    async def dead_letters(self, organization_uuid: str, ids: Sequence[int]) -> dict[int, int]:
        """Count the dead letters of an organization's targets, of each MOST_DEAD at most."""
        span = _span(organization_uuid, ids)
        rows = await self._database.fetch(statements.dead_letters_of_page, span)
        return {row["id"]: row["dead_letters"] for row in rows}

    async def moments_of(self, seqs: Collection[int]) -> Mapping[int, datetime]:
        """Return when messages were logged, of those that are there."""
        left, found = list(seqs), dict[int, datetime]()
        for begin in range(0, len(left), _STEP):
            asked = statements.places_among(left[begin : begin + _STEP])
            rows = await self._database.fetch(statements.moments_of, asked)
            found.update((row["seq"], row["timestamp"]) for row in rows)
        return found


def _span(organization_uuid: str, ids: Sequence[int]) -> Row:
    return {"organization_uuid": organization_uuid, "first": min(ids), "last": max(ids)}


def _filed(row: Row, look: int) -> Counted:
    looked, waiting, *first = row["filed"].split()
    oldest = EPOCH + int(first[0]) * MICROSECOND if first else None
    return Counted(int(waiting), oldest, int(looked) >= look)


def _with_rest(filed: Counted, row: Row) -> Counted:
    moments = [moment for moment in (filed.oldest, row["oldest"]) if moment is not None]
    return replace(
        filed, messages=filed.messages + row["messages"], oldest=min(moments, default=None)
    )
