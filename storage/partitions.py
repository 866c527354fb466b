"""
What grows with time lies in partitions on PostgreSQL: which one, and how it is made and dropped.

The log is divided by position, readings by week (ADR 0024). A partition is named after its table
and where it begins: `messages_17`, `meter_readings_20261116`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Text, bindparam, column, text

from storage.clock import EPOCH
from storage.database import Database, Statement

SPAN = 2**20  # positions
WEEK = 7 * 86_400 * 10**6  # µs
MONDAY = 4 * 86_400 * 10**6  # 1970-01-05: weeks begin on Mondays, in UTC


class Partition(NamedTuple):
    """A part of a table: rows from ``first`` on and before ``end``."""

    table: str
    name: str
    first: int
    end: int


def span_of(position: int) -> int:
    """Return the first position of the partition that a position falls into."""
    return position - position % SPAN


def week_of(moment: int) -> int:
    """Return when the week of a moment began, both in µs since 1970."""
    return moment - (moment - MONDAY) % WEEK


def _of_positions(table: str) -> Callable[[int], Partition]:
    def partition(position: int) -> Partition:
        first = span_of(position)
        return Partition(table, f"{table}_{first // SPAN}", first, first + SPAN)

    return partition


def _of_weeks(table: str) -> Callable[[int], Partition]:
    def partition(moment: int) -> Partition:
        first = week_of(moment)
        day = EPOCH + timedelta(microseconds=first)
        return Partition(table, f"{table}_{day:%Y%m%d}", first, first + WEEK)

    return partition


messages = _of_positions("messages")
charger_messages = _of_positions("charger_messages")
meter_readings = _of_weeks("meter_readings")

_NAME = re.compile(r"(messages|charger_messages|meter_readings)_\d+")


def is_partition(table: str) -> bool:
    """Tell whether a table's name is that of a partition."""
    return _NAME.fullmatch(table) is not None


# ---- making ----

# Whoever comes second waits for the first, and finds it made. Filling it needs no lock on the
# whole, nor does adding it: what is read and written goes on (`PARTITION OF` would wait for all).
_MAKE = """
IF NOT EXISTS ({attached}) THEN
LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE;
IF NOT EXISTS ({attached}) THEN
CREATE TABLE IF NOT EXISTS {name} (LIKE {table} INCLUDING ALL);
ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end});
END IF;
END IF;
"""
_ATTACHED = "SELECT FROM pg_inherits WHERE inhrelid = to_regclass('{name}')"


@lru_cache(maxsize=16)
def made(*partitions: Partition) -> Statement:
    """Return the statement that makes partitions where they are not there yet.

    It is the same one each time: an adapter keeps what it has prepared.
    """
    blocks = (
        _MAKE.format(attached=_ATTACHED.format(name=each.name), **each._asdict())
        for each in partitions
    )
    return text(f"DO $$ BEGIN {''.join(blocks)} END $$")


# ---- listing and dropping ----

LISTING: Statement = (
    text("""
SELECT part.relname AS name, pg_get_expr(part.relpartbound, part.oid) AS bounds
FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid
WHERE inhparent = to_regclass(:parent)
""")
    .bindparams(bindparam("parent", type_=Text, required=True))
    .columns(column("name", Text), column("bounds", Text))
)
_BOUNDS = re.compile(r"FOR VALUES FROM \('(-?\d+)'\) TO \('(-?\d+)'\)")
# Whoever reads or writes the table waits behind us, as long as we wait for those before.
_PATIENCE = text("SET LOCAL lock_timeout = '1s'")


async def partitions_of(database: Database, table: str) -> list[Partition]:
    """Return the partitions of a table in their order; a table that is whole has none."""
    listing = database.division.listing
    if listing is None:
        return []
    rows = await database.fetch(listing, {"parent": table})
    bounds = ((row["name"], _BOUNDS.fullmatch(row["bounds"])) for row in rows)
    found = (Partition(table, name, int(at[1]), int(at[2])) for name, at in bounds if at)
    return sorted(found, key=lambda partition: partition.first)


async def drop(database: Database, partition: Partition) -> None:
    """Drop a partition with its rows; raise StorageUnavailable where others keep it busy."""
    async with database.transaction() as transaction:
        await transaction.execute(_PATIENCE)
        await transaction.execute(text(f"DROP TABLE IF EXISTS {partition.name}"))
