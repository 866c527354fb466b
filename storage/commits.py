"""
Tell who listens what was committed, when it was, in the order of the commits.

It stands before the database, so that nothing is told that was refused, rolled back or lost, and
that nobody who writes has to think of it. Where a commit broke off, nobody knows what became of it:
who listens is told to look again once the database is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Protocol

from storage.database import NO_VALUES, Database, Row, Statement, Transaction, Write
from storage.errors import StorageUnavailable

if TYPE_CHECKING:
    from storage.room import Division


# How many writes are kept in mind while the database is away; those after it are most likely lost.
_MOST_DOUBTFUL = 1000


class Listener(Protocol):
    """Who wants to know; whatever it does holds up everybody."""

    def committed(self, writes: Sequence[Write]) -> None:
        """Hear what one transaction has written."""

    def returned(self, writes: Sequence[Write]) -> None:
        """Hear what may have been committed and was not told, now that one can look."""


class Commits:
    """Who listens to what one process commits."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Let somebody hear what is committed until the context ends."""
        self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    def committed(self, writes: Sequence[Write]) -> None:
        """Tell what one transaction has written, once those who waited for it have been told."""
        for listener in self._listeners:
            asyncio.get_running_loop().call_soon(listener.committed, writes)

    def returned(self, writes: Sequence[Write]) -> None:
        """Tell of what broke off that one can look what became of it."""
        for listener in self._listeners:
            asyncio.get_running_loop().call_soon(listener.returned, writes)


class WatchedDatabase:
    """A database that tells what was committed through it."""

    def __init__(self, database: Database, commits: Commits) -> None:
        self.inner = database
        self._commits = commits
        self._doubtful: list[Write] = []  # what broke off, maybe at its commit

    @property
    def division(self) -> Division:
        """Tell how the tables that grow with time are divided."""
        return self.inner.division

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Return the rows of a query, as last committed by anybody."""
        return await self.inner.fetch(statement, values)

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement in a write transaction of its own and return its rows."""
        with self._telling([Write(statement, (values,))]):
            return await self.inner.execute(statement, values)

    async def write(self, writes: Sequence[Write]) -> None:
        """Execute all writes in order in one transaction: all of them or none."""
        with self._telling(writes):
            await self.inner.write(writes)

    async def claim(self) -> None:
        """Be the one server that writes; raise StorageUnavailable when there is another."""
        await self.inner.claim()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a write transaction that is rolled back when its context raises."""
        writes: list[Write] = []
        with self._telling(writes):
            async with self.inner.transaction() as transaction:
                yield _Noting(transaction, writes)

    async def close(self) -> None:
        """Release every connection; what was not committed is lost."""
        await self.inner.close()

    @contextmanager
    def _telling(self, writes: Sequence[Write]) -> Iterator[None]:
        """Tell what is written in the context, once it has ended well."""
        try:
            yield
        except (StorageUnavailable, asyncio.CancelledError):
            self._doubtful += writes[: _MOST_DOUBTFUL - len(self._doubtful)]
            raise
        if self._doubtful:
            doubtful, self._doubtful = self._doubtful, []
            self._commits.returned(doubtful)
        if writes:
            self._commits.committed(writes)


class _Noting:
    """A transaction that notes what it executes."""

    def __init__(self, transaction: Transaction, writes: list[Write]) -> None:
        self._transaction = transaction
        self._writes = writes

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement and return its rows."""
        self._writes.append(Write(statement, (values,)))
        return await self._transaction.execute(statement, values)
