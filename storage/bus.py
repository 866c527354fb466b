"""
Where sinks read from: what one organization's links said, in order, from any position on.

A position says nothing but what is before what. Whoever has read up to one has passed nothing that
comes later; what is read again is the same, unless it is not kept any longer.

Here it is the message log itself, which one writer commits in the order of positions
(`storage.journal`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from storage.database import Database, Row
from storage.journal import Journal, message_of
from storage.records import Message
from storage.statements import exports as statements

# What a record has beside its frame, more or less, once it is written as a line.
OVERHEAD = 330
_END = 2**63 - 1
# How much is read at once: it is held in memory, and nobody else runs while it is worked on.
PAGE_OCTETS = 1 << 16
_SIZES = 1024
# The first page is small: behind a long outage each small object would read a whole one.
_FIRST_SIZES = 256
# Among how many positions sizes are looked for, and messages counted, in one statement: it is to be
# over soon, however far a sink is behind.
_LOOKED_THROUGH = 16 * _SIZES
_COUNTED = 1 << 18


class Size(NamedTuple):
    """A message that is to be exported: where, when it was logged, and how much it is."""

    seq: int
    moment: datetime
    octets: int


class Backlog(NamedTuple):
    """How many messages are behind a position, and when the oldest of them was logged."""

    records: int
    oldest: datetime | None


class Flow:
    """Count the bytes that come of one organization, for those who wait for so many of them."""

    def __init__(self) -> None:
        self.octets = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._least = _END

    def add(self, octets: int) -> None:
        """Count what has come, whether or not it is on disk yet."""
        self.octets += octets
        if self.octets >= self._least:
            for waiting, wanted in self._waiting.items():
                if self.octets >= wanted and not waiting.done():
                    waiting.set_result(None)
            self._settle()

    async def reach(self, octets: int) -> None:
        """Wait until so many have come, counted from the beginning."""
        if self.octets >= octets:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = octets
        self._least = min(self._least, octets)
        try:
            await waiting
        finally:
            del self._waiting[waiting]
            self._settle()

    def _settle(self) -> None:
        pending = (wanted for waiting, wanted in self._waiting.items() if not waiting.done())
        self._least = min(pending, default=_END)


class Bus(Protocol):
    """Where sinks read from; every method may raise StorageError."""

    def flow(self, organization_uuid: str) -> Flow:
        """Return what counts the bytes that come of an organization."""
        ...

    async def settled(self) -> None:
        """Wait until what has come can be read, or is lost; where storage is away, for that."""
        ...

    def sizes(self, organization_uuid: str, after: int) -> AsyncIterator[Sequence[Size]]:
        """Yield what is behind a position, in order, a page at a time."""
        ...

    def read(
        self, organization_uuid: str, after: int, through: int
    ) -> AsyncIterator[Sequence[Message]]:
        """Yield the messages behind a position and through another one, in order, by pages."""
        ...

    async def backlog(self, organization_uuid: str, after: int) -> Backlog:
        """Tell exactly how much is behind a position at one moment."""
        ...


class LogReader:
    """Read what one organization's links said."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sizes(
        self, organization_uuid: str, after: int, through: int = _END
    ) -> AsyncIterator[Sequence[Size]]:
        """Yield what is behind a position, in order, a page at a time."""
        span = {"organization_uuid": organization_uuid, "through": through}
        limit = min(_FIRST_SIZES, _SIZES)
        while after < through:
            page = {"after": after, "limit": limit, "positions": _LOOKED_THROUGH * limit // _SIZES}
            rows = await self._database.fetch(statements.sizes_after, {**span, **page})
            if not rows:
                return
            limit = min(4 * limit, _SIZES)
            yield [Size(row["seq"], row["moment"], row["octets"] + OVERHEAD) for row in rows]
            after = rows[-1]["seq"]

    async def rows(
        self, organization_uuid: str, after: int, through: int = _END
    ) -> AsyncIterator[Sequence[Row]]:
        """Yield the messages behind a position and through another one, in order, by pages."""
        async for sizes in self.sizes(organization_uuid, after, through):
            for last in _ends(sizes):
                span = {"organization_uuid": organization_uuid, "after": after, "through": last}
                yield await self._database.fetch(statements.messages_between, span)
                after = last

    async def left_out(self, organization_uuid: str, after: int, most: int) -> tuple[int, int]:
        """Return behind which position there are so many messages at most, and what is left out.

        Of what is left out no more is counted than can be soon.
        """
        values = {"organization_uuid": organization_uuid, "after": after, "most": most}
        found = await self._database.fetch(statements.first_left_out, values)
        if not found:
            return after, 0
        [last] = found
        counted = {"after": max(after, last["seq"] - _COUNTED), "through": last["seq"]}
        [left] = await self._database.fetch(statements.count_between, {**values, **counted})
        return last["seq"], left["records"]


class JournalBus(LogReader):
    """The message log of this installation."""

    def __init__(self, database: Database, journal: Journal) -> None:
        super().__init__(database)
        self._journal = journal
        self._flows: dict[str, Flow] = {}

    def flow(self, organization_uuid: str) -> Flow:
        """Return what counts the bytes that come of an organization."""
        flow = self._flows.get(organization_uuid)
        if flow is None:
            flow = self._flows[organization_uuid] = Flow()
            self._journal.heard[organization_uuid] = lambda octets: flow.add(octets + OVERHEAD)
        return flow

    async def settled(self) -> None:
        """Wait until what has come can be read, or is lost; where storage is away, for that."""
        group = self._journal.group
        await group.back()
        await group.flush()
        while group.away:  # what was flushed is lost, or known when it is back
            await group.back()

    async def read(
        self, organization_uuid: str, after: int, through: int
    ) -> AsyncIterator[Sequence[Message]]:
        """Yield the messages behind a position and through another one, in order, by pages."""
        async for rows in self.rows(organization_uuid, after, through):
            yield [message_of(row) for row in rows]

    async def backlog(self, organization_uuid: str, after: int) -> Backlog:
        """Tell exactly how much is behind a position at one moment."""
        behind = {"organization_uuid": organization_uuid, "after": after}
        [ends] = await self._database.fetch(statements.ends_after, behind)
        records, newest = 0, ends["newest"] or after
        for first in range(after, newest, _COUNTED):
            span = {**behind, "after": first, "through": min(first + _COUNTED, newest)}
            [counted] = await self._database.fetch(statements.count_between, span)
            records += counted["records"]
        return Backlog(records, ends["oldest"])


def _ends(sizes: Sequence[Size], most: int = PAGE_OCTETS) -> list[int]:
    """Return the last position of each page, which holds so many bytes or one message."""
    ends, octets = [], 0
    for place, size in enumerate(sizes):
        if octets and octets + size.octets > most:
            ends.append(sizes[place - 1].seq)
            octets = 0
        octets += size.octets
    return [*ends, sizes[-1].seq]
