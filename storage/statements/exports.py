"""What one organization's links said, by position: how much there is, and the messages."""

from __future__ import annotations

from sqlalchemy import func, literal_column, select

from storage.schema import messages
from storage.statements.parts import given, limit

_OF_ORGANIZATION = messages.c.organization_uuid == given(messages.c.organization_uuid)
_BEHIND = messages.c.seq > given(messages.c.seq, "after")
_THROUGH = messages.c.seq <= given(messages.c.seq, "through")

# Sizes alone: no frame is read for them.
sizes_after = (
    select(
        messages.c.seq,
        messages.c.timestamp.label("moment"),
        func.length(messages.c.frame).label("octets"),
    )
    .where(_OF_ORGANIZATION, _BEHIND, _THROUGH)
    .order_by(messages.c.seq)
    .limit(limit())
)
messages_between = (
    select(messages).where(_OF_ORGANIZATION, _BEHIND, _THROUGH).order_by(messages.c.seq)
)
_oldest = (
    select(messages.c.timestamp)
    .where(_OF_ORGANIZATION, _BEHIND)
    .order_by(messages.c.seq)
    .limit(literal_column("1"))
)
# In one statement, because it is one answer.
backlog = select(
    select(func.count()).where(_OF_ORGANIZATION, _BEHIND).scalar_subquery().label("records"),
    _oldest.scalar_subquery().label("oldest"),
)
