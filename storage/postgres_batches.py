"""
A batch of writes as PostgreSQL takes it soonest: as one string of statements.

Such a string is a transaction: all of it is committed or nothing. Inserts of many rows are one
statement each, and their rows one parameter of JSON.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, Double, Integer, LargeBinary
from sqlalchemy.types import TypeDecorator, TypeEngine

from storage.compiled import Compiled
from storage.database import Statement, Values
from storage.errors import StorageError
from storage.postgres_errors import reason
from storage.postgres_types import DIALECT, MARK, NUL, escaped
from storage.postgres_wire import Wire

# A longer transaction is several strings: each has to be answered in time.
MAX_BYTES = 8 * 1024 * 1024
MAX_STATEMENTS = 500
SEPARATOR = b";\n"

_INSERT = re.compile(
    r"(INSERT INTO \S+ \([^()]*\)) VALUES \(%s(?:, %s)*\)( ON CONFLICT(?: \([^()]*\))? DO NOTHING)?"
)
_SUSPECT = tuple(orjson.dumps(character)[1:-1] for character in (NUL, MARK))

Row = Sequence[Any]


def _double(value: float | None) -> str | None:
    return None if value is None else repr(float(value))  # JSON knows no infinity


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b2a_base64(value, newline=False).decode()


# How a value is read from JSON, by the type of its column, and how it is put there.
_READ: tuple[tuple[type[TypeEngine[Any]], str, Callable[[Any], Any] | None], ...] = (
    (LargeBinary, "decode({}, 'base64')", _base64),
    (Boolean, "({})::boolean", None),
    (Double, "({})::double precision", _double),
    (BigInteger, "({})::bigint", None),
    (Integer, "({})::bigint", None),
)
_TEXT = "{}", None


class Prepared:
    """A statement as it is written to PostgreSQL, with one row or many."""

    def __init__(self, statement: Statement) -> None:
        self.compiled = Compiled(statement, DIALECT)
        how = [_how(each) for each in self.compiled.types]
        self._encode = [(place, put) for place, (_, put) in enumerate(how) if put]
        self._true = [place for place, each in enumerate(self.compiled.types) if _is(each, Boolean)]
        self._many = _many(self.compiled.sql, [read for read, _ in how])

    def string(self, wire: Wire, row: Values) -> bytes:
        """Return the statement with one row; raise StorageError for what it cannot take."""
        with _told():
            return wire.quoted(self.compiled.sql, self._bound(row))

    def strings(self, wire: Wire, rows: Sequence[Values]) -> Iterator[bytes]:
        """Return the statements for rows, in order."""
        if self._many is None or len(rows) == 1:
            for row in rows:
                yield self.string(wire, row)
        else:
            yield from self._by_json(self._many, rows)

    def _bound(self, row: Values) -> Row:
        if not isinstance(row, tuple):
            return self.compiled.bind(row)
        taken = [escaped(value) for value in row]
        for place in self._true:  # as SQLite takes it: 0 or 1
            taken[place] = None if taken[place] is None else bool(taken[place])
        return taken

    def _by_json(self, many: tuple[bytes, bytes], rows: Sequence[Values]) -> Iterator[bytes]:
        with _told():
            text = self._json(rows)
        if len(text) > MAX_BYTES and len(rows) > 1:
            half = len(rows) // 2
            yield from self._by_json(many, rows[:half])
            yield from self._by_json(many, rows[half:])
        else:
            head, tail = many
            yield head + _quoted(text) + tail

    def _json(self, rows: Sequence[Values]) -> bytes:
        if not all(isinstance(row, tuple) for row in rows):
            return self._dumped([self._bound(row) for row in rows])
        text = self._dumped(rows)  # type: ignore[arg-type] # all are tuples
        # One character is found ten times as fast as several.
        if b"\\" in text and any(suspect in text for suspect in _SUSPECT):
            return self._dumped([self._bound(row) for row in rows])
        return text

    def _dumped(self, rows: Sequence[Row]) -> bytes:
        return orjson.dumps([self._encoded(row) for row in rows] if self._encode else rows)

    def _encoded(self, row: Row) -> Row:
        values = list(row)
        for place, put in self._encode:
            values[place] = put(values[place])
        return values


@cache
def prepared_of(statement: Statement) -> Prepared:
    """Return a statement as every PostgreSQL database is given it; few are made as we run."""
    return Prepared(statement)


def strings_of(
    wire: Wire, before: bytes, writes: Sequence[tuple[Prepared, Sequence[Values]]]
) -> list[bytes]:
    """Return the writes of one transaction as one string.

    Where that would be too long, it is several: the first begins and the last commits.
    """
    statements = chain.from_iterable(each.strings(wire, rows) for each, rows in writes)
    strings = list(_joined(before, statements))
    if len(strings) > 1:
        strings[0] = b"BEGIN" + SEPARATOR + strings[0]
        strings.append(b"COMMIT")
    return strings


def _joined(before: bytes, statements: Iterable[bytes]) -> Iterator[bytes]:
    together, size = [before], 0
    for each in statements:
        if size and (size + len(each) > MAX_BYTES or len(together) > MAX_STATEMENTS):
            yield SEPARATOR.join(together)
            together, size = [], 0
        together.append(each)
        size += len(each)
    yield SEPARATOR.join(together)


def _many(sql: str, reads: Sequence[str]) -> tuple[bytes, bytes] | None:
    """Return what is before and behind the rows, None for what is no such insert."""
    found = _INSERT.fullmatch(sql)
    if found is None:
        return None
    insert, conflict = found.groups(default="")
    taken = ", ".join(read.format(f"given->>{place}") for place, read in enumerate(reads))
    rows = f"{insert} SELECT {taken} FROM jsonb_array_elements("  # noqa: S608 - parts of our own statement
    order = f"::jsonb) WITH ORDINALITY AS rows(given, place) ORDER BY place{conflict}"
    return rows.encode(), order.encode()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise StorageError(f"The database cannot take a value: {reason(error)}.") from error


def _quoted(text: bytes) -> bytes:
    """Return a text between quotes that it does not have: no character of it is looked at."""
    if b"$" not in text:
        return b"$$" + text + b"$$"
    quote, number = b"$rows$", 0
    while quote in text:
        number += 1
        quote = b"$rows%d$" % number
    return quote + text + quote


def _how(given: TypeEngine[Any]) -> tuple[str, Callable[[Any], Any] | None]:
    for kind, read, put in _READ:
        if _is(given, kind):
            return read, put
    return _TEXT


def _is(given: TypeEngine[Any], kind: type[TypeEngine[Any]]) -> bool:
    return isinstance(given.impl_instance if isinstance(given, TypeDecorator) else given, kind)
