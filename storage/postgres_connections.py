"""
The connections to PostgreSQL: a few that many callers share, and the one that writes the batches.

aiopg's own pool lets callers sleep for a minute beside free places (ADR 0025).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.errors import StatementTimeout, StorageUnavailable
from storage.postgres_address import Dialer
from storage.postgres_wire import Wire, within

PLACES = 10
MOST = PLACES + 1  # with the writer's
IDLE_SECONDS = 30.0  # after which a connection is asked whether it is still there
PING_SECONDS = 2.0

WRITER = 0x52494E47_57524954  # the number of the writer's lock: "RINGWRIT"
# A server that is ending, or our own connection that was lost, has it a moment longer.
PATIENCE_SECONDS = 3.0
# Each claim has a number of its own: of two that follow each other, nobody has claimed between.
_CLAIM = (
    "SELECT set_config('lock_timeout', '{:.0f}ms', true); SELECT pg_advisory_lock({});"
    " SELECT nextval('claims')"
)
TAKEN = "Another Ringmain server writes to this database."
OVERTAKEN = "Another Ringmain server has written to this database meanwhile."
CLOSED = "The database is closed."


class Connections:
    """At most so many connections, of which the last used is the next; whoever waits has a turn."""

    def __init__(self, dialer: Dialer, places: int = PLACES) -> None:
        self._dialer = dialer
        self._places = asyncio.Semaphore(places)
        self._free: deque[Wire] = deque()
        self._used: set[Wire] = set()
        self._closed = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Wire]:
        """Have a connection; raise StorageUnavailable when there is none in time."""
        async with within(self._dialer.seconds):
            wire = await self._take()
        try:
            yield wire
        finally:
            self._give_back(wire)

    def close(self) -> None:
        """Close all connections; who is using one is told."""
        self._closed = True
        for wire in (*self._free, *self._used):
            wire.drop()
        self._free.clear()

    async def _take(self) -> Wire:
        await self._places.acquire()
        try:
            wire = await self._next()
        except BaseException:
            self._places.release()
            raise
        self._used.add(wire)
        return wire

    async def _next(self) -> Wire:
        self._check()
        while self._free:
            wire = self._free.pop()
            if await answers(wire):
                return wire
        wire = await self._dialer.connect()
        try:
            self._check()  # it may have been closed meanwhile
        except StorageUnavailable:
            wire.drop()
            raise
        return wire

    def _check(self) -> None:
        if self._closed:
            raise StorageUnavailable(CLOSED)

    def _give_back(self, wire: Wire) -> None:
        try:
            self._used.discard(wire)
            if wire.at_rest and not self._closed:
                self._free.append(wire)
            else:
                wire.drop()
        finally:
            self._places.release()


class Writer:
    """The connection that batches are written by, one at a time."""

    def __init__(self, dialer: Dialer, patience: float = PATIENCE_SECONDS) -> None:
        self._dialer = dialer
        self._lock_it = _CLAIM.format(patience * 1000, WRITER).encode()
        self._turn = asyncio.Lock()
        self._wire: Wire | None = None
        self._claimed = False
        self._number: int | None = None  # of our last claim
        self._overtaken = False
        self._closed = False

    async def claim(self) -> None:
        """Write alone from now on; raise StorageUnavailable when another server does.

        The lock goes with its connection. It is taken again before anything else is written, so a
        batch whose fate is unknown has been committed by then, or never will be. If another server
        had it meanwhile, nothing is written until somebody begins ``anew``: what has a position
        already may lie before what that one has written.
        """
        self._claimed = True
        async with self.turn() as wire:
            await self._lock(wire)

    @asynccontextmanager
    async def turn(self, *, anew: bool = False) -> AsyncIterator[Wire]:
        """Wait for the connection and keep it."""
        async with self._turn:
            wire = await self._connected()
            self._overtaken = self._overtaken and not anew
            if self._overtaken:
                raise StorageUnavailable(OVERTAKEN)
            try:
                yield wire
            finally:
                if not wire.at_rest or self._closed:
                    wire.drop()

    def close(self) -> None:
        """Close the connection; who is using it is told."""
        self._closed = True
        if self._wire is not None:
            self._wire.drop()

    async def _connected(self) -> Wire:
        self._check()
        if self._wire is None or not await answers(self._wire):
            wire = await self._dialer.connect()
            self._wire = await self._owning(wire)
        return self._wire

    async def _owning(self, wire: Wire) -> Wire:
        try:
            if self._claimed:
                await self._lock(wire)
            self._check()  # it may have been closed meanwhile
        except BaseException:
            wire.drop()
            raise
        return wire

    def _check(self) -> None:
        if self._closed:
            raise StorageUnavailable(CLOSED)

    async def _lock(self, wire: Wire) -> None:
        try:
            [(number,)] = await wire.run(self._lock_it, self._dialer.seconds)
        except StatementTimeout:
            raise StorageUnavailable(TAKEN) from None
        before, self._number = self._number, int(number)
        if before is not None and self._number != before + 1:
            self._overtaken = True


async def answers(wire: Wire) -> bool:
    """Tell whether a connection can be used; one that was long idle is asked."""
    if wire.lost:
        wire.drop()
        return False
    if wire.idle < IDLE_SECONDS:
        return True
    try:
        await wire.run(b"SELECT 1", PING_SECONDS)
    except StorageUnavailable:
        wire.drop()
        return False
    return True
