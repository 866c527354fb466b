"""
Let in who has a key, and only where the key may go; nothing else in the API asks for credentials.

It fails closed: a route that no operation declares is refused, and so is one whose scope the key
has not. Another organization's path is answered like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from api.callers import Caller, caller_of
from api.errors import ApiError, Forbidden, NotFound, Unauthorized, about
from api.parts import CALLER, PARTS
from api.routing import ORGANIZATIONS, Operation
from api.schemas.organizations import SCOPES
from storage.records import Scope
from storage.tenancy import on_behalf_of

Operations = Mapping[web.AbstractRoute, Operation]
OPERATIONS = web.AppKey("OPERATIONS", Operations)

# Seed 002 answers a missing permission like a missing key.
_STATIONS = "/api/chargingStations"


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pass on requests of a valid key within its organization and scope, and open ones.

    What a key's request asks storage for is asked on behalf of its organization.
    """
    if request.match_info.http_exception is None:
        operation = request.app[OPERATIONS].get(request.match_info.route)
        if operation is None:
            raise Unauthorized
        if operation.scope is not None:
            request[CALLER] = caller = await _caller(request, operation.scope)
            with on_behalf_of(caller.organization_uuid):
                return await handler(request)
    return await handler(request)


async def _caller(request: web.Request, scope: Scope) -> Caller:
    key = await request.app[PARTS].storage.api_keys.find(_presented(request))
    if key is None:
        raise Unauthorized
    for name in ORGANIZATIONS:
        if request.match_info.get(name, key.organization_uuid) != key.organization_uuid:
            raise about(NotFound, name, str(NotFound()))
    if SCOPES.index(key.scope) < SCOPES.index(scope):
        raise _refusal(request.path, scope)
    return caller_of(key)


def _refusal(path: str, scope: Scope) -> ApiError:
    kind = Unauthorized if path.startswith(_STATIONS) else Forbidden
    return kind(f"The API key has not the scope {scope}.")


def _presented(request: web.Request) -> str:
    """Return the one key that the request carries: two different ones do not say who asks."""
    keys: set[str] = {*request.headers.getall("x-api-key", ())}
    for header in request.headers.getall("Authorization", ()):
        scheme, _, credentials = header.partition(" ")
        if scheme.lower() == "bearer":
            keys.add(credentials.strip())
    if len(keys) != 1 or not (key := keys.pop()).isascii():
        raise Unauthorized
    return key
