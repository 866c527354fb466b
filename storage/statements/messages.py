"""The message log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, desc, func, select, type_coerce, union_all
from sqlalchemy.sql import ColumnElement

from storage.schema import messages
from storage.statements.parts import given, insert_into, limit
from storage.statements.spoken import CONTENT, filed_through, spoken
from storage.target_schema import cursors

append_message = insert_into(messages)
# A cursor may be committed though the message that it passed was lost: its position is taken too.
# So is what has been filed: behind it a message would be neither filed nor unfiled, and where only
# an organization's messages are seen, its newest is not looked for through all that others said.
_positions = union_all(
    select(func.max(messages.c.seq).label("position")).where(messages.c.seq > filed_through()),
    select(func.max(cursors.c.position)),
    select(filed_through()),
).subquery()
last_position = select(
    func.max(_positions.c.position).label("position"), filed_through().label("filed")
)
# Its moment as it is stored.
newest_message = select(type_coerce(messages.c.timestamp, BigInteger).label("logged_at")).where(
    messages.c.seq == select(func.max(messages.c.seq)).scalar_subquery()
)
calls_after = (
    spoken(
        select(*CONTENT).where(
            messages.c.direction == "charger_to_platform", messages.c.message_type == "Call"
        ),
        after=given(messages.c.seq, "after"),
    )
    .order_by("seq")
    .limit(limit())
)

# How the columns of a call's answer are told from the call's own.
ANSWER = "answer_"
_answers = messages.alias("answers")
_exchanges = select(
    *CONTENT, *(column.label(ANSWER + column.key) for column in _answers.c)
).select_from(messages.outerjoin(_answers, _answers.c.answers == messages.c.seq))
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "action": messages.c.action == given(messages.c.action),
    "direction": messages.c.direction == given(messages.c.direction),
    "message_id": messages.c.message_id == given(messages.c.message_id),
    "since": messages.c.timestamp >= given(messages.c.timestamp, "since"),
    "until": messages.c.timestamp < given(messages.c.timestamp, "until"),
}
_BOUNDS = frozenset({"after", "through"})


@cache
def page_of_exchanges(filters: frozenset[str]) -> CompoundSelect[Any]:
    """Return the query for a page with these filters; each combination is built once.

    ``after`` and ``through`` bound it by position, and should wherever a time does.
    """
    filtered = _exchanges.where(*(_FILTERS[name] for name in sorted(filters - _BOUNDS)))
    bounds = {name: given(messages.c.seq, name) for name in filters & _BOUNDS}
    return spoken(filtered, **bounds).order_by(desc("seq")).limit(limit())
