"""Sinks, how far each has got, and the object that each is storing."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, select, update

from storage.sink_schema import sink_batches, sink_cursors, sinks
from storage.statements.parts import given, insert_into, limit, values

_OF_ORGANIZATION = sinks.c.organization_uuid == given(sinks.c.organization_uuid)
_NAMED = and_(_OF_ORGANIZATION, sinks.c.id == given(sinks.c.id))

add_sink = insert_into(sinks)
sink = select(sinks).where(_NAMED)
sinks_after = (
    select(sinks)
    .where(_OF_ORGANIZATION, sinks.c.id > given(sinks.c.id, "after"))
    .order_by(sinks.c.id)
    .limit(limit())
)
count_of_sinks = select(func.count().label("count")).select_from(sinks).where(_OF_ORGANIZATION)
enabled_sinks = select(sinks).where(sinks.c.enabled).order_by(sinks.c.id)
_FIXED = ("id", "organization_uuid", "type", "token_key", "inserted_at")
replace_sink = (
    update(sinks)
    .where(
        sinks.c.id == given(sinks.c.id, "of_id"),
        sinks.c.organization_uuid == given(sinks.c.organization_uuid, "of_organization"),
    )
    .values(values(c for c in sinks.c if c.key not in _FIXED))
    .returning(sinks.c.id)
)
delete_sink = delete(sinks).where(_NAMED).returning(sinks.c.id)

# ---- how far ----

_OF_CURSOR = sink_cursors.c.sink_id == given(sink_cursors.c.sink_id)
add_cursor = insert_into(sink_cursors)
progress = select(
    *(c for c in sink_cursors.c if c.key not in {"sink_id", "organization_uuid"})
).where(_OF_CURSOR)
# Only behind the batch that it ends: who comes late changes nothing.
_OPEN = (
    select(sink_batches.c.last)
    .where(sink_batches.c.sink_id == sink_cursors.c.sink_id)
    .scalar_subquery()
)
note_stored = (
    update(sink_cursors)
    .where(
        sink_cursors.c.sink_id == given(sink_cursors.c.sink_id, "of_sink"),
        given(sink_cursors.c.position, "last") == _OPEN,
    )
    .values(
        position=given(sink_cursors.c.position, "last"),
        objects=sink_cursors.c.objects + given(sink_cursors.c.objects, "more_objects"),
        records=sink_cursors.c.records + given(sink_cursors.c.records, "more_records"),
        bytes=sink_cursors.c.bytes + given(sink_cursors.c.bytes, "more_bytes"),
        delivered_at=func.coalesce(given(sink_cursors.c.delivered_at), sink_cursors.c.delivered_at),
    )
)

# ---- the object that is being stored ----

add_batch = insert_into(sink_batches)
batch = select(*(c for c in sink_batches.c if c.key not in {"sink_id", "organization_uuid"})).where(
    sink_batches.c.sink_id == given(sink_batches.c.sink_id)
)
drop_batch = delete(sink_batches).where(
    sink_batches.c.sink_id == given(sink_batches.c.sink_id),
    sink_batches.c.last == given(sink_batches.c.last),
)
