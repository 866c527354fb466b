"""PostgreSQL for the tests: one server a run, and databases that are lent and cleared again.

Making a database takes 50 ms, clearing one 0.2 ms: each worker has a few, and a test that is done
leaves them as empty as they were.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg2
from sqlalchemy import URL

from bench.cluster import ADMIN, OWNER
from storage.engines import parse_url
from tests.keeper import TEMPLATE

ROOT = Path(__file__).parent.parent

_KEPT = 8  # as many as no test needs
_MS = 10_000  # for the end of a connection

_EMPTIED = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
AND NOT relispartition AND relname <> 'alembic_version'
"""
_OTHERS = """
FROM pg_stat_activity
WHERE datname = {} AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_CUT_OFF = f"SELECT pg_terminate_backend(pid, {_MS}) {_OTHERS}"
# Whoever is asked to wait for it looks every 100 ms only.
_PUSH_OUT = f"SELECT pg_terminate_backend(pid), pg_sleep(0.001) {_OTHERS}"


_PARTITIONS = "SELECT oid::regclass::text FROM pg_class WHERE relispartition AND relkind = 'r'"
# What a test may have done to the tables, which are to be those that the revisions made.
_SHAPE = """
SELECT relname, relnatts FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT tgname, 0 FROM pg_trigger WHERE NOT tgisinternal
ORDER BY relname
"""


class Server:
    """A server of one's own, in a process that stops it when this one ends, however it does."""

    def __init__(self) -> None:
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._keeper.stdout
        told = self._keeper.stdout.readline()
        if not told:
            raise OSError(f"PostgreSQL did not start: the keeper ended with {self._keeper.wait()}.")
        self.port = int(told)

    def stop(self) -> None:
        """Stop the server, and wait until it is gone."""
        self._keeper.communicate()


class Databases:
    """The databases of one worker, all of the present schema."""

    def __init__(self, port: int, worker: str) -> None:
        self._port = port
        self._names = (f"{worker}_{number}" for number in count())
        self._free: list[_Database] = []
        self._urls: set[URL] = set()

    def __contains__(self, url: object) -> bool:
        """Tell whether this is one of those that are lent."""
        return url in self._urls

    @contextmanager
    def lent(self) -> Iterator[Loan]:
        """Lend databases until the context ends."""
        loan = Loan(self)
        try:
            yield loan
        finally:
            loan.end()

    @contextmanager
    def bare(self) -> Iterator[URL]:
        """Yield a database in which nothing is yet, and drop it afterwards."""
        name = next(self._names)
        self._as_admin(f"CREATE DATABASE {name} OWNER {OWNER}")
        try:
            yield parse_url(_url(self._port, name, OWNER))
        finally:
            self._as_admin(f"DROP DATABASE {name} WITH (FORCE)")

    def take(self) -> _Database:
        """Return one that is empty."""
        return self._free.pop() if self._free else self._made()

    def rename(self, database: _Database) -> None:
        """Take a database away from whoever uses it: under its name there is none any more."""
        self._urls.remove(database.url)
        database.close()
        name, new = database.name, next(self._names)
        self._as_admin(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            _CUT_OFF.format(f"'{name}'"),
            f"ALTER DATABASE {name} RENAME TO {new}",
            f"ALTER DATABASE {new} ALLOW_CONNECTIONS true",
        )
        database.open(new)
        self._urls.add(database.url)

    def take_back(self, database: _Database) -> None:
        """Clear one and keep it for the next, unless it is no longer what the revisions made."""
        if database.clear() and len(self._free) < _KEPT:
            self._free.append(database)
        else:
            database.close()
            self._urls.remove(database.url)
            self._as_admin(f"DROP DATABASE {database.name} WITH (FORCE)")

    def _made(self) -> _Database:
        name = next(self._names)
        self._as_admin(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {TEMPLATE}")
        made = _Database(self._port, name)
        self._urls.add(made.url)
        return made

    def _as_admin(self, *statements: str) -> None:
        with closing(_connected(self._port, ADMIN)) as connection:
            for statement in statements:
                connection.cursor().execute(statement)


class Loan:
    """What gives each folder a database, and the same folder the same one until the loan ends.

    A folder that is gone gives its database back.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._used: dict[Path, _Database] = {}
        self._seen: set[Path] = set()

    def __call__(self, folder: Path) -> URL:
        """Return the database of a folder."""
        return self._of(folder).url

    def move(self, folder: Path, other: Path) -> None:
        """Give the database of a folder to another one; whoever had it is cut off for ever."""
        database = self._used.pop(folder.resolve())
        self._databases.rename(database)
        self._used[other.resolve()] = database

    def end(self) -> None:
        """Give all back."""
        for database in self._used.values():
            self._databases.take_back(database)

    def _of(self, folder: Path) -> _Database:
        place = folder.resolve()
        if place not in self._used:
            self._give_back()
            self._used[place] = self._databases.take()
        return self._used[place]

    def _give_back(self) -> None:
        there = {place for place in self._used if place.exists()}
        for gone in self._seen - there:
            self._databases.take_back(self._used.pop(gone))
        self._seen = there


class _Database:
    """One database, and the superuser's connection that clears it."""

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        self.open(name)
        self._shape = self._ask("EXECUTE shape")

    def open(self, name: str) -> None:
        """Connect to it under this name."""
        self.name = name
        self.url = parse_url(_url(self._port, name, OWNER))
        self._connection = _connected(self._port, name)
        self._cursor = self._connection.cursor()
        # Without triggers: in no order, and foreign keys are not asked.
        self._cursor.execute("SET session_replication_role = replica")
        tables = [table for (table,) in self._ask(_EMPTIED)]
        deleted = ", ".join(f"gone{n} AS (DELETE FROM {table})" for n, table in enumerate(tables))
        again = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
        self._cursor.execute(f"PREPARE clear AS WITH {deleted} {again}")
        self._cursor.execute(f"PREPARE partitions AS {_PARTITIONS}")
        self._cursor.execute(f"PREPARE shape AS {_SHAPE}")

    def close(self) -> None:
        self._connection.close()

    def clear(self) -> bool:
        """Cut off whoever is connected, and leave no rows; False where the tables have changed."""
        self._push_out()
        partitions = [name for (name,) in self._ask("EXECUTE partitions")]
        if partitions:
            self._cursor.execute(f"DROP TABLE {', '.join(partitions)}")
        if self._ask("EXECUTE shape") != self._shape:
            return False
        self._ask("EXECUTE clear")
        return True

    def _push_out(self) -> None:
        deadline = monotonic() + _MS / 1000
        while self._ask(_PUSH_OUT.format("current_database()")):
            assert monotonic() < deadline, "somebody keeps coming back"

    def _ask(self, sql: str) -> Any:
        self._cursor.execute(sql)
        return self._cursor.fetchall()


def _url(port: int, database: str, user: str) -> str:
    return f"postgresql://{user}@127.0.0.1:{port}/{database}"


def _connected(port: int, database: str) -> Any:
    connection = psycopg2.connect(_url(port, database, ADMIN))
    connection.autocommit = True
    return connection
