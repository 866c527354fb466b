"""
Remove old messages: charger by charger as they are filed, or whole partitions where there are some.

A charger's oldest entries are all there is to look at, however long anybody else keeps his. An
answer goes with its call, an entry with its message, all in one write; what an enabled target is
still to get stays where it is, and for a while what a sink is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from storage import partitions
from storage.database import NO_VALUES, Row, Statement, Write
from storage.records import ChargerKey
from storage.statements import retention_log as statements
from storage.statements.spoken import file_messages
from storage.statements.wanted import any_wanted_within

if TYPE_CHECKING:
    from storage.database import Database
    from storage.group_commit import GroupCommit
    from storage.partitions import Partition
    from storage.retention_terms import Terms
    from storage.statements.deliveries import Kinds

MESSAGES = "messages"
# What is not filed cannot be removed; a quiet installation files nothing by itself for months.
_FILED_AFTER = timedelta(days=1)
# For how much longer than anything else what a sink is still to get is kept.
FOR_SINKS = timedelta(days=30)


class Removed(NamedTuple):
    """What one step has removed; most steps remove nothing."""

    organization_uuid: str = ""
    what: str = ""
    rows: int = 0


NOTHING = Removed()


class Oldest(NamedTuple):
    """How the oldest things of a kind are read, and the next one behind them of a known age."""

    kind: str
    page: Statement
    known: Statement


class OldMessages:
    """The messages that are not kept any longer."""

    def __init__(self, database: Database, group: GroupCommit, kinds: Kinds, rows: int) -> None:
        """Leave what queues keep, which are messages of some ``kinds``."""
        self._database, self._group = database, group
        self._kinds = kinds
        self._rows = rows
        page = statements.oldest_messages(kinds)
        self._oldest = Oldest(MESSAGES, page, statements.known_message)

    async def file(self, now: datetime) -> None:
        """File what has been said, unless it was lately; and forget where that ended before."""
        oldest = await self._database.fetch(statements.oldest_unfiled)
        if any(abs(now - row["moment"]) >= _FILED_AFTER for row in oldest):
            await self._group.submit(file_messages, NO_VALUES)
        await self._database.execute(statements.drop_former_filings)

    async def remove(self, terms: Terms) -> AsyncIterator[Removed]:
        """Remove an organization's messages, step by step."""
        async for key in chargers(
            self._database, statements.next_with_messages, terms.organization_uuid
        ):
            async for removed in self._of_charger(terms, key):
                yield removed

    async def _of_charger(self, terms: Terms, key: ChargerKey) -> AsyncIterator[Removed]:
        after = -1
        while True:
            asked = {**key._asdict(), "after": after}
            over = await oldest(self._database, self._oldest, asked, terms, self._rows)
            late = len(_given_up(over, terms))
            gone = [
                row
                for place, row in enumerate(over)
                if not (row["needed"] or (row["wanted"] and place >= late))
            ]
            rows = await self._drop(key, gone)
            yield Removed(terms.organization_uuid, MESSAGES, rows)
            if len(over) < self._rows:
                return
            after = over[-1]["seq"]

    async def _drop(self, key: ChargerKey, gone: Sequence[Row]) -> int:
        if not gone:
            return 0
        positions = [{"seq": row["seq"]} for row in gone]
        answers = [{"seq": row["answer"]} for row in gone if row["answer"] is not None]
        entries = [{**key._asdict(), **position} for position in positions]
        await self._database.write(
            [
                Write(statements.drop_message, [*positions, *answers]),
                Write(statements.drop_entry, entries),
            ]
        )
        return len(positions) + len(answers)

    async def remove_partitions(self, terms: Mapping[str, Terms]) -> AsyncIterator[Removed]:
        """Drop whole parts of the log that no organization keeps and no queue needs."""
        [filed] = await self._database.fetch(statements.filed)
        for part in await partitions.partitions_of(self._database, MESSAGES):
            # The newest entry of nobody says which positions were given.
            if part.end > filed["position"] or not await self._is_over(part, terms):
                return
            within = {"first": part.first, "end": part.end}
            rows = await self._database.fetch(statements.messages_within, within)
            # Entries first: an entry without its message is found again, and so is a message.
            for each in (partitions.charger_messages(part.first), part):
                await partitions.drop(self._database, each)
            for row in rows:
                yield Removed(row["organization_uuid"], MESSAGES, row["rows"])

    async def _is_over(self, part: Partition, terms: Mapping[str, Terms]) -> bool:
        before = min(one.before(MESSAGES) for one in terms.values())
        now = max(one.now for one in terms.values())
        within = {"first": part.first, "end": part.end}
        newest = await self._database.fetch(statements.newest_within, within)
        if newest and not newest[0]["moment"] < before:
            return False
        kept = {**within, "before": before, "now": now}
        needed = [statements.any_needed_within(self._kinds)]
        if newest and not newest[0]["moment"] < before - FOR_SINKS:
            needed.append(any_wanted_within)
        if await self._database.fetch(statements.any_kept_within, kept):
            return False
        return not any([await self._database.fetch(each, within) for each in needed])


async def chargers(
    database: Database, next_one: Statement, organization_uuid: str
) -> AsyncIterator[ChargerKey]:
    """Yield an organization's chargers that have rows in a table, also those that were deleted."""
    key = ChargerKey(organization_uuid, "")
    while found := await database.fetch(
        next_one, {"organization_uuid": organization_uuid, "after": key.charge_box_id}
    ):
        key = key._replace(charge_box_id=found[0]["charge_box_id"])
        yield key


async def oldest(
    database: Database, queries: Oldest, values: Row, terms: Terms, limit: int
) -> Sequence[Row]:
    """Return the oldest of some rows that are not to be kept, at most so many."""
    page = await database.fetch(queries.page, {**values, "limit": limit})
    over = terms.over(queries.kind, page)
    if not over or terms.is_known(over[-1]):
        return over
    behind: Sequence[Row] = page[len(over) : len(over) + 1]
    if len(over) == limit:
        asked = {**values, "after": over[-1]["seq"], "now": terms.now}
        behind = await database.fetch(queries.known, asked)
    return over if terms.over(queries.kind, behind) else _up_to_known(over, terms)


def _up_to_known(rows: Sequence[Row], terms: Terms) -> Sequence[Row]:
    """Leave out rows at the end whose age is not known."""
    known = [place for place, row in enumerate(rows) if terms.is_known(row)]
    return rows[: known[-1] + 1] if known else []


def _given_up(rows: Sequence[Row], terms: Terms) -> Sequence[Row]:
    """Return the rows at the beginning that no sink is waited for any longer."""
    later = terms._replace(at=terms.at - FOR_SINKS)
    return _up_to_known(later.over(MESSAGES, rows), terms)
