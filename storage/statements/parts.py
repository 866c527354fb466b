"""What statements are made of: parameters and conditions with the types of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Select,
    Table,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement, FromClause
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from storage.schema import chargers

AnyQuery = TypeVar("AnyQuery", bound=Select[Any])


def given(column: KeyedColumnElement[Any], name: str | None = None) -> Any:
    """Return the parameter for a column, named like it unless another name is given."""
    return bindparam(name or column.key, type_=column.type, required=True)


def values(columns: Iterable[Column[Any]]) -> dict[str, Any]:
    """Return the parameters for columns, by name."""
    return {column.key: given(column) for column in columns}


def insert_into(table: Table, without: tuple[str, ...] = ()) -> Any:
    """Return the statement that adds a whole row."""
    return insert(table).values(values(c for c in table.c if c.key not in without))


def of_charger(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row is of the given charger."""
    return and_(
        table.c.organization_uuid == given(table.c.organization_uuid),
        table.c.charge_box_id == given(table.c.charge_box_id),
    )


def insert_of_charger(table: Table) -> Any:
    """Return the statement that adds a whole row, unless its charger was deleted meanwhile."""
    row = select(*(given(column).label(column.key) for column in table.c))
    return upsert(table).from_select(
        list(table.c.keys()), row.select_from(chargers).where(of_charger(chargers))
    )


def of_charger_by_the_way(table: FromClause) -> ColumnElement[bool]:
    """Return the same for rows that are gone through by position, as the log is at its end.

    SQLite would rather go through an organization's, each by an index, which takes twice as long.
    """
    return and_(
        table.c.organization_uuid.concat("") == given(table.c.organization_uuid),
        table.c.charge_box_id == given(table.c.charge_box_id),
    )


class partitioned(ColumnElement[int]):  # noqa: N801 - it is used as a function
    """A column by which PostgreSQL leaves out partitions, and SQLite takes no index.

    Where two indexes would do, SQLite takes the one with a bound in it, and goes through all that
    an organization ever had.
    """

    inherit_cache: bool | None = True
    _traverse_internals: Any = (("column", InternalTraversal.dp_clauseelement),)
    type: TypeEngine[int] = BigInteger()

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


@compiles(partitioned)
def _as_it_is(element: partitioned, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.column, **more)


@compiles(partitioned, "sqlite")
def _not_by_an_index(element: partitioned, compiler: SQLCompiler, **more: Any) -> str:
    return f"+{compiler.process(element.column, **more)}"


AMONG = 100


def among(column: KeyedColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of AMONG given names: `names_among` gives them."""
    return column.in_([given(column, f"name_{place}") for place in range(AMONG)])


def names_among(names: Sequence[str]) -> dict[str, str]:
    """Return the parameters of `among` for at least one name and AMONG at most."""
    last = len(names) - 1
    return {f"name_{place}": names[min(place, last)] for place in range(AMONG)}


def point(query: AnyQuery) -> AnyQuery:
    """Mark a query that finds one row of a small table by its key.

    It takes less time than asking another thread for it (ADR 0022).
    """
    return query.execution_options(point=True)


def to_change(query: AnyQuery) -> AnyQuery:
    """Have a query keep what it finds from changing until its transaction ends.

    On PostgreSQL others write meanwhile; on SQLite nobody does, and it ignores this.
    """
    return query.with_for_update()


def limit() -> Any:
    """Return the parameter for the length of a page."""
    return bindparam("limit", type_=BigInteger, required=True)


def insert_or_update(table: Table, keys: tuple[str, ...]) -> Any:
    """Return the statement that adds a row, or replaces the one with the same key."""
    statement = upsert(table).values(values(table.c))
    changed = {c.key: statement.excluded[c.key] for c in table.c if c.key not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changed)


def only_where_empty(column: Column[Any]) -> Any:
    """Return what fills a column and never changes it."""
    return func.coalesce(column, given(column, f"claimed_{column.key}"))


def next_charger(table: Table) -> Select[Any]:
    """Return the query for an organization's next charger in a table that is filed by charger."""
    return (
        select(table.c.charge_box_id)
        .where(
            table.c.organization_uuid == given(table.c.organization_uuid),
            table.c.charge_box_id > given(table.c.charge_box_id, "after"),
        )
        .order_by(table.c.charge_box_id)
        .limit(literal_column("1"))
    )
