"""SQLite behind the port: transactions, translated errors, a full disk, cancelled callers."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Integer, column, select, text

from storage.database import Write
from storage.errors import Conflict, StorageError, StorageUnavailable
from storage.schema import organizations
from storage.sqlite import SqliteDatabase
from storage.statements.parts import given, point
from tests.storage.doubles import (
    ADD,
    PATIENCE,
    UNSTORABLE,
    empty_disk,
    fill_disk,
    names,
    row,
)

# Counts for hours.
ENDLESS = text(
    "WITH RECURSIVE counting(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting) "
    "SELECT max(n) AS n FROM counting"
).columns(column("n", Integer))


async def pragma(database: SqliteDatabase, name: str) -> object:
    [answer] = await database.execute(text(f"PRAGMA {name}").columns(column("value")))
    return answer["value"]


async def test_what_is_acknowledged_survives_a_power_cut(database: SqliteDatabase) -> None:
    full = 2

    assert await pragma(database, "journal_mode") == "wal"
    assert await pragma(database, "synchronous") == full
    assert await pragma(database, "foreign_keys") == 1


async def test_what_one_writes_another_reads(database: SqliteDatabase) -> None:
    await database.execute(ADD, row("one"))

    assert await names(database) == ["one"]


async def test_the_reading_connection_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(StorageError):
        await database.fetch(ADD, row("one"))


async def test_writes_are_stored_together(database: SqliteDatabase) -> None:
    writes = [Write(ADD, [row("one"), row("two")]), Write(ADD, [row("three")])]

    await database.write(writes)

    assert await names(database) == ["one", "two", "three"]


async def test_of_writes_that_fail_nothing_is_stored(database: SqliteDatabase) -> None:
    with pytest.raises(Conflict):
        await database.write([Write(ADD, [row("one"), row("two")]), Write(ADD, [row("one")])])

    assert await names(database) == []


async def test_a_transaction_is_stored_when_its_context_ends(database: SqliteDatabase) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(ADD, row("one"))
        await transaction.execute(ADD, row("two"))
        assert await names(database) == []

    assert await names(database) == ["one", "two"]


async def test_a_transaction_that_raises_leaves_nothing(database: SqliteDatabase) -> None:
    async def fail() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, row("one"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await database.execute(ADD, row("two"))

    assert await names(database) == ["two"]


async def test_transactions_take_turns(database: SqliteDatabase) -> None:
    async def add(first: str, second: str) -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, row(first))
            await asyncio.sleep(0)
            await transaction.execute(ADD, row(second))

    await asyncio.gather(add("a", "b"), add("c", "d"), add("e", "f"))

    assert await names(database) == ["a", "b", "c", "d", "e", "f"]


async def test_an_identity_that_is_taken_is_a_conflict(database: SqliteDatabase) -> None:
    await database.execute(ADD, row("one"))

    with pytest.raises(Conflict):
        await database.execute(ADD, row("one"))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"name": UNSTORABLE}, id="text that is no Unicode"),
        pytest.param({"name": None}, id="nothing where something must be"),
        pytest.param({"name": object()}, id="a type of no database"),
    ],
)
async def test_a_row_that_never_fits_is_no_outage(
    database: SqliteDatabase, bad: dict[str, object]
) -> None:
    with pytest.raises(StorageError) as refused:
        await database.execute(ADD, {**row("one"), **bad})

    assert type(refused.value) is StorageError


async def test_a_full_disk_is_an_outage_that_ends(database: SqliteDatabase) -> None:
    await database.execute(ADD, row("before"))
    await fill_disk(database)

    for attempt in range(3):
        with pytest.raises(StorageUnavailable):
            await database.write([Write(ADD, [row(str(attempt), padding="x" * 100_000)])])
    await empty_disk(database)
    await database.execute(ADD, row("after", padding="x" * 100_000))

    assert await names(database) == ["before", "after"]
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


async def test_a_cancelled_reader_leaves_at_once_and_its_query_ends(
    database: SqliteDatabase,
) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(database.fetch(ENDLESS), 0.05)

        assert await names(database) == []


async def test_a_cancelled_transaction_is_rolled_back_and_its_statement_ends(
    database: SqliteDatabase,
) -> None:
    async def go_on_forever() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, row("one"))
            await transaction.execute(ENDLESS)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(go_on_forever(), 0.05)
        await database.execute(ADD, row("two"))

    assert await names(database) == ["two"]


async def test_cancelling_one_reader_leaves_the_next_in_line_alone(
    database: SqliteDatabase,
) -> None:
    async with asyncio.timeout(PATIENCE):
        endless = asyncio.create_task(database.fetch(ENDLESS))
        next_in_line = asyncio.create_task(names(database))
        last_in_line = asyncio.create_task(names(database))
        await asyncio.sleep(0)

        last_in_line.cancel()
        endless.cancel()

        assert await next_in_line == []


async def test_a_closed_database_is_unavailable(database: SqliteDatabase) -> None:
    await database.close()

    with pytest.raises(StorageUnavailable):
        await database.fetch(ENDLESS)
    with pytest.raises(StorageUnavailable):
        await database.execute(ADD, row("one"))


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
