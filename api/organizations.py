"""Organizations: whom a key belongs to, and what they have set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import NotFound
from api.routing import Request, route
from api.schemas.organizations import OneSettings, Organizations, SettingsChange
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
    body=SettingsChange(partial=True),
    answer=OneSettings(),
)
async def change_settings(request: Request) -> Mapping[str, Any]:
    """Change the fields that are given.

    Whose tokens may charge holds from the next question of a charger on; what is not to be kept
    any longer is removed within the next hours, and nothing brings it back.
    """
    given = dict(request.body)
    keep = {f"keep_{kind}": days for kind, days in given.pop("retention", {}).items()}
    organizations = request.parts.storage.organizations
    return _settings(await organizations.change(request.organization_uuid, **given, **keep))


def _settings(organization: Organization | None) -> Mapping[str, Any]:
    if organization is None:
        raise NotFound
    return {"settings": organization}
