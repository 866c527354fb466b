"""
Bring a database to the schema of this version.

Alembic is synchronous: run these in a thread or before the event loop. Two processes that begin
at once are safe, the second one waits for the first and finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from storage.errors import StorageUnavailable
from storage.tenancy import EVERYBODY, SETTING


def upgrade(url: str | URL) -> None:
    """Apply what is missing; raise StorageUnavailable where the database cannot be had."""
    with connected(url) as connection:
        command.upgrade(configuration(connection), "head")


def is_current(url: str | URL) -> bool:
    """Tell whether the database has the schema of this version."""
    with connected(url) as connection:
        head = ScriptDirectory.from_config(configuration(connection)).get_current_head()
        return MigrationContext.configure(connection).get_current_revision() == head


def configuration(connection: Connection) -> Config:
    """Return Alembic's settings, for one connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "storage:migrations")
    return config


@contextmanager
def connected(url: str | URL) -> Iterator[Connection]:
    """Open a connection whose transaction has the write lock from its beginning."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _BEGIN[engine.dialect.name])
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise StorageUnavailable(f"The database cannot be upgraded: {error.orig}.") from error


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    # Python's sqlite3 would commit before each change of a table.
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADES})")
    connection.exec_driver_sql(f"SELECT set_config('{SETTING}', '{EVERYBODY}', true)")


_UPGRADES = 0x52494E47  # the number of the lock: "RING"
_BEGIN = {"sqlite": _begin_immediate, "postgresql": _lock}
