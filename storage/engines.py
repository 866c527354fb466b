"""
The two databases there are: a SQLite file, PostgreSQL.

An installation has one database, named by a URL. The embedded one is brought to the present schema
by itself; PostgreSQL is upgraded when somebody says so (`ringmain db upgrade`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage import migrate
from storage.database import Database
from storage.errors import StorageError, StorageUnavailable
from storage.postgres import PostgresDatabase
from storage.sqlite import SqliteDatabase

DATABASE_FILE = "ringmain.sqlite3"
# What aiopg is built on; Alembic uses the same.
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg2"}


class UnknownEngine(StorageError):
    """A database is named by sqlite:///PATH or postgresql://USER@HOST/NAME."""


def default_url(data_dir: Path) -> URL:
    """Return the embedded database of a data directory."""
    # No text: a ? in the path would begin the query of a URL.
    return URL.create("sqlite", database=str(data_dir / DATABASE_FILE))


def parse_url(text: str) -> URL:
    """Return a database's URL; raise UnknownEngine."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise UnknownEngine from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise UnknownEngine
    return url.set(drivername=driver)


async def open_database(url: URL) -> Database:
    """Open a database of the present schema; raise StorageUnavailable."""
    if url.get_backend_name() == "sqlite":
        await asyncio.to_thread(migrate.upgrade, url)
        return await SqliteDatabase.open(url.database or "")
    schema = await asyncio.to_thread(migrate.schema_of, url)
    if schema is not migrate.Schema.CURRENT:
        raise StorageUnavailable(migrate.REFUSALS[schema])
    return await PostgresDatabase.open(url)
