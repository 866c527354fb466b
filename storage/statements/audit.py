"""The audit: rows are added and read, never changed."""

from __future__ import annotations

from sqlalchemy import select

from storage.schema import audit
from storage.statements.parts import given, insert_into, limit

# The chain comes later: who adds a row does not know the one before it.
_LATER = ("place", "seal")
add_audit_entry = insert_into(audit, without=("id", *_LATER))
_SHOWN = [column for column in audit.c if column.key != "seal"]
audit_entries_before = (
    select(*_SHOWN)
    .where(
        audit.c.organization_uuid == given(audit.c.organization_uuid),
        audit.c.id < given(audit.c.id, "before"),
    )
    .order_by(audit.c.id.desc())
    .limit(limit())
)
