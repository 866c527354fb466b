"""
Let in who has a key or a session, and only where it may go; nothing else asks for credentials.

It fails closed: a route that no operation declares is refused, and so is one whose scope the
caller has not. Another organization's path is answered like one that does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from api.assets import OPEN_RESOURCES
from api.callers import Caller, caller_as, caller_of
from api.errors import ApiError, Forbidden, Invalid, NotFound, Unauthorized, about
from api.origins import refuse_forged
from api.parts import CALLER, PARTS
from api.presented import Presented, presented
from api.rates import RATES, check_rate
from api.routing import ORGANIZATIONS, PICKED, Operation
from api.schemas.organizations import SCOPES
from api.sessions import Sessions
from storage.records import Scope
from storage.repositories.members import Membership
from storage.tenancy import on_behalf_of

Operations = Mapping[web.AbstractRoute, Operation]
OPERATIONS = web.AppKey("OPERATIONS", Operations)

# Seed 002 answers a missing permission like a missing key.
_STATIONS = "/api/chargingStations"


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pass on requests of who may make them, within one organization, and open ones.

    What a request asks storage for is asked on behalf of its organization.
    """
    route = request.match_info.route
    is_open = route.resource in request.app[OPEN_RESOURCES]
    if request.match_info.http_exception is None and not is_open:
        operation = request.app[OPERATIONS].get(route)
        if operation is None:
            raise Unauthorized
        if operation.scope is not None:
            caller = await _let_in(request, operation)
            with on_behalf_of(caller.organization_uuid):
                _check_scope(request, caller, operation.scope)
                return await handler(request)
    return await handler(request)


async def still_let_in(request: web.Request) -> None:
    """Ask again who asks, in the middle of a long answer; raise what says that he may not."""
    operation = request.app[OPERATIONS][request.match_info.route]
    caller = await _caller(request, operation, _credential(request))
    assert operation.scope is not None  # noqa: S101 - nobody is asked who he is on open ones
    _check_scope(request, caller, operation.scope)


async def require(request: web.Request, scope: Scope) -> None:
    """Let in who has a scope, where an operation is open to some without; raise ApiError."""
    operation = request.app[OPERATIONS][request.match_info.route]
    _check_scope(request, await _let_in(request, operation), scope)


async def _let_in(request: web.Request, operation: Operation) -> Caller:
    """Note and return who asks, in the organization that the request is about."""
    credential = _credential(request)
    request[CALLER] = caller = await _caller(request, operation, credential)
    check_rate(request, caller.actor)
    if credential.kind == "cookie":
        refuse_forged(request, request.app[PARTS].public_http_url)
    return caller


def _credential(request: web.Request) -> Presented:
    sessions = request.app[PARTS].sessions
    return presented(request.headers, sessions.cookie if sessions else None)


async def _caller(request: web.Request, operation: Operation, credential: Presented) -> Caller:
    sessions = request.app[PARTS].sessions
    if credential.kind == "key" or sessions is None:
        return await _of_key(request, credential)
    return await _of_session(request, operation, credential, sessions)


async def _of_key(request: web.Request, credential: Presented) -> Caller:
    key = await request.app[PARTS].storage.api_keys.find(credential.secret)
    if key is None:
        raise Unauthorized
    caller = caller_of(key)
    for name, organization_uuid in _in_path(request):
        if organization_uuid != key.organization_uuid:
            check_rate(request, caller.actor)
            raise _foreign(name)
    return caller


async def _of_session(
    request: web.Request, operation: Operation, credential: Presented, sessions: Sessions
) -> Caller:
    """Return a member; what he may is read each time, and holds no longer than it is stored."""
    identity = await sessions.identity(credential, request.app[RATES].source(request))
    memberships = await request.app[PARTS].storage.members.memberships(identity)
    try:
        membership = _membership(request, operation, memberships, identity)
    except ApiError:
        check_rate(request, f"identity:{identity}")
        raise
    return caller_as(membership, identity, memberships)


def _membership(
    request: web.Request, operation: Operation, found: Sequence[Membership], identity: str
) -> Membership:
    """Return which of the memberships a request is about; raise what says that it is none."""
    for name, organization_uuid in _in_path(request):
        if (one := _of(found, organization_uuid)) is None:
            raise _foreign(name)
        return one
    if not found:
        raise Forbidden(f"No organization has the identity {identity} as a member yet.")
    if operation.of_all:
        return found[0]
    return _picked(request.headers.getall(PICKED, ()), found)


def _picked(said: Sequence[str], found: Sequence[Membership]) -> Membership:
    if len(said) == 1:
        if (one := _of(found, said[0])) is None:
            raise Forbidden(f"The session is of no member of the organization in {PICKED}.")
        return one
    if said or len(found) > 1:
        told = "Name one of your organizations: GET /api/v1/organizations lists them."
        raise Invalid({PICKED: [told]}, f"{PICKED}: {told}")
    return found[0]


def _of(found: Sequence[Membership], organization_uuid: str) -> Membership | None:
    return next((m for m in found if m.organization.organization_uuid == organization_uuid), None)


def _in_path(request: web.Request) -> Sequence[tuple[str, str]]:
    found = request.match_info
    return [(name, found[name]) for name in ORGANIZATIONS if name in found]


def _foreign(name: str) -> ApiError:
    return about(NotFound, name, str(NotFound()))


def _check_scope(request: web.Request, caller: Caller, scope: Scope) -> None:
    if SCOPES.index(caller.scope) < SCOPES.index(scope):
        kind = Unauthorized if request.path.startswith(_STATIONS) else Forbidden
        what = "API key" if caller.kind == "key" else "member"
        raise kind(f"The {what} has not the scope {scope}.")
