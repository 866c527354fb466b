"""What only PostgreSQL's superuser may do or see, for tests that look behind the port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from sqlalchemy import URL

from bench.cluster import ADMIN
from storage.database import Row
from storage.postgres import PostgresTransaction
from tests.doubles import until
from tests.storage.doubles import PATIENCE

_WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""


class Admin:
    """A connection of the superuser, whom row-level security does not bind."""

    def __init__(self, connection: Any) -> None:
        self._cursor = connection.cursor()

    @classmethod
    @contextmanager
    def of(cls, url: URL, user: str = ADMIN) -> Iterator[Admin]:
        """Connect to a database until the context ends, as another user if need be."""
        named = url.set(drivername="postgresql", username=user)
        with closing(psycopg2.connect(named.render_as_string())) as connection:
            connection.autocommit = True
            yield cls(connection)

    def does(self, *statements: str) -> None:
        """Execute statements."""
        for statement in statements:
            self._cursor.execute(statement)

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a row."""
        marks = ", ".join(["%s"] * len(row))
        named = ", ".join(f'"{name}"' for name in row)
        self._cursor.execute(f"INSERT INTO {table} ({named}) VALUES ({marks})", [*row.values()])

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; who is there is seen anew, in a transaction too."""
        self._cursor.execute("SELECT pg_stat_clear_snapshot()")
        self._cursor.execute(query)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def waiting(self) -> int:
        """Wait until somebody waits for a lock, and return who."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.asked(_WAITING)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return int(found[0][0])

    def cut_off(self, process: int) -> None:
        """End a connection, as the server does it when it goes down."""
        deadline = time.monotonic() + PATIENCE
        self.does(f"SELECT pg_terminate_backend({process})")
        while self.asked(f"SELECT FROM pg_stat_activity WHERE pid = {process}"):
            assert time.monotonic() < deadline


Start = Callable[[Callable[[], Awaitable[Any]]], Callable[[], Awaitable[Any]]]


def meanwhile_of(url: URL, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Return what has something done between the first and the second step of a transaction.

    That is done before the second one, or waits for the end of the transaction; what is returned
    waits for it.
    """
    doing: list[asyncio.Future[Any]] = []
    works: list[Callable[[], Awaitable[Any]]] = []
    execute = PostgresTransaction.execute

    async def interrupted(self: PostgresTransaction, *asked: Any) -> list[Row]:
        rows = await execute(self, *asked)
        while works:
            doing.append(asyncio.ensure_future(works.pop()()))
            with Admin.of(url) as admin:
                await until(lambda: doing[0].done() or admin.asked(_WAITING))
        return rows

    async def done() -> Any:
        return await doing[0]

    def start(work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        works.append(work)
        return done

    monkeypatch.setattr(PostgresTransaction, "execute", interrupted)
    return start
