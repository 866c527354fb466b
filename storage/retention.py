"""
Remove what has been kept long enough, a few rows at a time (ADR 0027).

A pass goes through all organizations. It is made of steps, each of them a page that is read and at
most one write of as many rows, so that whoever runs it may rest between them or end it anywhere:
what is left is found by the next pass. Nothing has to be remembered for that but the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import structlog

from storage import partitions
from storage.audit_chain import Sealed
from storage.clock import EPOCH, MICROSECOND
from storage.database import Row, Statement, Write
from storage.errors import StorageUnavailable
from storage.records import Keep
from storage.retention_log import NOTHING, Oldest, OldMessages, Removed, chargers, oldest
from storage.retention_rest import SmallTables
from storage.retention_terms import DEFAULT, Terms, believed, in_force
from storage.statements import retention as statements
from storage.statements.limit_history import drop_limits
from storage.statements.visits import drop_visits

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.statements.deliveries import Kinds
    from storage.store import Storage

log = structlog.get_logger("ringmain.retention")

# How many rows are removed in one write: on SQLite nobody else can write meanwhile.
ROWS = 50
# Where there are partitions, whoever keeps something longest waits for them to go as a whole,
# unless a week more would be much more.
_WHOLE = 8  # days: a partition holds a week
_LONG = 30
_NEVER = 2**31
_DIVIDED = ("messages", "meter_values")

_AUDITED = Oldest("audit", statements.oldest_audited, statements.known_audited)


class Retention:
    """Remove what organizations do not keep any longer; for the one server."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        kinds: Kinds,
        default: Keep = DEFAULT,
        rows: int = ROWS,
    ) -> None:
        """Leave what queues keep, which are messages of some ``kinds``."""
        self._storage, self._database = storage, storage.database
        self._clock = clock
        self._default = default
        self._rows = rows
        self._log = OldMessages(storage.database, storage.group, kinds, rows)
        self._small = SmallTables(storage.database, storage.queues, kinds, rows)

    async def sweep(self) -> AsyncIterator[Removed]:
        """Make one pass, step by step; where it raises StorageError, another one is to begin."""
        terms = await self._begin()
        await self._log.file(self._clock.now())
        for dropping in (self._log.remove_partitions, self._readings_of_weeks):
            try:
                async for removed in dropping(terms):
                    yield removed
            except StorageUnavailable as busy:  # the next pass may have better luck
                log.warning("partition_not_dropped", error=str(busy))
        terms = self._patient(terms)
        filed = (self._log.remove, self._readings, self._commands, self._jobs, self._batches)
        for removing in (*filed, self._visits, self._limits, self._audit):
            for one in terms.values():
                async for removed in removing(one):
                    yield removed
        async for removed in self._small.remove(terms):
            yield removed

    # ---- time ----

    async def _begin(self) -> Mapping[str, Terms]:
        """Let each organization's time go on, and return what holds in this pass."""
        now = self._clock.now()
        newest = await self._database.fetch(statements.newest_moment)
        logged_at = newest[0]["moment"] if newest else None
        terms = {
            each.organization_uuid: Terms(
                each.organization_uuid,
                believed(each, now, logged_at),
                now,
                in_force(each.retention, self._default),
            )
            for each in await self._storage.organizations.list()
        }
        await self._storage.organizations.note_swept({id: one.at for id, one in terms.items()})
        return terms

    def _patient(self, terms: Mapping[str, Terms]) -> Mapping[str, Terms]:
        """Return what holds for single rows, where whole partitions go by themselves."""
        if not terms or self._database.division.listing is None:
            return terms
        longest = {
            kind: max(_LONG, *(one.days[kind] for one in terms.values())) for kind in _DIVIDED
        }
        return {
            id: one._replace(
                days={
                    kind: days + _WHOLE if days >= longest.get(kind, _NEVER) else days
                    for kind, days in one.days.items()
                }
            )
            for id, one in terms.items()
        }

    # ---- meter values ----

    async def _readings_of_weeks(self, terms: Mapping[str, Terms]) -> AsyncIterator[Removed]:
        """Drop the weeks whose meter values no organization keeps."""
        for part in await partitions.partitions_of(self._database, "meter_readings"):
            since, until = (EPOCH + MICROSECOND * each for each in (part.first, part.end))
            if any(until > one.before("meter_values") for one in terms.values()):
                return
            within = {"since": since, "until": until}
            rows = await self._database.fetch(statements.readings_within, within)
            await partitions.drop(self._database, part)
            for row in rows:
                yield Removed(row["organization_uuid"], "meter_values", row["rows"])
            yield NOTHING

    def _readings(self, terms: Terms) -> AsyncIterator[Removed]:
        before = {"before": terms.before("meter_values")}
        return self._all(statements.drop_readings, before, terms, "meter_values")

    async def _all(
        self, drop: Statement, values: Row, terms: Terms, what: str
    ) -> AsyncIterator[Removed]:
        """Remove all of an organization's rows that a statement finds, so many at a time."""
        organization_uuid = terms.organization_uuid
        asked = {**values, "organization_uuid": organization_uuid, "limit": self._rows}
        gone = self._rows
        while gone == self._rows:
            gone = len(await self._database.execute(drop, asked))
            yield Removed(organization_uuid, what, gone)

    # ---- commands, and what came of them ----

    async def _commands(self, terms: Terms) -> AsyncIterator[Removed]:
        asked = {"before": terms.before("commands"), "limit": self._rows}
        of = terms.organization_uuid
        async for key in chargers(self._database, statements.next_with_commands, of):
            while page := await self._database.fetch(
                statements.old_commands, {**key._asdict(), **asked}
            ):
                for command in page:
                    if command["has_parts"]:
                        async for removed in self._parts(command, terms):
                            yield removed
                await self._database.write([Write(statements.drop_command, page)])
                yield Removed(of, "commands", len(page))
            yield NOTHING

    def _parts(self, command: Row, terms: Terms) -> AsyncIterator[Removed]:
        this = {"command_id": command["command_id"]}
        return self._all(statements.drop_parts, this, terms, "command_parts")

    def _batches(self, terms: Terms) -> AsyncIterator[Removed]:
        before = {"before": terms.before("commands")}
        return self._all(statements.drop_batches, before, terms, "command_batches")

    # ---- what was ----

    def _visits(self, terms: Terms) -> AsyncIterator[Removed]:
        before = {"before": terms.before("messages")}
        return self._all(drop_visits, before, terms, "charger_connections")

    def _limits(self, terms: Terms) -> AsyncIterator[Removed]:
        before = {"before": terms.before("meter_values")}
        return self._all(drop_limits, before, terms, "limit_history")

    async def _jobs(self, terms: Terms) -> AsyncIterator[Removed]:
        """Remove jobs, and their files once nobody knows of them: logs are as large as the log."""
        asked = {"before": terms.before("messages"), "now": terms.at, "limit": self._rows}
        of, files = terms.organization_uuid, self._storage.files
        async for key in chargers(self._database, statements.next_with_jobs, of):
            while page := await self._database.fetch(
                statements.old_jobs, {**key._asdict(), **asked}
            ):
                await self._database.write([Write(statements.drop_job, page)])
                for job in page:
                    await asyncio.to_thread(files.remove, job["job_id"])
                yield Removed(of, "jobs", len(page))
            yield NOTHING

    # ---- audit ----

    async def _audit(self, terms: Terms) -> AsyncIterator[Removed]:
        audit, id = self._storage.audit, terms.organization_uuid
        while await audit.seal(self._rows):  # only what is in the chain may be cut off it
            yield NOTHING
        of = {"organization_uuid": id, "after": -1}
        while gone := await oldest(self._database, _AUDITED, of, terms, self._rows):
            if not await audit.cut(id, Sealed(gone[-1]["seq"], gone[-1]["seal"])):
                break
            yield Removed(id, "audit", len(gone))
        yield NOTHING
