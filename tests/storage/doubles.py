"""A clock that is set by hand, a disk that is full when a test says so, and rows to write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from psycopg2.errors import DeadlockDetected
from sqlalchemy import Integer, column, text

from storage.clock import Clock
from storage.database import Database, Row
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from storage.sqlite import SqliteDatabase
from storage.statements import organizations as statements

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PATIENCE = 30.0  # s: what should happen has happened by then, or never will

ORGANIZATION = "6f1c2a52-0d4f-4f0a-9f3e-5a8f5b0c7d11"
ALICE = ChargerKey(ORGANIZATION, "CP-ALICE")
BOB = ChargerKey(ORGANIZATION, "CP-BOB")

# What no database takes as text.
UNSTORABLE = "\udc80"


class HandClock(Clock):
    """Noon until it is moved."""

    def __init__(self) -> None:
        self._now = NOON

    def now(self) -> datetime:
        return self._now

    def pass_time(self, **interval: float) -> datetime:
        self._now += timedelta(**interval)
        return self._now


# The smallest row there is.
ADD = statements.add_organization


def row(name: str, *, padding: str = "") -> Row:
    return {
        "organization_uuid": name,
        "name": f"{name}{padding}",
        "authorization": "reject",
        "created_at": NOON,
    }


async def names(database: Database) -> list[str]:
    """Return the rows of `ADD` in the order of their writing."""
    written = "rowid" if _embedded(database) else "CAST(CAST(xmin AS text) AS bigint), ctid"
    stored = text(f"SELECT organization_uuid AS name FROM organizations ORDER BY {written}")
    return [each["name"] for each in await database.fetch(stored.columns(column("name")))]


async def fill_disk(database: Database) -> None:
    """Let the database grow no further."""
    if _embedded(database):
        pages = await _pragma(database, "page_count")
        await _pragma(database, f"max_page_count={pages}")
    else:
        await _change_all(database, FULL)


async def empty_disk(database: Database) -> None:
    """Let it grow again."""
    if _embedded(database):
        await _pragma(database, "max_page_count=1000000")
    else:
        await _change_all(database, "DROP FUNCTION IF EXISTS disk_is_full() CASCADE")


async def _change_all(database: Database, sql: str) -> None:
    """Change all tables: once more where a batch has locked some of them in another order."""
    while True:
        try:
            await database.execute(text(sql))
        except StorageUnavailable as unavailable:
            if not isinstance(unavailable.__cause__, DeadlockDetected):
                raise
        else:
            return


# What PostgreSQL answers when no table can grow.
FULL = """
CREATE OR REPLACE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE 'No space left on device' USING ERRCODE = '53100'; END $$;
DO $$ DECLARE grown name; BEGIN
    FOR grown IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE 'CREATE OR REPLACE TRIGGER disk_is_full BEFORE INSERT OR UPDATE ON '
            || quote_ident(grown) || ' FOR EACH STATEMENT EXECUTE FUNCTION disk_is_full()';
    END LOOP;
END $$
"""


def _embedded(database: Database) -> bool:
    return isinstance(getattr(database, "inner", database), SqliteDatabase)


async def _pragma(database: Database, pragma: str) -> int:
    statement = text(f"PRAGMA {pragma}").columns(column("value", Integer))
    [answer] = await database.execute(statement)
    return int(answer["value"])
