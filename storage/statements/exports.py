"""What one organization's links said, by position: how much there is, and the messages."""

from __future__ import annotations

from sqlalchemy import BigInteger, bindparam, func, literal_column, select

from storage.schema import messages
from storage.statements.parts import given, limit

_OF_ORGANIZATION = messages.c.organization_uuid == given(messages.c.organization_uuid)
_BEHIND = messages.c.seq > given(messages.c.seq, "after")
_THROUGH = messages.c.seq <= given(messages.c.seq, "through")

_first = (
    select(messages.c.seq)
    .where(_OF_ORGANIZATION, _BEHIND)
    .order_by(messages.c.seq)
    .limit(literal_column("1"))
)
_newest = (
    select(messages.c.seq)
    .where(_OF_ORGANIZATION, _BEHIND)
    .order_by(messages.c.seq.desc())
    .limit(literal_column("1"))
)
_oldest = _first.with_only_columns(messages.c.timestamp)

# Sizes alone: no frame is read for them. Only so many positions from the first one on are looked
# at: where PostgreSQL has no statistics yet it reads all that could be asked for, and sorts it.
sizes_after = (
    select(
        messages.c.seq,
        messages.c.timestamp.label("moment"),
        func.length(messages.c.frame).label("octets"),
    )
    .where(
        _OF_ORGANIZATION,
        _BEHIND,
        _THROUGH,
        messages.c.seq < _first.scalar_subquery() + given(messages.c.seq, "positions"),
    )
    .order_by(messages.c.seq)
    .limit(limit())
)
messages_between = (
    select(messages).where(_OF_ORGANIZATION, _BEHIND, _THROUGH).order_by(messages.c.seq)
)
# What is behind a position at one moment: nothing is added before the newest later.
ends_after = select(
    _oldest.scalar_subquery().label("oldest"), _newest.scalar_subquery().label("newest")
)
count_between = select(func.count().label("records")).where(_OF_ORGANIZATION, _BEHIND, _THROUGH)
# The newest of those that are left out where so many at most are wanted.
first_left_out = (
    select(messages.c.seq)
    .where(_OF_ORGANIZATION, _BEHIND)
    .order_by(messages.c.seq.desc())
    .limit(literal_column("1"))
    .offset(bindparam("most", type_=BigInteger, required=True))
)
