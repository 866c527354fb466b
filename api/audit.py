"""The audit of an organization: what its keys and its targets did or were denied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.audit import AuditEntries
from api.schemas.common import PageQuery

BASE = "/api/v1/organizations/{organization_uuid}/audit"


@route("GET", BASE, tag="Organizations", scope="admin", query=PageQuery(), answer=AuditEntries())
async def list_audit(request: Request) -> Mapping[str, Any]:
    """List who did or was denied what, newest first."""
    limit, before = request.query["limit"], read_cursor(request.query["cursor"], int)
    found = await request.parts.storage.audit.list(request.organization_uuid, limit + 1, before)
    entries, next_cursor = page(found, limit, lambda entry: entry.id)
    return {"entries": entries, "next_cursor": next_cursor}
