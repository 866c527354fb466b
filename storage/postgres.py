"""
PostgreSQL behind the port, by aiopg.

A few connections are shared by all readers and transactions, one of its own writes the batches. A
caller that is cancelled leaves at once and its connection is closed; the server then ends the
statement by itself. What was sent is never sent again: nobody knows whether it was executed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from psycopg2.extensions import TransactionRollbackError
from sqlalchemy import URL

from storage.database import NO_VALUES, Row, Statement, Write
from storage.errors import StorageError, StorageUnavailable
from storage.postgres_address import SECONDS, Dialer, parameters_of
from storage.postgres_batches import SEPARATOR, prepared_of, strings_of
from storage.postgres_connections import Connections, Writer
from storage.postgres_wire import Wire, within
from storage.room import Divided, Division
from storage.tenancy import SETTING, acting_for

ENCODING = "UTF8"
NO_UNICODE = f"The database must have the encoding {ENCODING}: another cannot keep every text."

# Transactions take turns, as SQLite's do: what one has read holds until its end.
TURNS = 0x52494E47_5455524E  # the number of their lock: "RINGTURN"
_ACTING = f"SELECT set_config('{SETTING}', %s, true)"
_READING = f"{_ACTING}, set_config('transaction_read_only', 'on', true)"
_TURN = f"BEGIN; {_ACTING}, pg_advisory_xact_lock({TURNS})"
# s, before each further attempt at a batch that was rolled back so that others may go on: who waits
# for its locks has to get them first.
PAUSES = (0.02, 0.1)


class _RolledBack(StorageUnavailable):
    """The server has rolled back, so that another transaction may go on."""


class PostgresDatabase:
    """A PostgreSQL database."""

    division: Division = Divided()

    def __init__(self, dialer: Dialer) -> None:
        self._seconds = dialer.seconds
        self._connections = Connections(dialer)
        self._writer = Writer(dialer)

    @classmethod
    async def open(cls, url: URL, seconds: float = SECONDS) -> PostgresDatabase:
        """Connect to the database; raise StorageUnavailable where that cannot be done.

        ``seconds`` is how long a statement may take.
        """
        database = cls(Dialer(parameters_of(url, seconds), seconds))
        try:
            await database._check()
        except BaseException:
            await database.close()
            raise
        return database

    async def claim(self) -> None:
        """Be the one server that writes; raise StorageUnavailable when there is another."""
        await self._writer.claim()

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Return the rows of a query, as last committed by anybody."""
        return await self._at_once(_READING, statement, values)

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement in a write transaction of its own and return its rows."""
        return await self._at_once(_ACTING, statement, values)

    async def write(self, writes: Sequence[Write]) -> None:
        """Execute all writes in order in one transaction: all of them or none."""
        # Of nothing: so the one writer asks whether it may begin anew (`storage.group_commit`).
        async with self._writer.turn(anew=not writes) as wire:
            prepared = [(prepared_of(statement), rows) for statement, rows in writes]
            strings = strings_of(wire, wire.quoted(_ACTING, [acting_for()]), prepared)
            for pause in PAUSES:
                with suppress(_RolledBack):
                    return await self._send(wire, strings)
                await asyncio.sleep(pause)
            return await self._send(wire, strings)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Open a write transaction that is rolled back when its context raises."""
        async with self._connections.one() as wire:
            transaction = PostgresTransaction(wire, self._seconds)
            try:
                yield transaction
                await transaction.commit()
            except Exception:
                await wire.roll_back(self._seconds)
                raise

    async def close(self) -> None:
        """Release every connection; what was not committed is lost."""
        self._connections.close()
        self._writer.close()

    async def _check(self) -> None:
        async with self._connections.one() as wire:
            if wire.raw.get_parameter_status("server_encoding") != ENCODING:
                raise StorageUnavailable(NO_UNICODE)

    async def _at_once(self, before: str, statement: Statement, values: Row) -> list[Row]:
        prepared = prepared_of(statement)
        async with within(self._seconds), self._connections.one() as wire:
            sql = wire.quoted(before, [acting_for()]) + SEPARATOR + prepared.string(wire, values)
            return prepared.compiled.rows(await wire.run(sql, None))

    async def _send(self, wire: Wire, strings: Sequence[bytes]) -> None:
        try:
            for each in strings:
                await wire.run(each, self._seconds)
        except StorageError as error:
            await wire.roll_back(self._seconds)
            if isinstance(error.__cause__, TransactionRollbackError):
                raise _RolledBack(str(error)) from error
            raise


class PostgresTransaction:
    """A write transaction in progress; it begins with its first statement."""

    def __init__(self, wire: Wire, seconds: float) -> None:
        self._wire = wire
        self._seconds = seconds
        self._begun = False

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement and return its rows."""
        prepared = prepared_of(statement)
        sql = prepared.string(self._wire, values)
        if not self._begun:
            sql = self._wire.quoted(_TURN, [acting_for()]) + SEPARATOR + sql
            self._begun = True
        return prepared.compiled.rows(await self._wire.run(sql, self._seconds))

    async def commit(self) -> None:
        """Commit what was executed; raise StorageError where one of it has failed."""
        if not self._begun:
            return
        if self._wire.failed:  # PostgreSQL would roll back, and say nothing
            raise StorageError
        await self._wire.run(b"COMMIT", self._seconds)
