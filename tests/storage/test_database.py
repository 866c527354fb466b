"""What any database behind the port does: transactions, translated errors, cancelled callers."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Integer, column, text

from storage.database import Database, Write
from storage.errors import Conflict, StorageError, StorageUnavailable
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


async def test_what_one_writes_another_reads(database: Database) -> None:
    await database.execute(ADD, row("one"))

    assert await names(database) == ["one"]


async def test_writes_are_stored_together(database: Database) -> None:
    writes = [Write(ADD, [row("one"), row("two")]), Write(ADD, [row("three")])]

    await database.write(writes)

    assert await names(database) == ["one", "two", "three"]


async def test_of_writes_that_fail_nothing_is_stored(database: Database) -> None:
    with pytest.raises(Conflict):
        await database.write([Write(ADD, [row("one"), row("two")]), Write(ADD, [row("one")])])

    assert await names(database) == []


async def test_a_transaction_is_stored_when_its_context_ends(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(ADD, row("one"))
        await transaction.execute(ADD, row("two"))
        assert await names(database) == []

    assert await names(database) == ["one", "two"]


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, row("one"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await database.execute(ADD, row("two"))

    assert await names(database) == ["two"]


async def test_transactions_do_not_disturb_each_other(database: Database) -> None:
    async def add(first: str, second: str) -> None:
        async with database.transaction() as transaction:
            await transaction.execute(ADD, row(first))
            await asyncio.sleep(0)
            await transaction.execute(ADD, row(second))

    await asyncio.gather(add("a", "b"), add("c", "d"), add("e", "f"))

    stored = await names(database)
    assert set(zip(stored[::2], stored[1::2], strict=True)) == {("a", "b"), ("c", "d"), ("e", "f")}


async def test_an_identity_that_is_taken_is_a_conflict(database: Database) -> None:
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
    database: Database, bad: dict[str, object]
) -> None:
    with pytest.raises(StorageError) as refused:
        await database.execute(ADD, {**row("one"), **bad})

    assert type(refused.value) is StorageError


async def test_a_full_disk_is_an_outage_that_ends(database: Database) -> None:
    await database.execute(ADD, row("before"))
    await fill_disk(database)

    for attempt in range(3):
        with pytest.raises(StorageUnavailable):
            await database.write([Write(ADD, [row(str(attempt), padding="x" * 100_000)])])
    await empty_disk(database)
    await database.execute(ADD, row("after", padding="x" * 100_000))

    assert await names(database) == ["before", "after"]


async def test_a_cancelled_reader_leaves_at_once_and_its_query_ends(
    database: Database,
) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(database.fetch(ENDLESS), 0.05)

        assert await names(database) == []


async def test_a_cancelled_transaction_is_rolled_back_and_its_statement_ends(
    database: Database,
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
    database: Database,
) -> None:
    async with asyncio.timeout(PATIENCE):
        endless = asyncio.create_task(database.fetch(ENDLESS))
        next_in_line = asyncio.create_task(names(database))
        last_in_line = asyncio.create_task(names(database))
        await asyncio.sleep(0)

        last_in_line.cancel()
        endless.cancel()

        assert await next_in_line == []


async def test_a_closed_database_is_unavailable(database: Database) -> None:
    await database.close()

    with pytest.raises(StorageUnavailable):
        await database.fetch(ENDLESS)
    with pytest.raises(StorageUnavailable):
        await database.execute(ADD, row("one"))
