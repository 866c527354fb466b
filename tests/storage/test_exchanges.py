"""A page is the same wherever its messages are read: along what is filed, or behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from storage import exchanges
from storage.database import NO_VALUES, Database, Row, Statement
from storage.exchanges import Bounds
from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.records import ChargerKey
from storage.statements import messages as statements
from storage.statements.spoken import file_messages
from storage.tenancy import on_behalf_of
from tests.storage.doubles import ALICE, BOB, HandClock

ALL = Bounds(0, 1_000)
FILED = 20  # of 30 positions: calls at odd ones, their answers behind them


@pytest.fixture
async def half_filed(database: Database) -> AsyncIterator[Database]:
    group = GroupCommit(database, apart=[statements.append_message])
    writing = asyncio.create_task(group.run())
    journal = await Journal.open(database, group, HandClock())
    for number in range(15):
        if 2 * number == FILED:
            await journal.flush()
            await database.execute(file_messages)
        for direction, type in (
            ("charger_to_platform", "Call"),
            ("platform_to_charger", "CallResult"),
        ):
            journal.append(ALICE, direction, "1.6", type, str(number), None, b"[]")  # type: ignore[arg-type] # of the table
    await journal.flush()
    yield database
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def page(
    database: Database, bounds: Bounds = ALL, limit: int = 50, key: ChargerKey = ALICE
) -> list[int]:
    return [row["seq"] for row in await exchanges.newest(database, key, bounds, {}, limit)]


@pytest.mark.parametrize(
    ("bounds", "limit", "expected"),
    [
        (ALL, 50, range(29, 0, -2)),
        (ALL, 3, [29, 27, 25]),
        (ALL, 5, [29, 27, 25, 23, 21]),
        (ALL, 7, [29, 27, 25, 23, 21, 19, 17]),
        (Bounds(0, 8), 2, [7, 5]),
        (Bounds(14, 24), 50, [23, 21, 19, 17, 15]),
        (Bounds(23, 1_000), 50, [29, 27, 25]),
        (Bounds(5, 9), 50, [9, 7]),
        (Bounds(30, 1_000), 50, []),
        (Bounds(9, 9), 50, []),
        (ALL, 0, []),
    ],
)
async def test_a_page_goes_on_where_the_log_is_filed(
    half_filed: Database, bounds: Bounds, limit: int, expected: Sequence[int]
) -> None:
    assert await page(half_filed, bounds, limit) == list(expected)


class FiledMeanwhile:
    """A database whose log is filed as soon as somebody has asked how far it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        rows = await self._database.fetch(statement, values)
        if statement is statements.filed:
            await self._database.execute(file_messages)
        return rows


async def test_what_is_filed_while_a_page_is_read_is_told_once(half_filed: Database) -> None:
    meanwhile: Database = FiledMeanwhile(half_filed)  # type: ignore[assignment] # only asked

    assert await page(meanwhile) == list(range(29, 0, -2))


async def test_another_charger_has_said_nothing(half_filed: Database) -> None:
    assert await page(half_filed, key=BOB) == []


@pytest.mark.parametrize("count", [1, 2, 3, 5, 15])
async def test_each_call_is_told_with_its_own_answer(half_filed: Database, count: int) -> None:
    calls = await exchanges.newest(half_filed, ALICE, ALL, {}, count)

    answers = await exchanges.answers(half_filed, calls)

    assert {call: answer["seq"] for call, answer in answers.items()} == {
        call["seq"]: call["seq"] + 1 for call in calls
    }


async def test_no_calls_have_no_answers(database: Database) -> None:
    assert await exchanges.answers(database, []) == {}


async def test_an_organization_reads_its_own_pages_whole(half_filed: Database) -> None:
    with on_behalf_of(ALICE.organization_uuid):
        assert len(await page(half_filed)) == 15
