"""
The whole message log, read from outside the server and beside it: in order, a page at a time.

A page is bounded in positions and in bytes. So nobody waits long for the database behind it, and a
frame of 1 MiB among a million small ones fits into memory as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from storage.database import Database, Row
from storage.exchanges import Bounds, bounds_of
from storage.journal import message_of
from storage.records import Direction, Message
from storage.repositories.rows import by_hundreds
from storage.statements import log as statements

# Through how many positions one statement looks, and how much of a frame's like it reads at once.
SPAN = 16_384
PAGE_OCTETS = 1 << 20
_SIZES = 1024
_OVERHEAD = 500  # bytes of a row beside its frame, more or less
_INDEXED = frozenset({"organization_uuid"})
END = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages are wanted; what is None or empty is all the same."""

    organization_uuid: str | None = None
    # A hundred at most.
    charge_box_ids: Sequence[str] = ()
    action: str | None = None
    direction: Direction | None = None
    message_id: str | None = None
    # Only what failed: CALLERRORs, and what could not be read.
    errors: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def values(self) -> dict[str, Any]:
        """Return what is filtered by, as statements name it."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in named.items() if value}


class Entry(NamedTuple):
    """A message, and when the call was logged that it answers."""

    message: Message
    asked_at: datetime | None


class Page(NamedTuple):
    """Some of what is wanted, oldest first; `reached` is how far has been looked by now."""

    entries: Sequence[Entry]
    reached: int


class Log:
    """Read the message log of all organizations; every method may raise StorageError."""

    def __init__(
        self,
        database: Database,
        span: int = SPAN,
        page_octets: int = PAGE_OCTETS,
        sizes: int = _SIZES,
    ) -> None:
        self._database = database
        self._span = span
        self._page_octets = page_octets
        self._sizes = sizes

    async def newest(self) -> int:
        """Return the position of the newest message; 0 where there is none."""
        return await self._edge(frozenset(), {}, Bounds(0, END), newest=True) or 0

    async def bounds(self, wanted: Wanted) -> Bounds:
        """Return the positions that what is wanted lies between, by its times."""
        return await bounds_of(self._database, wanted.since, wanted.until, None)

    async def forwards(self, wanted: Wanted, after: int, through: int) -> AsyncIterator[Page]:
        """Yield what is behind a position and up to another one, oldest first."""
        filters, values = _filters(wanted)
        while after < through:
            bounds = Bounds(after, through)
            first = await self._edge(filters & _INDEXED, values, bounds, newest=False)
            if first is None:
                return
            after = min(first + self._span - 1, through)
            span = Bounds(first - 1, after)
            async for entries in self._pages(filters, values, span, newest=False):
                yield Page(entries, entries[-1].message.seq)
            yield Page((), after)

    async def backwards(self, wanted: Wanted, after: int, through: int) -> AsyncIterator[Page]:
        """Yield the same from the newest page to the oldest; within a page the oldest is first."""
        filters, values = _filters(wanted)
        while after < through:
            bounds = Bounds(after, through)
            last = await self._edge(filters & _INDEXED, values, bounds, newest=True)
            if last is None:
                return
            through = max(last - self._span, after)
            async for entries in self._pages(filters, values, Bounds(through, last), newest=True):
                yield Page(entries, entries[0].message.seq)
            yield Page((), through)

    async def _edge(
        self, filters: frozenset[str], values: Row, bounds: Bounds, *, newest: bool
    ) -> int | None:
        statement = statements.edge(filters, newest=newest)
        rows = await self._database.fetch(statement, {**values, **bounds._asdict()})
        return rows[0]["seq"] if rows else None

    async def _pages(
        self, filters: frozenset[str], values: Row, bounds: Bounds, *, newest: bool
    ) -> AsyncIterator[Sequence[Entry]]:
        statement = statements.sizes(filters, newest=newest)
        while True:
            asked = {**values, **bounds._asdict(), "limit": self._sizes}
            sizes = await self._database.fetch(statement, asked)
            for few in _pages(sizes, self._page_octets):
                ends = sorted((few[0]["seq"], few[-1]["seq"]))
                page = {**values, "after": ends[0] - 1, "through": ends[1]}
                rows = await self._database.fetch(statements.entries(filters), page)
                if rows:  # else retention has removed them meanwhile
                    yield [Entry(message_of(row), row["asked_at"]) for row in rows]
            if len(sizes) < self._sizes:
                return
            last = sizes[-1]["seq"]
            bounds = Bounds(bounds.after, last - 1) if newest else Bounds(last, bounds.through)


def _filters(wanted: Wanted) -> tuple[frozenset[str], dict[str, Any]]:
    """Return by what is filtered, and the parameters for it."""
    values = wanted.values()
    filters = frozenset(values)
    values.pop("errors", None)
    for names in by_hundreds(values.pop("charge_box_ids", ())):
        values |= names
    return filters, values


def _pages(sizes: Sequence[Row], most: int) -> list[list[Row]]:
    """Return the rows by pages, each of so many bytes or one message."""
    pages: list[list[Row]] = []
    octets = most
    for row in sizes:
        size = row["octets"] + _OVERHEAD
        if octets + size > most:
            pages.append([])
            octets = 0
        pages[-1].append(row)
        octets += size
    return pages
