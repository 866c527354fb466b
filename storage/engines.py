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
from storage.soundness import require_sound
from storage.sqlite import SqliteDatabase

DATABASE_FILE = "ringmain.sqlite3"
# What aiopg is built on; Alembic uses the same.
_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg2",
    "postgres": "postgresql+psycopg2",  # as libpq takes it too
}


AMBIGUOUS = "Where the password or the name of a database has an @, its URL has %40 instead."


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
    except (ArgumentError, ValueError):  # a port that is no number
        raise UnknownEngine from None
    driver = _DRIVERS.get(url.get_backend_name())
    # Without a name SQLite would keep all in memory, and libpq take the user's.
    if driver is None or not url.database or url.database == ":memory:":
        raise UnknownEngine
    if url.get_backend_name() == "sqlite" and url.host:
        raise UnknownEngine
    # A part of the password would be taken for the host's name, and told to everybody.
    if driver != "sqlite" and text.partition("?")[0].count("@") > 1:
        raise UnknownEngine(AMBIGUOUS)
    return url.set(drivername=driver)


def shown(url: URL) -> str:
    """Return a database's name for people: no password, no options, no driver."""
    bare = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database)
    return bare.render_as_string()


async def open_database(url: URL) -> Database:
    """Open a database of the present schema; raise StorageUnavailable."""
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        await asyncio.to_thread(require_sound, file)
        await asyncio.to_thread(migrate.upgrade, url)
        return await SqliteDatabase.open(file)
    schema = await asyncio.to_thread(migrate.schema_of, url)
    if schema is not migrate.Schema.CURRENT:
        raise StorageUnavailable(migrate.REFUSALS[schema])
    return await PostgresDatabase.open(url)
