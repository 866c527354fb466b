"""Tokens that an organization knows: who may charge where it decides by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import NotFound, Taken
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.id_tokens import IdTokenChange, IdTokenRequest, IdTokens, OneIdToken
from storage.errors import Conflict
from storage.operation_records import KnownToken

BASE = "/api/v1/organizations/{organization_uuid}/id_tokens"
TAG = "Id tokens"


@route("GET", BASE, tag=TAG, scope="read", query=PageQuery(), answer=IdTokens())
async def list_id_tokens(request: Request) -> Mapping[str, Any]:
    """List the tokens that the organization knows, by their letters."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    known_tokens = request.parts.storage.known_tokens
    found = await known_tokens.list(request.organization_uuid, limit + 1, after)
    tokens, next_cursor = page(found, limit, lambda token: token.id_token)
    return {"id_tokens": tokens, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="operate",
    body=IdTokenRequest(),
    answer=OneIdToken(),
    status=201,
    errors=(409,),
)
async def create_id_token(request: Request) -> Mapping[str, Any]:
    """Add a token; whether it may charge is asked by every charger from now on."""
    token = KnownToken(
        organization_uuid=request.organization_uuid,
        created_at=request.parts.clock.now(),
        **request.body,
    )
    try:
        await request.parts.storage.known_tokens.add(token)
    except Conflict:
        raise Taken("The organization knows this id token already.") from None
    return _told("added", token)


@route("GET", BASE + "/{id_token}", tag=TAG, scope="read", answer=OneIdToken())
async def get_id_token(request: Request) -> Mapping[str, Any]:
    """Show one token."""
    known_tokens = request.parts.storage.known_tokens
    return _told(
        "retrieved", await known_tokens.get(request.organization_uuid, request.path["id_token"])
    )


@route(
    "PATCH",
    BASE + "/{id_token}",
    tag=TAG,
    scope="operate",
    body=IdTokenChange(partial=True),
    answer=OneIdToken(),
)
async def change_id_token(request: Request) -> Mapping[str, Any]:
    """Change the fields that are given."""
    known_tokens = request.parts.storage.known_tokens
    return _told(
        "changed",
        await known_tokens.update(
            request.organization_uuid, request.path["id_token"], **request.body
        ),
    )


@route("DELETE", BASE + "/{id_token}", tag=TAG, scope="operate", answer=Done())
async def delete_id_token(request: Request) -> Mapping[str, Any]:
    """Forget a token."""
    known_tokens = request.parts.storage.known_tokens
    if not await known_tokens.delete(request.organization_uuid, request.path["id_token"]):
        raise NotFound
    return {"message": "Id token deleted successfully"}


def _told(done: str, token: KnownToken | None) -> Mapping[str, Any]:
    if token is None:
        raise NotFound
    return {"message": f"Id token {done} successfully", "id_token": token}
