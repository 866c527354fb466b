"""Organizations: whom a key belongs to, and what they have set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import NotFound
from api.routing import Request, route
from api.schemas.id_tokens import OneSettings, Settings
from api.schemas.organizations import Organizations
from storage.records import Organization

SETTINGS = "/api/v1/organizations/{organization_uuid}/settings"


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


@route("GET", SETTINGS, tag="Organizations", scope="read", answer=OneSettings())
async def get_settings(request: Request) -> Mapping[str, Any]:
    """Show what the organization has set."""
    return _settings(await request.parts.storage.organizations.get(request.organization_uuid))


@route(
    "PATCH",
    SETTINGS,
    tag="Organizations",
    scope="admin",
    body=Settings(),
    answer=OneSettings(),
)
async def change_settings(request: Request) -> Mapping[str, Any]:
    """Change what the organization has set; it holds from the next question of a charger on."""
    organizations = request.parts.storage.organizations
    authorization = request.body["authorization"]
    return _settings(await organizations.authorize(request.organization_uuid, authorization))


def _settings(organization: Organization | None) -> Mapping[str, Any]:
    if organization is None:
        raise NotFound
    return {"settings": organization}
