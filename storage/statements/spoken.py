"""
What was said on a charger's links, answers aside, in order: filed, and not yet filed.

An index by charger would be written on as many pages as chargers talk at a time. So messages are
filed by charger in bulk, and what came since is read from the end of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    FromClause,
    Insert,
    Select,
    Text,
    UnaryExpression,
    and_,
    column,
    func,
    insert,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql import ColumnElement

from storage.columns import Serial
from storage.schema import charger_messages, messages
from storage.statements.parts import limit, of_charger, of_charger_by_the_way

_BEGINNING: ColumnElement[int] = literal_column("0", Serial)
_END: ColumnElement[int] = literal_column(str(2**63 - 1), Serial)
_NO_ID: ColumnElement[str | None] = literal_column("NULL", Text)
_NOBODY: ColumnElement[str] = literal_column("''")  # whose entries tell what is filed
# Twice as many as come until more is filed. It has to end in time: what was given up would be more
# each time that it is tried again.
FILED_AT_MOST = 65_536
# A message without its position.
CONTENT = tuple(column for column in messages.c if not column.primary_key)


def filed_through(after: ColumnElement[int] = _BEGINNING) -> ColumnElement[int]:
    """Return the position up to which everything is filed, or the given one if that is later."""
    filed = charger_messages.alias("filed")
    newest = select(func.max(filed.c.seq)).where(
        filed.c.organization_uuid == _NOBODY, filed.c.charge_box_id == _NOBODY, filed.c.seq > after
    )
    return func.coalesce(newest.scalar_subquery(), after)


def spoken(
    statement: Select[Any],
    said: FromClause = messages,
    after: ColumnElement[int] = _BEGINNING,
    through: ColumnElement[int] | None = None,
) -> CompoundSelect[Any]:
    """Return the query for a statement's rows of one charger between two positions, with `seq`."""
    return union_all(*_parts(statement, said, after, through))


def page_of_spoken(
    statement: Select[Any],
    order: Callable[[ColumnElement[Any]], UnaryExpression[Any]],
    said: FromClause = messages,
    after: ColumnElement[int] = _BEGINNING,
    through: ColumnElement[int] | None = None,
) -> CompoundSelect[Any]:
    """Return the query for the first of them in an order, as many as `limit` says.

    Each part is limited by itself: PostgreSQL would read the whole of both, and sort it.
    """
    limited: Iterator[Any] = (
        select(part.order_by(order(part.selected_columns["seq"])).limit(limit()).subquery())
        for part in _parts(statement, said, after, through)
    )
    return union_all(*limited).order_by(order(column("seq"))).limit(limit())


def _parts(
    statement: Select[Any],
    said: FromClause,
    after: ColumnElement[int],
    through: ColumnElement[int] | None,
) -> tuple[Select[Any], Select[Any]]:
    """Return the query for what is filed, and the one for what is not."""
    filed = _within(statement, charger_messages, after, through).where(
        of_charger(charger_messages), charger_messages.c.seq == said.c.seq
    )
    # That it is behind ``after`` is said again: PostgreSQL then knows which partitions it needs.
    unfiled = _within(statement, said, filed_through(after), through).where(
        of_charger_by_the_way(said), said.c.seq > after, said.c.answers.is_(None)
    )
    return filed, unfiled


def _within(
    statement: Select[Any],
    table: FromClause,
    after: ColumnElement[int],
    through: ColumnElement[int] | None,
) -> Select[Any]:
    """Bound a statement by the table that it is to be read along."""
    positions = statement.add_columns(table.c.seq.label("seq"))
    bounded = positions.where(table.c.seq > after)
    return bounded if through is None else bounded.where(table.c.seq <= through)


def filing(at_once: int = FILED_AT_MOST) -> Insert:
    """
    Return the statement that files what is in the log by now, and up to where it is filed.

    Where more than ``at_once`` is not filed, it is the oldest so many. One statement does both, so
    that a refused row beside it cannot have them committed apart. Rows are committed in the order
    of their positions, so none comes later that belongs before.
    """
    behind = messages.c.seq > filed_through()
    place = literal_column(str(at_once - 1), Serial)
    last = select(messages.c.seq).where(behind).order_by(messages.c.seq).offset(place).limit(1)
    unfiled = and_(behind, messages.c.seq <= func.coalesce(last.scalar_subquery(), _END))
    filed = [messages.c[column.key] for column in charger_messages.c]
    said = select(*filed).where(unfiled, messages.c.answers.is_(None))
    newest = select(messages.c.seq).where(unfiled).order_by(messages.c.seq.desc()).limit(1)
    noted = select(_NOBODY, _NOBODY, newest.subquery().c.seq, _NO_ID)
    entries = union_all(said, noted).order_by("organization_uuid", "charge_box_id", "seq")
    return insert(charger_messages).from_select(list(charger_messages.c), entries)


file_messages = filing()
