"""PostgreSQL for the tests: one server a run, and databases that are lent and cleared again.

Making a database takes 50 ms, clearing one 0.2 ms: each worker has a few, and a test that is done
leaves them as empty as they were.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import URL

from bench.cluster import ADMIN, OWNER
from storage.engines import parse_url
from tests.keeper import TEMPLATE

ROOT = Path(__file__).parent.parent

Lend = Callable[[Path], URL]

_EMPTIED = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
AND NOT relispartition AND relname <> 'alembic_version'
"""
_CUT_OFF = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


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
    def lent(self) -> Iterator[Lend]:
        """Yield what gives a folder its database, the same one until the context ends.

        A folder that is gone gives its database back.
        """
        used: dict[Path, _Database] = {}

        def lend(folder: Path) -> URL:
            place = folder.resolve()
            if place not in used:
                gone = [other for other in used if not other.exists()]
                self._take_back(used.pop(other) for other in gone)
                used[place] = self._free.pop() if self._free else self._make()
            return used[place].url

        try:
            yield lend
        finally:
            self._take_back(used.values())

    @contextmanager
    def bare(self) -> Iterator[URL]:
        """Yield a database in which nothing is yet, and drop it afterwards."""
        name = next(self._names)
        self._as_admin(f"CREATE DATABASE {name} OWNER {OWNER}")
        try:
            yield parse_url(_url(self._port, name, OWNER))
        finally:
            self._as_admin(f"DROP DATABASE {name} WITH (FORCE)")

    def _make(self) -> _Database:
        name = next(self._names)
        self._as_admin(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {TEMPLATE}")
        made = _Database(self._port, name)
        self._urls.add(made.url)
        return made

    def _as_admin(self, sql: str) -> None:
        connection = _connected(self._port, ADMIN)
        try:
            connection.cursor().execute(sql)
        finally:
            connection.close()

    def _take_back(self, databases: Iterable[_Database]) -> None:
        for database in databases:
            if database.clear():
                self._free.append(database)


class _Database:
    """One database, and the superuser's connection that clears it."""

    def __init__(self, port: int, name: str) -> None:
        self.url = parse_url(_url(port, name, OWNER))
        self._cursor = _connected(port, name).cursor()
        # Without triggers: in no order, and foreign keys are not asked.
        self._cursor.execute("SET session_replication_role = replica")
        self._cursor.execute(_EMPTIED)
        tables = [table for (table,) in self._cursor.fetchall()]
        deleted = ", ".join(f"gone{n} AS (DELETE FROM {table})" for n, table in enumerate(tables))
        again = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
        self._cursor.execute(f"PREPARE clear AS WITH {deleted} {again}")
        self._cursor.execute(f"PREPARE partitions AS {_PARTITIONS}")
        self._cursor.execute(f"PREPARE shape AS {_SHAPE}")
        self._shape = self._ask("EXECUTE shape")

    def clear(self) -> bool:
        """Cut off whoever is connected, and leave no rows; False where the tables have changed."""
        self._ask(_CUT_OFF)
        partitions = [name for (name,) in self._ask("EXECUTE partitions")]
        if partitions:
            self._cursor.execute(f"DROP TABLE {', '.join(partitions)}")
        if self._ask("EXECUTE shape") != self._shape:
            return False
        self._ask("EXECUTE clear")
        return True

    def _ask(self, sql: str) -> Any:
        self._cursor.execute(sql)
        return self._cursor.fetchall()


def _url(port: int, database: str, user: str) -> str:
    return f"postgresql://{user}@127.0.0.1:{port}/{database}"


def _connected(port: int, database: str) -> Any:
    connection = psycopg2.connect(_url(port, database, ADMIN))
    connection.autocommit = True
    return connection
