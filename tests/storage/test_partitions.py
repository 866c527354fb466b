"""What grows with time lies in partitions on PostgreSQL: named, made once, listed and dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import URL, Text, column, text

from storage import partitions
from storage.clock import EPOCH, MICROSECOND
from storage.database import Database, Statement
from storage.errors import StorageUnavailable
from storage.partitions import SPAN, Partition, drop, is_partition, made, partitions_of
from tests.storage.postgres import Admin

postgresql = pytest.mark.postgresql_only("only there is anything divided")


@pytest.fixture
def admin(url: URL) -> Iterator[Admin]:
    with Admin.of(url) as admin:
        yield admin


def moment(*when: int) -> int:
    return (datetime(*when, tzinfo=UTC) - EPOCH) // MICROSECOND  # type: ignore[arg-type, misc] # a date


# ---- which ----


@pytest.mark.parametrize(
    ("position", "name", "first", "end"),
    [
        (1, "messages_0", 0, SPAN),
        (SPAN - 1, "messages_0", 0, SPAN),
        (SPAN, "messages_1", SPAN, 2 * SPAN),
        (17 * SPAN + 3, "messages_17", 17 * SPAN, 18 * SPAN),
    ],
)
def test_a_position_falls_into_one_partition(
    position: int, name: str, first: int, end: int
) -> None:
    assert partitions.messages(position) == Partition("messages", name, first, end)


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        ((2026, 11, 16), (2026, 11, 16)),
        ((2026, 11, 22, 23, 59, 59), (2026, 11, 16)),
        ((2026, 11, 23), (2026, 11, 23)),
        ((1970, 1, 1), (1969, 12, 29)),
    ],
)
def test_readings_lie_in_the_week_they_came_in_which_begins_on_a_monday(
    day: tuple[int, ...], begins: tuple[int, ...]
) -> None:
    part = partitions.meter_readings(moment(*day))

    assert (part.first, part.end) == (moment(*begins), moment(*begins) + partitions.WEEK)
    assert part.name == "meter_readings_{}{:02}{:02}".format(*begins)


def test_a_partition_is_told_by_its_name() -> None:
    assert is_partition(partitions.charger_messages(5 * SPAN).name)
    assert is_partition(partitions.meter_readings(0).name)
    assert not is_partition("messages")
    assert not is_partition("station_limits")


# ---- making ----

THREE = (
    partitions.messages(3 * SPAN),
    partitions.charger_messages(3 * SPAN),
    partitions.meter_readings(moment(2026, 11, 22)),
)


@postgresql
async def test_a_partition_is_made_once_whoever_comes_first(database: Database) -> None:
    await asyncio.gather(*(database.execute(made(*THREE)) for _ in range(6)))
    await database.execute(made(*THREE))

    for part in THREE:
        assert part in await partitions_of(database, part.table)


@postgresql
async def test_a_partition_is_like_the_whole_and_can_be_seen_through_it_only(
    database: Database, admin: Admin
) -> None:
    await database.execute(made(*THREE))

    for part in THREE:
        assert indexes(admin, part.name) == indexes(admin, part.table)
        assert admin.asked(
            f"SELECT relrowsecurity FROM pg_class WHERE oid = '{part.name}'::regclass"
        ) == [(True,)]


@postgresql
async def test_one_that_was_left_apart_is_taken_in_again(database: Database, admin: Admin) -> None:
    part = partitions.messages(4 * SPAN)
    await database.execute(made(part))
    admin.does(f"ALTER TABLE messages DETACH PARTITION {part.name}")

    await database.execute(made(part))

    assert part in await partitions_of(database, "messages")


def indexes(admin: Admin, table: str) -> list[tuple[Any, ...]]:
    """Return what is indexed how, without names."""
    return admin.asked(
        "SELECT indisunique, regexp_replace(pg_get_indexdef(indexrelid), '.* USING', '')"
        f" FROM pg_index WHERE indrelid = '{table}'::regclass ORDER BY 1, 2"
    )


# ---- listing and dropping ----

SAY = text(f"""
INSERT INTO charger_messages (organization_uuid, charge_box_id, seq)
SELECT 'organization', 'CP-1', seq FROM generate_series(1, {3 * SPAN}, {SPAN // 2}) AS seq
""")


def said() -> Statement:
    return text("SELECT count(*) AS said FROM charger_messages").columns(column("said", Text))


@postgresql
async def test_a_dropped_partition_takes_its_rows_along_and_no_others(database: Database) -> None:
    spans = [partitions.charger_messages(n * SPAN) for n in range(3)]
    await database.execute(made(*spans))
    await database.execute(SAY)

    await drop(database, spans[1])
    await drop(database, spans[1])

    assert [(row["said"]) for row in await database.fetch(said())] == [4]
    left = await partitions_of(database, "charger_messages")
    assert [one for one in left if one in spans] == [spans[0], spans[2]]


@postgresql
async def test_one_that_is_in_use_is_not_waited_for(database: Database, admin: Admin) -> None:
    part = partitions.charger_messages(9 * SPAN)
    await database.execute(made(part))
    admin.does("BEGIN", "SELECT count(*) FROM charger_messages")

    with pytest.raises(StorageUnavailable):
        await drop(database, part)

    admin.does("COMMIT")
    await drop(database, part)


@pytest.mark.sqlite_only("only there is nothing divided")
async def test_a_table_that_is_whole_has_no_partitions(database: Database) -> None:
    assert await partitions_of(database, "messages") == []
