"""The audit of an organization: what its keys, its people and its targets did or were denied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.pages import Page, page, read_cursor
from api.routing import Request, route
from api.schemas.audit import AuditEntries, AuditQuery
from storage.records import AuditEntry
from storage.repositories.audit import Wanted

BASE = "/api/v1/organizations/{organization_uuid}/audit"


@route("GET", BASE, tag="Organizations", scope="admin", query=AuditQuery(), answer=AuditEntries())
async def list_audit(request: Request) -> Mapping[str, Any]:
    """List who did or was denied what, newest first.

    A row is never changed. `ringmain audit verify` tells whether somebody has.
    """
    filters = {n: v for n, v in request.query.items() if n not in ("limit", "cursor")}
    entries, next_cursor = await entries_of(request, Wanted(**filters))
    return {"entries": entries, "next_cursor": next_cursor}


async def entries_of(request: Request, wanted: Wanted) -> Page:
    """Return a page of the caller's organization."""
    limit, before = request.query["limit"], read_cursor(request.query["cursor"], int)
    audit = request.parts.storage.audit
    found: Sequence[AuditEntry] = await audit.list(
        request.organization_uuid, limit + 1, before, wanted
    )
    return page(found, limit, lambda entry: entry.id)
