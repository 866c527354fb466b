"""Compile a statement once: its SQL, how its values are bound, how its rows are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Dialect
from sqlalchemy.sql import ColumnElement, Executable
from sqlalchemy.sql.compiler import SQLCompiler

from storage.database import Row, Statement, Values
from storage.errors import StorageError

AT_ONCE = 16
_ONE_ROW = re.compile(r"\((?:\?, )*\?\)")

Take = Callable[[Row], tuple[Any, ...]]
Processor = Callable[[Any], Any]


class Compiled:
    """One statement in one dialect, with positional parameters.

    What does not depend on the values is settled here, so that a row costs about a microsecond.
    """

    __slots__ = ("_bind", "_constants", "_names", "_read", "_take", "many", "point", "sql", "types")

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        options = {"render_postcompile": True}
        # As for many rows: else an INSERT would return the number of its row, asked for or not.
        sql = statement.compile(dialect=dialect, compile_kwargs=options, for_executemany=True)
        compiled = cast("SQLCompiler", sql)
        columns = getattr(statement, "exported_columns", ())
        order = compiled.positiontup or []
        self.sql = str(compiled)
        marks = statement.get_execution_options() if isinstance(statement, Executable) else {}
        self.point = bool(marks.get("point"))
        self.many = _for_many(self.sql)  # the same for AT_ONCE rows, None where there is no such
        self.types = tuple(compiled.binds[name].type for name in order)
        self._take = _taker(order)
        self._bind = [
            (place, process)
            for place, name in enumerate(order)
            if (process := _binder(compiled.binds[name], dialect))
        ]
        # Values that the statement brings along, such as a LIMIT.
        self._constants = {
            name: bind.value for name, bind in compiled.binds.items() if not bind.required
        }
        self._names = [column.key for column in columns]
        self._read = [
            (column.key, process) for column in columns if (process := _reader(column, dialect))
        ]

    def bind(self, values: Values) -> Sequence[Any]:
        """Return the parameters in the order of the SQL; KeyError names a missing value.

        A tuple is in that order already, and made of what the driver takes. Raises StorageError for
        a value that its type cannot write.
        """
        if isinstance(values, tuple):
            return values
        taken = self._named(values)
        if not self._bind:
            return taken
        bound = list(taken)
        try:
            for place, process in self._bind:
                if bound[place] is not None:
                    bound[place] = process(bound[place])
        except (TypeError, ValueError) as error:  # such as a number beyond 64 bits in a document
            raise StorageError(f"The database cannot take a value: {error}.") from error
        return bound

    def _named(self, values: Row) -> tuple[Any, ...]:
        return self._take({**self._constants, **values} if self._constants else values)

    def rows(self, fetched: Iterable[Sequence[Any]]) -> list[Row]:
        """Return the driver's rows by name."""
        return [self._row(values) for values in fetched]

    def _row(self, values: Sequence[Any]) -> Row:
        row = dict(zip(self._names, values, strict=True))
        for name, process in self._read:
            row[name] = process(row[name])
        return row


def _for_many(sql: str) -> str | None:
    """Return the statement that adds as many rows as are written at once."""
    head, values, row = sql.partition(" VALUES ")
    if not head.startswith("INSERT INTO ") or not _ONE_ROW.fullmatch(row):
        return None
    return head + values + ", ".join([row] * AT_ONCE)


def _taker(names: Sequence[str]) -> Take:
    if len(names) > 1:
        return cast("Take", itemgetter(*names))
    # itemgetter makes a tuple only of two and more.
    return lambda values: tuple(values[name] for name in names)


def _binder(bind: Any, dialect: Dialect) -> Processor | None:
    return cast("Processor | None", bind.type.dialect_impl(dialect).bind_processor(dialect))


def _reader(column: ColumnElement[Any], dialect: Dialect) -> Processor | None:
    return cast(
        "Processor | None", column.type.dialect_impl(dialect).result_processor(dialect, None)
    )
