"""
Bring a database to the schema of this version.

Alembic is synchronous: run these in a thread or before the event loop. Two processes that begin
at once are safe, the second one waits for the first and finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from storage.errors import StorageUnavailable
from storage.postgres import ENCODING, NO_UNICODE
from storage.postgres_errors import reason
from storage.tenancy import EVERYBODY, SETTING


class Schema(Enum):
    """What a database's schema is, seen from this version of Ringmain."""

    OLD = "old"  # or none at all
    CURRENT = "current"
    NEWER = "newer"  # of a revision that this version does not know


# Why a database is not opened.
REFUSALS: Mapping[Schema, str] = {
    Schema.OLD: "The database is not of this version of Ringmain yet: run `ringmain db upgrade`.",
    Schema.NEWER: "A newer version of Ringmain has upgraded the database: install that version.",
}


class Upgraded(NamedTuple):
    """The revisions that a database had before and after; None where there was no schema."""

    before: str | None
    after: str | None


def upgrade(url: str | URL) -> Upgraded:
    """Apply what is missing; raise StorageUnavailable where that cannot be done."""
    with connected(url) as connection:
        if _schema(connection) is Schema.NEWER:
            raise StorageUnavailable(REFUSALS[Schema.NEWER])
        _require_unicode(connection)
        before = _revision(connection)
        command.upgrade(configuration(connection), "head")
        return Upgraded(before, _revision(connection))


def schema_of(url: str | URL) -> Schema:
    """Tell whether a database has the schema of this version; raise StorageUnavailable."""
    with connected(url, _TO_LOOK) as connection:
        return _schema(connection)


def _schema(connection: Connection) -> Schema:
    revision = _revision(connection)
    script = ScriptDirectory.from_config(configuration(connection))
    if revision == script.get_current_head():
        return Schema.CURRENT
    known = {each.revision for each in script.walk_revisions()}
    return Schema.OLD if revision is None or revision in known else Schema.NEWER


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_unicode(connection: Connection) -> None:
    """Refuse an encoding before it has tables: it can be chosen only for a new database."""
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != ENCODING:
            raise StorageUnavailable(NO_UNICODE)


def configuration(connection: Connection) -> Config:
    """Return Alembic's settings, for one connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "storage:migrations")
    return config


# ---- connecting ----

_Beginning = Mapping[str, Sequence[str]]

_UPGRADES = 0x52494E47  # the number of the lock: "RING"
# However a transaction begins that changes the schema: with the lock, and as everybody.
_TO_CHANGE: _Beginning = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": (
        # Rows are carried over for as long as that takes, another upgrade too.
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL lock_timeout = 0",
        f"SELECT pg_advisory_xact_lock({_UPGRADES})",
        # While we wait for a table, whoever comes after us waits for it too.
        "SET LOCAL lock_timeout = '10s'",
        f"SELECT set_config('{SETTING}', '{EVERYBODY}', true)",
    ),
}
_TO_LOOK: _Beginning = {
    "sqlite": ("BEGIN",),
    "postgresql": ("SET LOCAL statement_timeout = '10s'",),
}
_CONNECTING: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {},
    "postgresql": {"connect_timeout": 10},  # s
}


@contextmanager
def connected(url: str | URL, beginning: _Beginning = _TO_CHANGE) -> Iterator[Connection]:
    """Open a connection whose transaction has the write lock from its beginning."""
    engine_name = make_url(url).get_backend_name()
    engine = create_engine(url, poolclass=NullPool, connect_args=dict(_CONNECTING[engine_name]))
    if engine_name == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        for statement in beginning[engine_name]:
            connection.exec_driver_sql(statement)

    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise StorageUnavailable(_sentence(error)) from error


def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
    # Python's sqlite3 would commit before each change of a table.
    connection.isolation_level = None


# ---- what went wrong ----

_SENTENCES = {
    "42501": "The database's role has not the rights that it needs: {}.",
    "55P03": "The database cannot be upgraded while it is in use, stop the server: {}.",
}


def _sentence(error: DBAPIError) -> str:
    cause: Any = error.orig
    if error.statement is None:  # it did not come to that
        return f"The database cannot be reached: {reason(cause)}."
    code = getattr(cause, "pgcode", None) or ""
    return _SENTENCES.get(code, "The database cannot be upgraded: {}.").format(reason(cause))
