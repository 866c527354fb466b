"""
Remove what is old in small tables, which are looked through from end to end.

A pass looks at some pages of each and the next one goes on there: it needs no index by age.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from storage.clock import EPOCH
from storage.database import Row, Write
from storage.records import ChargerKey
from storage.repositories.idempotent_requests import KEPT_FOR
from storage.repositories.queues import Place
from storage.retention_log import FOR_SINKS, NOTHING, Removed
from storage.statements import idempotent_requests as requests
from storage.statements import retention_rest as statements

if TYPE_CHECKING:
    from storage.database import Database
    from storage.repositories.queues import Queues
    from storage.retention_terms import Terms
    from storage.statements.deliveries import Kinds
    from storage.statements.retention_rest import Walk

_PAGES = 100  # of each table in one pass


class Way(NamedTuple):
    """A small table: what its rows are called, how long they are kept, the way through them."""

    what: str
    kind: str
    walk: Walk

    @property
    def table(self) -> str:
        """Name the table."""
        return str(self.walk.drop.table.name)


WAYS: Final = (
    Way("messages", "messages", statements.walk_answers_to_nothing),
    Way("dead_letters", "messages", statements.walk_dead_letters),
    Way("remote_starts", "commands", statements.walk_remote_starts),
    Way("reservations", "commands", statements.walk_reservations),
    Way("id_pairs", "commands", statements.walk_id_pairs),
    Way("id_tokens", "tokens", statements.walk_id_tokens),
)


class SmallTables:
    """What is old in small tables, and the ranges of queues that nobody asks about any more."""

    def __init__(self, database: Database, queues: Queues, kinds: Kinds, rows: int) -> None:
        """Leave what queues need, which are messages of some ``kinds``."""
        self._database, self._queues = database, queues
        self._kinds = kinds
        self._rows = rows
        # Where each way goes on in the next pass.
        self._places: dict[str, Row] = {}

    async def remove(self, terms: Mapping[str, Terms]) -> AsyncIterator[Removed]:
        """Look through some pages of each table, step by step."""
        for way in WAYS:
            for _ in range(_PAGES):
                page = await self._page(way)
                gone = [row for row in page if await self._is_over(way, row, terms)]
                if gone:
                    await self._database.write([Write(way.walk.drop, gone)])
                for owner, rows in Counter(row["owner"] for row in gone).items():
                    yield Removed(owner, way.what, rows)
                yield NOTHING
                if len(page) < self._rows:
                    break
        async for removed in self._join_ranges():
            yield removed
        async for removed in self._answers(terms):
            yield removed

    async def _answers(self, terms: Mapping[str, Terms]) -> AsyncIterator[Removed]:
        """Remove requests with an Idempotency-Key and their answers, whoever's, after a day."""
        page = self._rows if terms else 0
        asked = {
            "before": min((one.now for one in terms.values()), default=EPOCH) - KEPT_FOR,
            "limit": self._rows,
        }
        while page >= self._rows > 0:
            gone = await self._database.execute(requests.drop_old, asked)
            page = len(gone)
            for owner, rows in Counter(row["organization_uuid"] for row in gone).items():
                yield Removed(owner, "idempotent_requests", rows)
            yield NOTHING

    async def _page(self, way: Way) -> Sequence[Row]:
        walk = way.walk
        place = self._places.get(way.table, walk.beginning)
        page = await self._database.fetch(walk.page, {**place, "limit": self._rows})
        if len(page) < self._rows:
            self._places.pop(way.table, None)
        else:
            self._places[way.table] = {f"after_{key}": page[-1][key] for key in walk.keys}
        return page

    async def _is_over(self, way: Way, row: Row, terms: Mapping[str, Terms]) -> bool:
        ended: datetime | None = row["ended_at"]
        if ended is None or row["owner"] not in terms:
            return False
        before = terms[row["owner"]].before(way.kind)
        if row.get("wanted"):
            before -= FOR_SINKS
        return ended < before and (
            way.walk is not statements.walk_id_pairs or await self._is_told(row, before)
        )

    async def _is_told(self, pair: Row, before: datetime) -> bool:
        """Tell whether a target has all that was said before a moment, and may name an id."""
        key = ChargerKey(pair["owner"], pair["charge_box_id"])
        place = Place(pair["proxy_configuration_id"], key, pair["position"])
        waiting = await self._queues.kept(place, self._kinds, 1)
        return all(message.timestamp >= before for message in waiting)

    async def _join_ranges(self) -> AsyncIterator[Removed]:
        """Make one of the ranges that a target has passed: of them only the sum is shown."""
        after = -1
        while page := await self._database.fetch(
            statements.cursors_after, {"after": after, "limit": self._rows}
        ):
            for place in page:
                passed = await self._database.fetch(
                    statements.ranges_passed, {**place, "limit": self._rows}
                )
                if len(passed) == self._rows:  # fewer are not worth a write
                    await self._join(passed)
                yield NOTHING
            after = page[-1]["proxy_configuration_id"]

    async def _join(self, passed: Sequence[Row]) -> None:
        *former, last = passed
        more = {"of_id": last["id"], "more": sum(row["messages"] for row in former)}
        drops = Write(statements.drop_range, [{"id": row["id"]} for row in former])
        await self._database.write([Write(statements.add_to_range, [more]), drops])
