"""
The message log by position, for whoever reads it from outside: oldest first and newest first.

Each statement looks through a bounded span of positions and is over soon, however rare it is what
one looks for. Sizes come first and frames afterwards, as many as fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.sql import ColumnElement

from storage.schema import messages
from storage.statements.parts import among, given, limit

_ONE: ColumnElement[int] = literal_column("1")
_asked = messages.alias("asked")
# When the call was logged that a message answers.
_ASKED_AT = (
    select(_asked.c.timestamp).where(_asked.c.seq == messages.c.answers).scalar_subquery()
).label("asked_at")

FILTERS: Mapping[str, ColumnElement[bool]] = {
    "organization_uuid": messages.c.organization_uuid == given(messages.c.organization_uuid),
    "charge_box_ids": among(messages.c.charge_box_id),
    "action": messages.c.action == given(messages.c.action),
    "direction": messages.c.direction == given(messages.c.direction),
    "message_id": messages.c.message_id == given(messages.c.message_id),
    "since": messages.c.timestamp >= given(messages.c.timestamp, "since"),
    "until": messages.c.timestamp < given(messages.c.timestamp, "until"),
    "errors": messages.c.message_type.in_(
        [literal_column(f"'{name}'") for name in ("CallError", "CallResultError", "Unreadable")]
    ),
}
_Filters = frozenset[str]


def _within(statement: Select[Any], filters: _Filters) -> Select[Any]:
    return statement.where(
        messages.c.seq > given(messages.c.seq, "after"),
        messages.c.seq <= given(messages.c.seq, "through"),
        *(FILTERS[name] for name in sorted(filters)),
    )


@cache
def edge(filters: _Filters, *, newest: bool) -> Select[Any]:
    """Return the query for the first or the last position between two; all filters are indexed."""
    order = messages.c.seq.desc() if newest else messages.c.seq.asc()
    return _within(select(messages.c.seq), filters).order_by(order).limit(_ONE)


@cache
def sizes(filters: _Filters, *, newest: bool) -> Select[Any]:
    """Return the query for positions and how long each frame is; no frame is read for it."""
    order = messages.c.seq.desc() if newest else messages.c.seq.asc()
    octets = func.length(messages.c.frame).label("octets")
    return _within(select(messages.c.seq, octets), filters).order_by(order).limit(limit())


@cache
def entries(filters: _Filters) -> Select[Any]:
    """Return the query for messages, oldest first, and when was asked what they answer."""
    return _within(select(*messages.c, _ASKED_AT), filters).order_by(messages.c.seq)
