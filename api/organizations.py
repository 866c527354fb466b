"""Organizations: whom a key belongs to, and what they have set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from api.errors import NotFound
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import PageQuery
from api.schemas.organizations import OneSettings, Organizations, SettingsChange
from storage.records import Organization
from storage.repositories.members import Membership

SETTINGS = "/api/v1/organizations/{organization_uuid}/settings"


@route(
    "GET",
    "/api/v1/organizations",
    tag="Organizations",
    scope="read",
    of_all=True,
    query=PageQuery(),
    answer=Organizations(),
)
async def list_organizations(request: Request) -> Mapping[str, Any]:
    """List the organizations of who asks: the key's own, or all that the person is a member of."""
    limit, begin = request.query["limit"], read_cursor(request.query["cursor"], int) or 0
    found = list(enumerate(await _memberships(request)))[begin : begin + limit + 1]
    shown, next_cursor = page(found, limit, lambda place: place[0] + 1)
    organizations = [{**asdict(one.organization), "role": one.role} for _, one in shown]
    return {"organizations": organizations, "next_cursor": next_cursor}


async def _memberships(request: Request) -> Sequence[Membership]:
    if request.caller.memberships:
        return request.caller.memberships
    own = await request.parts.storage.organizations.get(request.organization_uuid)
    return [Membership(own, request.caller.scope)] if own else []


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
