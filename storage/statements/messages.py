"""The message log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    Table,
    asc,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.sql import ColumnElement

from storage.schema import charger_messages, messages
from storage.sink_schema import sink_cursors
from storage.statements.parts import (
    given,
    insert_into,
    limit,
    of_charger,
    of_charger_by_the_way,
)
from storage.statements.spoken import CONTENT, filed_through, page_of_spoken
from storage.target_schema import cursors

append_message = insert_into(messages)
# A cursor may be committed though the message that it passed was lost: its position is taken too,
# and a sink may have begun behind it.
# So is what has been filed: behind it a message would be neither filed nor unfiled, and where only
# an organization's messages are seen, its newest is not looked for through all that others said.
_positions = union_all(
    select(func.max(messages.c.seq).label("position")).where(messages.c.seq > filed_through()),
    select(func.max(cursors.c.position)),
    select(func.max(sink_cursors.c.position)),
    select(filed_through()),
).subquery()
last_position = select(
    func.max(_positions.c.position).label("position"), filed_through().label("filed")
)
# Its moment as it is stored.
newest_message = select(type_coerce(messages.c.timestamp, BigInteger).label("logged_at")).where(
    messages.c.seq == select(func.max(messages.c.seq)).scalar_subquery()
)
calls_after = page_of_spoken(
    select(*CONTENT).where(
        messages.c.direction == "charger_to_platform", messages.c.message_type == "Call"
    ),
    asc,
    after=given(messages.c.seq, "after"),
)

# ---- a page of what a charger's links said ----

filed = select(filed_through().label("position"))
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "action": messages.c.action == given(messages.c.action),
    "direction": messages.c.direction == given(messages.c.direction),
    "since": messages.c.timestamp >= given(messages.c.timestamp, "since"),
    "until": messages.c.timestamp < given(messages.c.timestamp, "until"),
}
_IN_BOTH = frozenset({"message_id"})  # what is filed tells it, the message need not be read


@cache
def filed_page(filters: frozenset[str]) -> Select[Any]:
    """Return the query for a page of what is filed; each combination of filters is built once."""
    entries = charger_messages.join(messages, messages.c.seq == charger_messages.c.seq)
    page = select(*messages.c).select_from(entries).where(of_charger(charger_messages))
    return _page(page, charger_messages, filters)


@cache
def unfiled_page(filters: frozenset[str]) -> Select[Any]:
    """Return the query for a page of what is not filed yet."""
    unfiled = select(*messages.c).where(messages.c.answers.is_(None))
    return _page(unfiled.where(of_charger_by_the_way(messages)), messages, filters)


def _page(statement: Select[Any], table: Table, filters: frozenset[str]) -> Select[Any]:
    return (
        statement.where(
            table.c.seq > given(messages.c.seq, "after"),
            table.c.seq <= given(messages.c.seq, "through"),
            *(_FILTERS[name] for name in sorted(filters - _IN_BOTH)),
            *(table.c[name] == given(messages.c[name]) for name in filters & _IN_BOTH),
        )
        .order_by(table.c.seq.desc())
        .limit(limit())
    )


# ---- a page of what all links of an organization said ----

_OF_ORGANIZATION = messages.c.organization_uuid == given(messages.c.organization_uuid)
_BETWEEN = (
    messages.c.seq > given(messages.c.seq, "after"),
    messages.c.seq <= given(messages.c.seq, "through"),
)
# The newest that is beyond so many, which is as far as one looks at once.
first_beyond = (
    select(messages.c.seq)
    .where(_OF_ORGANIZATION, *_BETWEEN)
    .order_by(messages.c.seq.desc())
    .limit(literal_column("1"))
    .offset(bindparam("most", type_=BigInteger, required=True))
)


@cache
def sizes_of_all(filters: frozenset[str]) -> Select[Any]:
    """Return the query for what passes the filters, and how long each frame is."""
    octets = func.length(messages.c.frame).label("octets")
    return _page_of_all(select(messages.c.seq, octets), filters)


@cache
def page_of_all(filters: frozenset[str]) -> Select[Any]:
    """Return the query for what passes the filters."""
    return _page_of_all(select(*messages.c), filters)


def _page_of_all(statement: Select[Any], filters: frozenset[str]) -> Select[Any]:
    return _page(statement.where(_OF_ORGANIZATION, messages.c.answers.is_(None)), messages, filters)


CALL = "call_{}"  # how the positions are named that answers are asked for


@cache
def answers_to(calls: int) -> Select[Any]:
    """Return the query for the answers to so many calls, which all are behind a position."""
    asked = [given(messages.c.answers, CALL.format(place)) for place in range(calls)]
    return select(messages).where(
        messages.c.answers.in_(asked), messages.c.seq > given(messages.c.seq, "after")
    )
