"""Requests with an Idempotency-Key: begun before they are carried out, ended with their answer."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.security_schema import idempotent_requests
from storage.statements.parts import given, limit, point, values

_C = idempotent_requests.c
_KEYS = ("organization_uuid", "route", "idempotency_key")
_ENDED = {"status": given(_C.status), "answer": given(_C.answer)}

request = point(select(idempotent_requests).where(*(_C[name] == given(_C[name]) for name in _KEYS)))

_adding = upsert(idempotent_requests).values(values(c for c in _C if c.key not in _ENDED))
# One that is over its time makes room, as if the upkeep had been there already.
begin = _adding.on_conflict_do_update(
    index_elements=list(_KEYS),
    set_={
        "body_digest": _adding.excluded.body_digest,
        "record_id": _adding.excluded.record_id,
        "created_at": _adding.excluded.created_at,
        **dict.fromkeys(_ENDED, null()),
    },
    where=_C.created_at < given(_C.created_at, "expired"),
).returning(_C.created_at)

# Of this attempt, and not of one that has taken its place.
_THIS = and_(*(_C[name] == given(_C[name], f"of_{name}") for name in (*_KEYS, "record_id")))
end = update(idempotent_requests).where(_THIS).values(_ENDED)
forget = delete(idempotent_requests).where(_THIS)

_oldest = (
    select(_C.created_at)
    .where(_C.created_at < given(_C.created_at, "before"))
    .order_by(_C.created_at)
    .limit(limit())
    .subquery()
)
drop_old = (
    delete(idempotent_requests)
    .where(_C.created_at <= select(func.max(_oldest.c.created_at)).scalar_subquery())
    .returning(_C.organization_uuid)
)
