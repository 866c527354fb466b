"""
One side of a copy: a database, what is carried of its tables, and the numbers it has given out.

Values come and go as a database has them, in the types that both have: a document stays the text
that it is, a moment its microseconds. What PostgreSQL does not take as text is escaped by the type
that the server uses too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    Engine,
    Executable,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from storage import partitions
from storage.columns import Json, Serial, UtcTime
from storage.engines import shown
from storage.errors import StorageUnavailable
from storage.postgres_errors import reason
from storage.postgres_types import escaped, unescaped
from storage.tables import metadata
from storage.tenancy import EVERYBODY, SETTING

# In the order in which rows can be added: who is referred to comes first.
NAMES = tuple(table.name for table in metadata.sorted_tables)

_FOR_EVERYBODY = f"SELECT set_config('{SETTING}', '{EVERYBODY}', true)"
# All is read by its key; what has just come has no statistics, and would be sorted each time.
_BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off"
_READ: Mapping[str, Sequence[str]] = {
    "sqlite": ("BEGIN",),
    "postgresql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        _FOR_EVERYBODY,
        _BY_KEY,
    ),
}
_WRITE: Mapping[str, Sequence[str]] = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": (_FOR_EVERYBODY,),
}
# By which column a table lies in partitions, and in which one a value of it.
_DIVIDED: Mapping[str, tuple[str, Callable[[int], partitions.Partition]]] = {
    "messages": ("seq", partitions.messages),
    "charger_messages": ("seq", partitions.charger_messages),
    "meter_readings": ("received_at", partitions.meter_readings),
}
_PRAGMAS = ("PRAGMA busy_timeout=5000", "PRAGMA journal_mode=WAL", "PRAGMA foreign_keys=ON")


class _Number(TypeDecorator[float]):
    """A number without the sign of zero, which SQLite does not keep."""

    impl: Any = Double
    cache_ok: bool | None = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> float | None:
        """Return the number."""
        return None if value is None else value + 0.0


class _Text(TypeDecorator[str]):
    """A text, in PostgreSQL as the server writes it."""

    impl: Any = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> Any | None:
        """Return the text as it is stored."""
        return escaped(value) if dialect.name == "postgresql" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        """Return the text that was stored."""
        return unescaped(value) if dialect.name == "postgresql" else value


class Side:
    """A database of the present schema that rows are copied from or to."""

    def __init__(self, url: URL, engine: Engine) -> None:
        self.name = shown(url)
        self.kind = url.get_backend_name()
        self._engine = engine
        carried = MetaData()
        self.tables = [_carried(metadata.tables[name], carried) for name in NAMES]

    @classmethod
    @contextmanager
    def opened(cls, url: URL) -> Iterator[Side]:
        """Open connections to a database as they are needed, until the context ends."""
        engine = create_engine(url)
        # Else PostgreSQL is given a condition for each key where a key has several columns.
        engine.dialect.tuple_in_values = True
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        try:
            yield cls(url, engine)
        finally:
            engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one moment, whatever others write."""
        with self._transaction(_READ) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that commits when its context ends well."""
        with self._transaction(_WRITE) as connection:
            yield connection

    @contextmanager
    def _transaction(self, beginnings: Mapping[str, Sequence[str]]) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                for sql in beginnings[self.kind]:
                    connection.exec_driver_sql(sql)
                yield connection
        except DBAPIError as error:
            cause: Any = error.orig
            raise StorageUnavailable(f"{self.name}: {reason(cause)}.") from error

    def make_room(
        self, connection: Connection, table: Table, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Make the partitions that rows need, where this side has any."""
        divided = _DIVIDED.get(table.name)
        if divided is None or self.kind != "postgresql":
            return
        column, partition_of = divided
        place = list(table.columns).index(table.c[column])
        needed = sorted({partition_of(row[place]) for row in rows})
        connection.execute(cast("Executable", partitions.made(*needed)))

    def numbers(self, connection: Connection) -> dict[str, int]:
        """Return the highest number that each table has given out, of rows that are gone too."""
        highest = {
            table.name: connection.scalar(select(func.max(table.c[_NUMBER_OF[table.name]]))) or 0
            for table in self.tables
            if table.name in _NUMBER_OF
        }
        for name, number in _GIVEN[self.kind](connection, highest):
            highest[name] = max(highest[name], number)
        return highest

    def go_on_after(self, connection: Connection, numbers: Mapping[str, int]) -> None:
        """Give out no number again that one of the sides has given out."""
        own = self.numbers(connection)
        for name, number in numbers.items():
            highest = max(number, own[name])
            if highest:
                _GO_ON[self.kind](connection, name, highest)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's sqlite3 would begin by itself, and commit before each change of a table.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _carried(table: Table, carried: MetaData) -> Table:
    """Return a table as it is carried: its columns and its key, nothing that is decoded."""
    return Table(
        table.name,
        carried,
        *(
            Column(
                column.name,
                _carried_type(column),
                primary_key=column.primary_key,
                autoincrement=False,
            )
            for column in table.columns
        ),
    )


def _carried_type(column: Column[Any]) -> Any:
    for kind, carried in _TYPES.items():
        if isinstance(column.type, kind):
            return carried
    raise TypeError(f"{column} is of a type that no copy carries.")


_TYPES: Mapping[type, Any] = {
    UtcTime: BigInteger(),
    Json: _Text(),
    Text: _Text(),
    BigInteger: BigInteger(),
    Boolean: Boolean(),
    Double: _Number(),
    LargeBinary: LargeBinary(),
}


# ---- what numbers the rows ----

_OF_SQLITE = text("SELECT name, seq FROM sqlite_sequence")
_RAISE = text("UPDATE sqlite_sequence SET seq = max(seq, :number) WHERE name = :table")
_BEGIN_AT = text(
    "INSERT INTO sqlite_sequence (name, seq) SELECT :table, :number"
    " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = :table)"
)
_SEQUENCE = text("SELECT pg_get_serial_sequence(:table, :number)")
_SET = text("SELECT setval(CAST(:sequence AS regclass), :number)")
# The column by which a table numbers its rows.
_NUMBER_OF: Mapping[str, str] = {
    table.name: column.name
    for table in metadata.sorted_tables
    for column in table.columns
    if column.type is Serial and column is table.autoincrement_column
}


def _sequence(connection: Connection, table: str) -> str | None:
    sequence: str | None = connection.scalar(
        _SEQUENCE, {"table": table, "number": _NUMBER_OF[table]}
    )
    return sequence


def _given_by_sqlite(
    connection: Connection, tables: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    for name, number in connection.execute(_OF_SQLITE):
        if name in tables:
            yield name, number


def _given_by_postgres(
    connection: Connection, tables: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    for name in tables:
        sequence = _sequence(connection, name)
        if sequence is not None:
            last = text(f"SELECT last_value FROM {sequence} WHERE is_called")  # noqa: S608 - its name
            yield name, connection.scalar(last) or 0


def _go_on_in_sqlite(connection: Connection, table: str, number: int) -> None:
    if not metadata.tables[table].dialect_options["sqlite"]["autoincrement"]:
        return  # it numbers by the rows that are there
    values = {"table": table, "number": number}
    connection.execute(_RAISE, values)
    connection.execute(_BEGIN_AT, values)


def _go_on_in_postgres(connection: Connection, table: str, number: int) -> None:
    sequence = _sequence(connection, table)
    if sequence is not None:
        connection.execute(_SET, {"sequence": sequence, "number": number})


_GIVEN = {"sqlite": _given_by_sqlite, "postgresql": _given_by_postgres}
_GO_ON = {"sqlite": _go_on_in_sqlite, "postgresql": _go_on_in_postgres}
