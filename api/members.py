"""
Members: whose sessions may do what here.

Only this table says who belongs to an organization. What Kratos knows of a person beside his
identity is not asked: people write their own traits (S-14).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import NotFound, Taken
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.members import MemberChange, MemberRequest, Members, OneMember
from storage.errors import Conflict
from storage.security_records import Member

BASE = "/api/v1/organizations/{organization_uuid}/members"
TAG = "Organizations"
_LAST = (
    "This is the last admin, and there is no API key of scope admin: make another admin first, "
    "or ask who runs the server (ringmain member)."
)


@route("GET", BASE, tag=TAG, scope="admin", query=PageQuery(), answer=Members())
async def list_members(request: Request) -> Mapping[str, Any]:
    """List the organization's members, by their identities."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    members = request.parts.storage.members
    found = await members.list(request.organization_uuid, limit + 1, after)
    shown, next_cursor = page(found, limit, lambda member: member.identity_id)
    return {"members": shown, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="admin",
    body=MemberRequest(),
    answer=OneMember(),
    status=201,
    errors=(409,),
)
async def add_member(request: Request) -> Mapping[str, Any]:
    """Let a person in: his sessions may do what the role says, from the next request on."""
    member = Member(
        organization_uuid=request.organization_uuid,
        created_by=request.caller.actor,
        created_at=request.parts.clock.now(),
        **request.body,
    )
    try:
        await request.parts.storage.members.add(member)
    except Conflict:
        raise Taken("This identity is a member already.") from None
    return {"message": "Member added successfully", "member": member}


@route(
    "PATCH",
    BASE + "/{identity_id}",
    tag=TAG,
    scope="admin",
    body=MemberChange(),
    answer=OneMember(),
    errors=(409,),
)
async def change_member(request: Request) -> Mapping[str, Any]:
    """Give a member another role, from the next request on."""
    identity_id, role = request.path["identity_id"], request.body["role"]
    async with request.parts.dismissing:
        if role != "admin":
            await _keep_an_admin(request, identity_id)
        members = request.parts.storage.members
        changed = await members.change_role(request.organization_uuid, identity_id, role)
    if changed is None:
        raise NotFound
    return {"message": "Member changed successfully", "member": changed}


@route("DELETE", BASE + "/{identity_id}", tag=TAG, scope="admin", answer=Done(), errors=(409,))
async def remove_member(request: Request) -> Mapping[str, Any]:
    """Remove a member: his sessions are refused from the next request on."""
    identity_id = request.path["identity_id"]
    async with request.parts.dismissing:
        await _keep_an_admin(request, identity_id)
        members = request.parts.storage.members
        removed = await members.remove(request.organization_uuid, identity_id)
    if not removed:
        raise NotFound
    return {"message": "Member removed successfully"}


async def _keep_an_admin(request: Request, identity_id: str) -> None:
    """Raise Taken where nobody would be left who may let others in."""
    storage, now = request.parts.storage, request.parts.clock.now()
    members = await storage.members.all_of(request.organization_uuid)
    if {member.identity_id for member in members if member.role == "admin"} != {identity_id}:
        return
    keys = await storage.api_keys.list(request.organization_uuid)
    if not any(key.scope == "admin" and key.valid_at(now) for key in keys):
        raise Taken(_LAST)
