"""Which positions of the message log there are, and where a moment is: they follow time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Select, case, func, literal_column, select, type_coerce

from storage.columns import Serial
from storage.schema import messages
from storage.statements.parts import given

_ONE = literal_column("1", Serial)


def _position_at() -> Select[Any]:
    """
    Return the query for the first position from which on nothing is older than `moment`.

    The range that it is in is halved until it is empty; each step reads one row by its position,
    so a log a thousand times as long takes ten steps more.
    """
    # Each on its own: SQLite would go through the whole log for both at once.
    first, last = (select(end(messages.c.seq)).scalar_subquery() for end in (func.min, func.max))
    ends = select(first.label("low"), (last + _ONE).label("high"))
    halves = ends.cte("halves", recursive=True)
    middle = (halves.c.low + halves.c.high).op(">>")(_ONE)
    timestamp = (
        select(messages.c.timestamp)
        .where(messages.c.seq >= middle)
        .order_by(messages.c.seq)
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    older = timestamp < given(messages.c.timestamp, "moment")
    half = select(
        case((older, middle + _ONE), else_=halves.c.low),
        case((older, halves.c.high), else_=middle),
    ).where(halves.c.low < halves.c.high)
    found = halves.union_all(half)
    return select(func.coalesce(func.max(found.c.low), 0).label("position"))


position_at = _position_at()
positions_between = select(
    messages.c.seq, type_coerce(messages.c.timestamp, BigInteger).label("logged_at")
).where(
    messages.c.seq >= given(messages.c.seq, "first"),
    messages.c.seq <= given(messages.c.seq, "last"),
)
