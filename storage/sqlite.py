"""
The embedded database: SQLite behind the port.

One connection writes, one reads, each in a thread of its own and for one caller at a time. A
caller that is cancelled leaves at once; its statement is interrupted behind its back, and the
connection passes to the next caller only when that statement has ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
from sqlalchemy import Dialect
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from storage.compiled import AT_ONCE, Compiled
from storage.database import NO_VALUES, Row, Statement, Values, Write
from storage.errors import Conflict, Missing, StorageError, StorageUnavailable
from storage.room import Division, Whole

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
_Bound = tuple[Compiled, Sequence[Sequence[Any]]]  # a statement and its rows of parameters

DIALECT: Dialect = SQLiteDialect_pysqlite(paramstyle="qmark")

# The driver searches long for what adapts any value but a text or number, and takes it as it is
# where nothing does. With these it finds at once what leaves the value alone.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(type(None), cast("Callable[[None], None]", {}.get))

PRAGMAS = (
    "PRAGMA busy_timeout=5000",
    "PRAGMA journal_mode=WAL",
    # An answer promises that the message survives a power cut: NORMAL may lose the tail.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # 16 and 32 MiB instead of 2 and 4: pages that change often are written less often.
    "PRAGMA cache_size=-16384",
    "PRAGMA wal_autocheckpoint=8192",
)
READ_ONLY = "PRAGMA query_only=ON"
NOT_WAITING = "PRAGMA busy_timeout=0"

# What may pass by itself: a lock, a full disk, a lost mount.
UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
TAKEN = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})
INTERRUPT_AGAIN_SECONDS = 0.05


class SqliteDatabase:
    """A SQLite file; `:memory:` works too, with reads that wait for writes."""

    division: Division = Whole()

    def __init__(self, writer: _Lane, reader: _Lane) -> None:
        self._writer = writer
        self._reader = reader
        # For what takes less time than to ask another thread for it.
        self._here: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, path: Path | str) -> SqliteDatabase:
        """Open or create the file; raise StorageUnavailable where that cannot be done."""
        writer = await _Lane.open(path, PRAGMAS)
        if str(path) == ":memory:":  # each connection would have a database of its own
            return cls(writer, writer)
        try:
            reader = await _Lane.open(path, (*PRAGMAS, READ_ONLY))
        except BaseException:
            await writer.close()
            raise
        database = cls(writer, reader)
        try:
            database._here = _connect(path, (*PRAGMAS, READ_ONLY, NOT_WAITING))
        except sqlite3.Error as error:
            await database.close()
            raise _translated(error) from error
        return database

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Return the rows of a query, as last committed by anybody."""
        compiled = compiled_of(statement)
        if compiled.point and (found := self._at_once(compiled, values)) is not None:
            return found
        return await self._query(self._reader, statement, values)

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement in a write transaction of its own and return its rows."""
        return await self._query(self._writer, statement, values)

    async def write(self, writes: Sequence[Write]) -> None:
        """Execute all writes in order in one transaction: all of them or none."""
        # Bound here: in its thread the connection would fight for the interpreter at every row.
        batch = [_bound(compiled_of(statement), rows) for statement, rows in writes]
        async with self._writer.turn():
            await self._writer.run(lambda connection: _write(connection, batch))

    async def claim(self) -> None:
        """Be the one server that writes: whoever has the lock of the data directory is."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Open a write transaction that is rolled back when its context raises."""
        async with self._writer.turn():
            await self._writer.run(lambda connection: connection.execute("BEGIN IMMEDIATE"))
            yield SqliteTransaction(self._writer)
            await self._writer.run(lambda connection: connection.execute("COMMIT"))

    async def close(self) -> None:
        """Release all connections; what was not committed is lost."""
        if self._here is not None:
            self._here.close()
        await self._reader.close()
        await self._writer.close()

    def _at_once(self, compiled: Compiled, values: Row) -> list[Row] | None:
        """Return what is found without waiting; None where it has to be asked for properly."""
        if self._here is None:
            return None
        try:
            fetched = self._here.execute(compiled.sql, compiled.bind(values)).fetchall()
        except (sqlite3.Error, ValueError, OverflowError):
            return None
        return compiled.rows(fetched)

    async def _query(self, lane: _Lane, statement: Statement, values: Row) -> list[Row]:
        compiled = compiled_of(statement)
        async with lane.turn():
            return await _query(lane, compiled, values)


class SqliteTransaction:
    """A write transaction in progress."""

    def __init__(self, lane: _Lane) -> None:
        self._lane = lane

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement and return its rows."""
        return await _query(self._lane, compiled_of(statement), values)


class _Connection(aiosqlite.Connection):
    """aiosqlite's thread, given a whole piece of work at a time instead of single calls."""

    async def run(self, work: Work[T]) -> T:
        return await self._execute(work, self._conn)  # type: ignore[no-any-return, no-untyped-call] # aiosqlite leaves it untyped

    def join(self) -> None:
        """Wait for the end of the thread; aiosqlite only asks for it when it cannot connect."""
        self._thread.join()


class _Lane:
    """One connection, and whose turn it is."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._closed = False
        self._clearing: set[asyncio.Task[None]] = set()  # turns that ended badly

    @classmethod
    async def open(cls, path: Path | str, pragmas: Sequence[str]) -> _Lane:
        connection = _Connection(lambda: _connect(path, pragmas), iter_chunk_size=64)
        try:
            await connection
        except sqlite3.Error as error:
            await asyncio.to_thread(connection.join)
            raise _translated(error) from error
        return cls(connection)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the connection and keep it; what its user leaves behind is cleared away."""
        await self._turn.acquire()
        try:
            yield
        except BaseException:
            # In a task of its own, because a cancelled caller does not wait.
            clearing = asyncio.create_task(self._clear())
            self._clearing.add(clearing)
            clearing.add_done_callback(self._clearing.discard)
            raise
        self._turn.release()

    async def run(self, work: Work[T]) -> T:
        """Do a piece of work in the thread of the connection, within one's turn."""
        if self._closed:
            raise StorageUnavailable
        try:
            return await self._connection.run(work)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise _translated(error) from error

    async def close(self) -> None:
        async with self._turn:
            if not self._closed:
                self._closed = True
                await self._connection.close()

    async def _clear(self) -> None:
        try:
            ended = asyncio.ensure_future(self._connection.run(_nothing))
            # An interrupt that comes before the statement has begun is lost, so it is repeated.
            while not ended.done():
                await self._connection.interrupt()
                await asyncio.wait([ended], timeout=INTERRUPT_AGAIN_SECONDS)
            await self._connection.run(_roll_back)
        finally:
            self._turn.release()


@cache
def compiled_of(statement: Statement) -> Compiled:
    """Return a statement as every SQLite database is given it; few are made as we run."""
    return Compiled(statement, DIALECT)


def _connect(path: Path | str, pragmas: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


async def _query(lane: _Lane, compiled: Compiled, values: Row) -> list[Row]:
    bound = compiled.bind(values)
    fetched = await lane.run(lambda connection: connection.execute(compiled.sql, bound).fetchall())
    return compiled.rows(fetched)


def _bound(compiled: Compiled, rows: Sequence[Values]) -> _Bound:
    # What is a tuple is bound already, and spared a call.
    return compiled, [row if isinstance(row, tuple) else compiled.bind(row) for row in rows]


def _write(connection: sqlite3.Connection, batch: Sequence[_Bound]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for compiled, rows in batch:
        whole = 0
        if compiled.many is not None:  # each execution has to ask for the interpreter again
            whole = len(rows) - len(rows) % AT_ONCE
            for start in range(0, whole, AT_ONCE):
                several = chain.from_iterable(rows[start : start + AT_ONCE])
                connection.execute(compiled.many, tuple(several))
        connection.executemany(compiled.sql, rows[whole:])
    connection.execute("COMMIT")


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite has rolled back by itself after some errors, such as a full disk.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _nothing(_connection: sqlite3.Connection) -> None:
    """Come behind the work that is being done."""


def _translated(error: Exception) -> StorageError:
    code: Any = getattr(error, "sqlite_errorcode", None)
    if code in TAKEN:
        return Conflict()
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return Missing()
    if code is not None and code & 0xFF in UNAVAILABLE:
        return StorageUnavailable(f"The database is not available: {error}.")
    return StorageError(f"The database refused the statement: {error}.")
