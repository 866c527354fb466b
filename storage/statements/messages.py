"""The message log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.sql import ColumnElement

from storage.schema import NO_ANSWER, messages
from storage.statements.parts import given, insert_into, limit, of_charger
from storage.target_schema import cursors

append_message = insert_into(messages)
# A cursor may be committed though the message that it passed was lost: its position is taken too.
_positions = union_all(
    select(func.max(messages.c.seq).label("position")), select(func.max(cursors.c.position))
).subquery()
last_position = select(func.max(_positions.c.position).label("position"))
calls_after = (
    select(messages)
    .where(
        of_charger(messages),
        NO_ANSWER,
        messages.c.seq > given(messages.c.seq, "after"),
        messages.c.direction == "charger_to_platform",
        messages.c.message_type == "Call",
    )
    .order_by(messages.c.seq)
    .limit(limit())
)


# How the columns of a call's answer are told from the call's own.
ANSWER = "answer_"
_answers = messages.alias("answers")
_exchanges = (
    select(*messages.c, *(column.label(ANSWER + column.key) for column in _answers.c))
    .select_from(messages.outerjoin(_answers, _answers.c.answers == messages.c.seq))
    .where(of_charger(messages), NO_ANSWER)
    .order_by(messages.c.seq.desc())
    .limit(limit())
)
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "action": messages.c.action == given(messages.c.action),
    "direction": messages.c.direction == given(messages.c.direction),
    "message_id": messages.c.message_id == given(messages.c.message_id),
    "since": messages.c.timestamp >= given(messages.c.timestamp, "since"),
    "until": messages.c.timestamp < given(messages.c.timestamp, "until"),
    "before": messages.c.seq < given(messages.c.seq, "before"),
}


@cache
def page_of_exchanges(filters: frozenset[str]) -> Select[Any]:
    """Return the query for a page with these filters; each combination is built once."""
    return _exchanges.where(*(_FILTERS[name] for name in sorted(filters)))
