"""SQLite behind the port: what is its own; what any database does is in `test_database`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import URL, column, select, text

from storage import engines
from storage.errors import StorageError, StorageUnavailable
from storage.schema import organizations
from storage.sqlite import SqliteDatabase
from storage.statements.parts import given, point
from tests.storage.doubles import ADD, PATIENCE, empty_disk, fill_disk, names, row
from tests.storage.test_database import ENDLESS

pytestmark = pytest.mark.sqlite_only("about its connections and its file")


@pytest.fixture
def path(url: URL) -> Path:
    return Path(url.database or "")


@pytest.fixture
async def database(url: URL) -> AsyncIterator[SqliteDatabase]:
    database = await engines.open_database(url)
    assert isinstance(database, SqliteDatabase)
    yield database
    await database.close()


async def pragma(database: SqliteDatabase, name: str) -> object:
    [answer] = await database.execute(text(f"PRAGMA {name}").columns(column("value")))
    return answer["value"]


async def test_what_is_acknowledged_survives_a_power_cut(database: SqliteDatabase) -> None:
    full = 2

    assert await pragma(database, "journal_mode") == "wal"
    assert await pragma(database, "synchronous") == full
    assert await pragma(database, "foreign_keys") == 1


async def test_the_reading_connection_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(StorageError):
        await database.fetch(ADD, row("one"))


async def test_a_full_disk_leaves_the_file_whole(database: SqliteDatabase) -> None:
    await fill_disk(database)
    with pytest.raises(StorageUnavailable):
        await database.execute(ADD, row("one", padding="x" * 100_000))
    await empty_disk(database)
    await database.execute(ADD, row("two", padding="x" * 100_000))

    assert await names(database) == ["two"]
    assert await pragma(database, "integrity_check") == "ok"


async def test_a_lock_of_another_process_is_an_outage_that_ends(
    database: SqliteDatabase, path: Path
) -> None:
    await database.execute(text("PRAGMA busy_timeout=1").columns(column("value")))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageUnavailable):
        await database.execute(ADD, row("one"))
    other.execute("COMMIT")
    other.close()
    await database.execute(ADD, row("two"))

    assert await names(database) == ["two"]


async def test_what_is_no_database_cannot_be_opened(tmp_path: Path) -> None:
    no_database = tmp_path / "notes.txt"
    no_database.write_text("Buy milk. " * 1000)

    with pytest.raises(StorageUnavailable):
        await SqliteDatabase.open(no_database)
    with pytest.raises(StorageUnavailable):
        await SqliteDatabase.open(tmp_path / "nowhere" / "ringmain.sqlite3")


# ---- one row by its key ----

BY_KEY = point(
    select(organizations.c.name).where(
        organizations.c.organization_uuid == given(organizations.c.organization_uuid)
    )
)


async def name_of(database: SqliteDatabase, key: str) -> list[str]:
    return [row["name"] for row in await database.fetch(BY_KEY, {"organization_uuid": key})]


async def test_one_row_is_found_while_the_reader_is_busy(database: SqliteDatabase) -> None:
    await database.execute(ADD, row("one"))
    busy = asyncio.create_task(database.fetch(ENDLESS))
    await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE):
        assert await name_of(database, "one") == ["one"]
        assert await name_of(database, "two") == []
    assert not busy.done()
    busy.cancel()
    await asyncio.gather(busy, return_exceptions=True)


async def test_one_row_is_read_as_anybody_last_committed_it(
    database: SqliteDatabase, path: Path
) -> None:
    await database.execute(ADD, row("one"))
    other = sqlite3.connect(path)
    assert await name_of(database, "one") == ["one"]
    with other:
        other.execute("UPDATE organizations SET name = 'renamed'")
    other.close()

    assert await name_of(database, "one") == ["renamed"]


async def test_what_fails_at_once_is_told_as_ever(database: SqliteDatabase) -> None:
    await database.execute(text("ALTER TABLE organizations RENAME TO others"))

    with pytest.raises(StorageError, match="no such table"):
        await name_of(database, "one")
