"""Organizations: whom a key belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.routing import Request, route
from api.schemas.organizations import Organizations


@route(
    "GET",
    "/api/v1/organizations",
    tag="Organizations",
    scope="read",
    answer=Organizations(),
)
async def list_organizations(request: Request) -> Mapping[str, Any]:
    """List the organizations that the key can see: its own."""
    found = await request.parts.storage.organizations.get(request.organization_uuid)
    return {"organizations": [found] if found else [], "next_cursor": None}
