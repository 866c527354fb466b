"""
Copy an installation from one database to another, of whichever kind.

All tables are compared first: a row of the target that the source does not have ends it before
anything is changed. Then what is missing is added in batches that commit, so that a copy that was
interrupted goes on where it ended, and what has been copied before is left alone. In the end both
sides are counted again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, Table, func, insert, literal, select, tuple_

from storage.errors import StorageError
from storage.sides import Side

Phase: TypeAlias = Literal["comparing", "copying", "checking"]
# Of a phase: the table, how many rows are done since it was last told, how many there are in all.
Tell: TypeAlias = Callable[[Phase, str, int, int], None]

FIRST_AT_ONCE, MOST_AT_ONCE = 32, 1000
# A batch is in memory several times; a frame alone may have megabytes.
HEAVY = 4 << 20  # bytes
_SUMS = 1 << 256

Rows: TypeAlias = Sequence[Sequence[Any]]


class NotTheSame(StorageError):
    """The target holds what the source does not."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows a table has, and what they are.

    The checksum is the sum of the SHA-256 of all rows: engines do not sort text alike.
    """

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one table: how many rows were added, and what each side has now."""

    table: str
    copied: int
    source: Tally
    target: Tally


def copy(source: Side, target: Side, tell: Tell) -> list[Copied]:
    """Make the target hold what the source holds; raise NotTheSame and change nothing else."""
    with source.reading() as origin:
        wanted, found = _compare(source, origin, target, tell)
        missing = {name: tally.rows - found[name].rows for name, tally in wanted.items()}
        total = sum(missing.values())
        for ours, theirs in zip(source.tables, target.tables, strict=True):
            if not missing[ours.name]:
                continue
            begun = found[ours.name].rows > 0
            for rows in _missing(origin, ours, target, theirs, begun=begun):
                _add(target, theirs, rows)
                tell("copying", ours.name, len(rows), total)
        with target.writing() as connection:
            target.go_on_after(connection, source.numbers(origin))
    return _check(target, wanted, missing, tell)


def _compare(
    source: Side, origin: Connection, target: Side, tell: Tell
) -> tuple[dict[str, Tally], dict[str, Tally]]:
    with target.reading() as there:
        total = _count(origin, source) + _count(there, target)
        ours = _tallies(origin, source, "comparing", total, tell)
        theirs = _tallies(there, target, "comparing", total, tell)
        for mine, other in zip(source.tables, target.tables, strict=True):
            if theirs[other.name] != ours[mine.name]:
                _refuse_strangers(origin, mine, there, other)
    return ours, theirs


def _count(connection: Connection, side: Side) -> int:
    counts = (connection.scalar(select(func.count()).select_from(table)) for table in side.tables)
    return sum(count or 0 for count in counts)


def _tallies(
    connection: Connection, side: Side, phase: Phase, total: int, tell: Tell
) -> dict[str, Tally]:
    return {
        table.name: _tally(connection, table, partial(_tell_rows, tell, phase, table.name, total))
        for table in side.tables
    }


def _tell_rows(tell: Tell, phase: Phase, table: str, total: int, rows: int) -> None:
    tell(phase, table, rows, total)


def _tally(connection: Connection, table: Table, tell: Callable[[int], None]) -> Tally:
    count = total = 0
    for rows in _batches(connection, table):
        count += len(rows)
        total += sum(int.from_bytes(_digest(row), "big") for row in rows)
        tell(len(rows))
    return Tally(count, f"{total % _SUMS:064x}")


def _digest(row: Sequence[Any]) -> bytes:
    return hashlib.sha256(_canonical(row)).digest()


def _canonical(row: Sequence[Any]) -> bytes:
    """Return what tells a row from any other, on whichever engine it is."""
    return msgspec.msgpack.encode(tuple(row))


def _batches(connection: Connection, table: Table) -> Iterator[Rows]:
    """Yield all rows by their key, as its index has them: no page is looked for twice."""
    key = tuple(table.primary_key)
    query = page = select(table).order_by(*key)
    size = FIRST_AT_ONCE
    while rows := connection.execute(page.limit(size)).all():
        yield rows
        heavy = sum(len(_canonical(row)) for row in rows) > HEAVY // 2
        size = max(1, size // 2) if heavy else min(MOST_AT_ONCE, size * 2)
        last = rows[-1]._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by columns
        behind = tuple_(*(literal(last[column], column.type) for column in key))
        page = query.where(tuple_(*key) > behind)


def _refuse_strangers(origin: Connection, ours: Table, there: Connection, theirs: Table) -> None:
    """Raise NotTheSame where a row of the target is not the source's."""
    for rows in _batches(there, theirs):
        same = _by_key(origin, ours, _keys(theirs, rows))
        for key, row in _keyed(theirs, rows).items():
            if key not in same or _digest(same[key]) != _digest(row):
                raise NotTheSame(
                    f"Nothing was copied: the target's table {theirs.name} has a row"
                    f" {key!a} that the source does not have or has otherwise."
                )


def _missing(
    origin: Connection, ours: Table, target: Side, theirs: Table, *, begun: bool
) -> Iterator[Rows]:
    """Yield what the target does not have, a batch at a time; all where it has not ``begun``."""
    for rows in _batches(origin, ours):
        if not begun:
            yield rows
            continue
        with target.reading() as there:
            known = _by_key(there, theirs, _keys(ours, rows))
        lacking = [row for key, row in _keyed(ours, rows).items() if key not in known]
        if lacking:
            yield lacking


def _by_key(
    connection: Connection, table: Table, keys: Sequence[tuple[Any, ...]]
) -> Mapping[tuple[Any, ...], Sequence[Any]]:
    chosen = select(table).where(tuple_(*table.primary_key).in_(keys))
    return _keyed(table, connection.execute(chosen).all())


def _keys(table: Table, rows: Rows) -> list[tuple[Any, ...]]:
    return list(_keyed(table, rows))


def _keyed(table: Table, rows: Rows) -> dict[tuple[Any, ...], Sequence[Any]]:
    places = [list(table.columns).index(column) for column in table.primary_key]
    return {tuple(row[place] for place in places): row for row in rows}


def _add(target: Side, table: Table, rows: Rows) -> None:
    names = [column.name for column in table.columns]
    with target.writing() as connection:
        target.make_room(connection, table, rows)
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _check(
    target: Side, wanted: Mapping[str, Tally], copied: Mapping[str, int], tell: Tell
) -> list[Copied]:
    with target.reading() as there:
        found = _tallies(there, target, "checking", sum(t.rows for t in wanted.values()), tell)
    for name, tally in wanted.items():
        if found[name] != tally:
            raise NotTheSame(
                f"The target's table {name} is not what was copied: somebody else writes to it."
            )
    return [Copied(name, copied[name], wanted[name], found[name]) for name in wanted]
