"""What one organization's links said, by position: how much there is, and the messages."""

from __future__ import annotations

from sqlalchemy import func, select

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
count_after = select(func.count().label("records")).where(_OF_ORGANIZATION, _BEHIND)
