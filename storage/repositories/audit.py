"""The audit: what somebody did or was denied, one row each."""

from __future__ import annotations

import asyncio

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.records import AuditEntry
from storage.repositories.rows import columns
from storage.statements import audit as statements

_NEWEST = 2**63 - 1


class Audit:
    """Remember who did or was denied what; whoever notes it leaves secrets out."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note(self, entry: AuditEntry) -> asyncio.Future[None]:
        """Add an entry, which gets its id here; the Future is done once it is on disk."""
        row = columns(entry)
        del row["id"], row["place"]
        return self._group.submit(statements.add_audit_entry, row)

    async def list(
        self, organization_uuid: str, limit: int = 100, before: int | None = None
    ) -> list[AuditEntry]:
        """Return entries, newest first, those with an id below ``before``."""
        values = {
            "organization_uuid": organization_uuid,
            "before": _NEWEST if before is None else before,
            "limit": limit,
        }
        rows = await self._database.fetch(statements.audit_entries_before, values)
        return [AuditEntry(**row) for row in rows]
