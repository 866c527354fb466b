"""What sinks are still to get: enabled ones all behind them, others what they are storing."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Label, Table, and_, exists, literal_column, or_, select

from storage.schema import messages
from storage.sink_schema import sink_batches, sink_cursors, sinks
from storage.statements.parts import given

_of_sinks = sinks.join(sink_cursors, sink_cursors.c.sink_id == sinks.c.id).outerjoin(
    sink_batches, sink_batches.c.sink_id == sinks.c.id
)


def wanted(table: Table, last: ColumnElement[int]) -> Label[bool]:
    """Return whether a sink is still to get a row's message, or what comes up to ``last``."""
    condition = or_(
        and_(sinks.c.enabled, sink_cursors.c.position < last),
        and_(sink_batches.c.first <= last, sink_batches.c.last >= table.c.seq),
    )
    found = select(sinks.c.id).select_from(_of_sinks)
    of_organization = sinks.c.organization_uuid == table.c.organization_uuid
    return exists(found.where(of_organization, condition).correlate(table)).label("wanted")


_FIRST, _END = given(messages.c.seq, "first"), given(messages.c.seq, "end")
_not_passed = exists(
    select(messages.c.seq)
    .where(
        messages.c.organization_uuid == sinks.c.organization_uuid,
        messages.c.seq > sink_cursors.c.position,
        messages.c.seq >= _FIRST,
        messages.c.seq < _END,
    )
    .correlate(sinks, sink_cursors)
)
# Between two positions. For a sink that has passed them nothing is looked for.
any_wanted_within = (
    select(sinks.c.id)
    .select_from(_of_sinks)
    .where(
        or_(
            and_(sinks.c.enabled, sink_cursors.c.position < _END, _not_passed),
            and_(sink_batches.c.first < _END, sink_batches.c.last >= _FIRST),
        )
    )
    .limit(literal_column("1"))
)
