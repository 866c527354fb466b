"""The audit: rows are added and read, never changed."""

from __future__ import annotations

from sqlalchemy import select

from storage.schema import audit
from storage.statements.parts import given, insert_into, limit

add_audit_entry = insert_into(audit, without=("id",))
audit_entries_before = (
    select(audit)
    .where(
        audit.c.organization_uuid == given(audit.c.organization_uuid),
        audit.c.id < given(audit.c.id, "before"),
    )
    .order_by(audit.c.id.desc())
    .limit(limit())
)
