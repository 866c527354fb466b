"""API keys: list, make and revoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.callers import Caller
from api.errors import Invalid, NotFound
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.organizations import ApiKeyRequest, ApiKeys, OneNewApiKey
from storage.records import ApiKey

BASE = "/api/v1/organizations/{organization_uuid}/api_keys"
TAG = "Organizations"


@route("GET", BASE, tag=TAG, scope="admin", query=PageQuery(), answer=ApiKeys())
async def list_api_keys(request: Request) -> Mapping[str, Any]:
    """List the organization's API keys, revoked ones included."""
    limit, begin = request.query["limit"], read_cursor(request.query["cursor"], int) or 0
    found = await request.parts.storage.api_keys.list(request.organization_uuid)
    places = list(enumerate(found))[begin : begin + limit + 1]
    keys, next_cursor = page(places, limit, lambda place: place[0] + 1)
    told = [{**asdict(key), "own": _is_own(key, request.caller)} for _, key in keys]
    return {"api_keys": told, "next_cursor": next_cursor}


def _is_own(key: ApiKey, caller: Caller) -> bool:
    return caller.kind == "key" and caller.id == key.key_id


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="admin",
    body=ApiKeyRequest(),
    answer=OneNewApiKey(),
    status=201,
)
async def create_api_key(request: Request) -> Mapping[str, Any]:
    """Make an API key; it is told only this once."""
    expires_at = request.body["expires_at"]
    if expires_at is not None and expires_at <= request.parts.clock.now():
        raise Invalid({"expires_at": ["This is in the past."]})
    key, secret = await request.parts.storage.api_keys.create(
        request.organization_uuid, request.body["scope"], expires_at, request.body["name"]
    )
    return {
        "message": "API key created successfully",
        "api_key": {**asdict(key), "api_key": secret, "own": False},
    }


@route("DELETE", BASE + "/{key_id}", tag=TAG, scope="admin", answer=Done())
async def revoke_api_key(request: Request) -> Mapping[str, Any]:
    """Revoke an API key: from the next request on it is refused."""
    api_keys, key_id = request.parts.storage.api_keys, request.path["key_id"]
    ours = {key.key_id for key in await api_keys.list(request.organization_uuid)}
    if key_id not in ours or not await api_keys.revoke(key_id):
        raise NotFound
    return {"message": "API key revoked successfully"}
