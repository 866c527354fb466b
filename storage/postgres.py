"""PostgreSQL behind the port, by aiopg."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiopg
import psycopg2
from sqlalchemy import URL, Dialect
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from storage.compiled import Compiled
from storage.database import NO_VALUES, Row, Statement, Write
from storage.errors import Conflict, StorageError, StorageUnavailable
from storage.room import Divided, Division
from storage.tenancy import SETTING, acting_for

DIALECT: Dialect = PGDialect_psycopg2(paramstyle="format")  # type: ignore[no-untyped-call] # SQLAlchemy's own


class PostgresDatabase:
    """A PostgreSQL database."""

    division: Division = Divided()

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._compiled: dict[Statement, Compiled] = {}

    @classmethod
    async def open(cls, url: URL) -> PostgresDatabase:
        """Connect to the database; raise StorageUnavailable where that cannot be done."""
        return cls(url.set(drivername="postgresql").render_as_string(hide_password=False))

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Return the rows of a query, as last committed by anybody."""
        return await self.execute(statement, values)

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement in a write transaction of its own and return its rows."""
        async with self.transaction() as transaction:
            return await transaction.execute(statement, values)

    async def write(self, writes: Sequence[Write]) -> None:
        """Execute all writes in order in one transaction: all of them or none."""
        async with self.transaction() as transaction:
            for statement, rows in writes:
                for row in rows:
                    await transaction.execute(statement, row)  # type: ignore[arg-type]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Open a write transaction that is rolled back when its context raises."""
        try:
            async with (
                aiopg.connect(self._dsn, enable_hstore=False, enable_json=False) as connection,
                connection.cursor() as cursor,
            ):
                await cursor.execute("BEGIN")
                await cursor.execute("SELECT set_config(%s, %s, true)", (SETTING, acting_for()))
                yield PostgresTransaction(cursor, self._compile)
                await cursor.execute("COMMIT")
        except psycopg2.IntegrityError as error:
            raise Conflict from error
        except psycopg2.OperationalError as error:
            raise StorageUnavailable(str(error)) from error
        except psycopg2.Error as error:
            raise StorageError(str(error)) from error

    async def close(self) -> None:
        """Release every connection; what was not committed is lost."""

    def _compile(self, statement: Statement) -> Compiled:
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = Compiled(statement, DIALECT)
        return compiled


class PostgresTransaction:
    """A write transaction in progress."""

    def __init__(self, cursor: Any, compiled: Any) -> None:
        self._cursor = cursor
        self._compiled = compiled

    async def execute(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        """Execute one statement and return its rows."""
        compiled = self._compiled(statement)
        await self._cursor.execute(compiled.sql, tuple(compiled.bind(values)) or None)
        if self._cursor.description is None:
            return []
        rows: list[Row] = compiled.rows(await self._cursor.fetchall())
        return rows
