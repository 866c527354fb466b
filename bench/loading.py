"""Fill a new installation with a history, as fast as its database takes it.

The rows are as our own code writes them, and are filed by charger by its own statement each time it
would do so; but they are not committed one batch after the other, as nobody measures that.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Dialect, Table

from bench.cluster import OWNER
from bench.history import History, Row
from storage import postgres_types, sqlite
from storage.compiled import Compiled
from storage.journal import FILED_AT_ONCE
from storage.schema import messages, meter_readings, transactions
from storage.statements.spoken import file_messages

Add = Callable[[Table, Sequence[str], Sequence[Row]], None]
Execute = Callable[..., Any]

# The columns that a history has rows for; a reading's number is given by the database.
_MESSAGES = tuple(messages.c.keys())
_READINGS = ("organization_uuid", "charge_box_id", "transaction_id", "samples", "received_at")
_TRANSACTIONS = tuple(transactions.c.keys())
UNSAFE = ("PRAGMA synchronous=OFF", "PRAGMA journal_mode=OFF", "PRAGMA cache_size=-1048576")


def fill_sqlite(path: Path, history: History) -> None:
    """Fill an embedded database that nobody else has open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in UNSAFE:
            connection.execute(pragma)

        def add(table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", rows
            )

        _fill(history, add, connection.execute, connection.execute, sqlite.DIALECT)
        connection.execute("PRAGMA journal_mode=WAL")


def fill_postgres(url: str, history: History) -> None:
    """Fill a database of PostgreSQL as its superuser, whom no policy binds."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:

        def add(table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
            text = io.StringIO("".join("\t".join(map(_copied, row)) + "\n" for row in rows))
            cursor.copy_expert(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN", text)

        def make(statement: str) -> None:
            # The server is to own its partitions, but may not COPY: its role is bound by policies.
            cursor.execute(f"SET ROLE {OWNER}")
            cursor.execute(statement)
            cursor.execute("RESET ROLE")

        _fill(history, add, make, cursor.execute, postgres_types.DIALECT)
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")


def _fill(history: History, add: Add, make: Execute, execute: Execute, dialect: Dialect) -> None:
    filing = Compiled(file_messages, dialect)
    execute("BEGIN")
    for chunk in history.chunks(FILED_AT_ONCE):
        for making in chunk.making:
            make(Compiled(making, dialect).sql)
        add(messages, _MESSAGES, chunk.messages)
        add(meter_readings, _READINGS, chunk.readings)
        add(transactions, _TRANSACTIONS, chunk.transactions)
        if len(chunk.messages) >= FILED_AT_ONCE:  # all but the last, which is not yet filed
            execute(filing.sql, filing.bind({}))
    execute("COMMIT")


def _copied(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "\\N"
    return "\\\\x" + value.hex() if isinstance(value, bytes) else repr(value)
