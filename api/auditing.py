"""
Audit every write of the API: one row per request, whatever became of it (S-20).

The row is on disk before the answer is sent, so whoever was answered finds it there; a caller who
goes away in the middle is audited all the same. Not audited are reads, files that chargers send,
and requests of nobody we know: those concern no organization.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from api.auth import OPERATIONS
from api.callers import caller_of
from api.errors import ApiError
from api.idempotency import REPLAYED
from api.parts import CALLER, GIVEN, PARTS, REMARKS
from api.presented import presented
from api.rates import RATES
from api.redacted import differing, redacted
from api.routing import Operation, Request, path_values
from csms.secrecy import CONCEALED, is_secret
from csms.thinning import Thinning
from storage.errors import StorageError
from storage.records import AuditEntry

log = structlog.get_logger("ringmain.api")

HEADER = "X-Request-Id"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CHANGING = frozenset({"PUT", "PATCH"})
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
_NAMES = ("charge_box_id", "stationId", "chargeBoxId")
_CHARGER = re.compile(r"[\x20-\x7e]{1,48}")
# In a path, where somebody took it for its id.
_API_KEY = re.compile(r"[^/]*(?:_|%5F)[0-9a-f]{40}[^/]*", re.IGNORECASE)
_LONGEST_OBJECT = 500
_LONGEST_ANSWER = 16 << 10  # an answer that is longer tells of many things
_MOST_IDS = 10
# Who is refused so may go on for ever.
_REPEATED = frozenset({401, 429})

REQUEST_ID = web.RequestKey("REQUEST_ID", str)
BEFORE = web.RequestKey("BEFORE", object)
REFUSALS = web.AppKey("REFUSALS", Thinning)
READERS = web.AppKey("READERS", Mapping[str, Operation])


class _Asker(NamedTuple):
    organization_uuid: str
    actor: str


# ---- which request it is ----


def request_id(request: web.Request) -> str:
    """Return a trusted proxy's id of a request, or a new one."""
    told = request.headers.getall(HEADER, ())
    if len(told) == 1 and _SANE_ID.fullmatch(told[0]) and request.app[RATES].is_forwarded(request):
        return told[0]
    return str(uuid.uuid4())


async def _tell_request_id(request: web.Request, answer: web.StreamResponse) -> None:
    """Give an answer the id that its row in the audit has."""
    if REQUEST_ID in request:
        answer.headers[HEADER] = request[REQUEST_ID]


def prepare_audit(app: web.Application, operations: tuple[Operation, ...]) -> None:
    """Give an application what the middlewares below work with."""
    app[REFUSALS], app[READERS] = Thinning(), _readers(operations)
    app.on_response_prepare.append(_tell_request_id)


# ---- one row per write ----


@web.middleware
async def audited(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write down who has asked for what, and what came of it; for around all others."""
    request[REQUEST_ID] = request_id(request)
    operation = request.app[OPERATIONS].get(request.match_info.route)
    if request.method not in WRITES or operation is None or operation.scope is None:
        return await handler(request)
    try:
        answer = await handler(request)
    except asyncio.CancelledError:
        await _noted(request, operation, None)
        raise
    await _noted(request, operation, answer)
    return answer


@web.middleware
async def seen_before(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Look at what is about to be changed, where the API shows it; for right before the handler."""
    reader = request.app[READERS].get(_path(request)) if request.method in _CHANGING else None
    if reader is not None and reader.answer is not None:
        try:
            query = reader.query.load({}) if reader.query else {}
            asked = Request(request, path_values(request.match_info), query, {})
            request[BEFORE] = reader.answer.dump(await reader.handler(asked))
        except (ApiError, StorageError):
            pass  # what is wrong with it the handler will say
    return await handler(request)


def _readers(operations: tuple[Operation, ...]) -> Mapping[str, Operation]:
    """Return what shows the things of the API, by path; what stations are asked for is no thing."""
    return {
        operation.path: operation
        for operation in operations
        if operation.method == "GET"
        and operation.scope is not None
        and not operation.path.startswith("/api/chargingStations")
    }


def _path(request: web.Request) -> str:
    operation = request.app[OPERATIONS].get(request.match_info.route)
    return operation.path if operation else ""


async def _noted(
    request: web.Request, operation: Operation, answer: web.StreamResponse | None
) -> None:
    status = answer.status if answer else 0
    try:
        asker = await _asker(request)
        left_out = _left_out(request, operation, asker, status) if asker else None
        if asker is None or left_out is None:
            return
        entry = _entry(request, operation, asker, answer)
        if left_out:
            entry = replace(entry, details={**entry.details, "left_out": left_out})
        noted = request.app[PARTS].storage.audit.note(entry)
        if answer is not None:
            await noted
    except StorageError as failure:
        log.error(
            "audit_not_written", request_id=request[REQUEST_ID], error=str(failure), status=status
        )


async def _asker(request: web.Request) -> _Asker | None:
    """Return who asks: also somebody whose key was revoked, has expired or is of elsewhere."""
    if (caller := request.get(CALLER)) is not None:
        return _Asker(caller.organization_uuid, caller.actor)
    parts = request.app[PARTS]
    try:
        credential = presented(request.headers, parts.sessions.cookie if parts.sessions else None)
    except ApiError:
        return None
    if credential.kind != "key":
        return None
    key = await parts.storage.api_keys.owner(credential.secret)
    return _Asker(key.organization_uuid, caller_of(key).actor) if key else None


def _left_out(request: web.Request, operation: Operation, asker: _Asker, status: int) -> int | None:
    if status not in _REPEATED or (status == 401 and CALLER in request):
        return 0  # whom we know, but who may not do this, is told of each time
    return request.app[REFUSALS].passes((asker, operation.name, status))


# ---- what the row says ----


def _entry(
    request: web.Request, operation: Operation, asker: _Asker, answer: web.StreamResponse | None
) -> AuditEntry:
    said = _said(answer)
    return AuditEntry(
        timestamp=request.app[PARTS].clock.now(),
        organization_uuid=asker.organization_uuid,
        charge_box_id=_charger(request, said),
        category="api",
        actor=asker.actor,
        action=operation.name,
        object=_API_KEY.sub(CONCEALED, request.rel_url.raw_path)[:_LONGEST_OBJECT],
        result=_result(answer, said),
        request_id=request[REQUEST_ID],
        details=_details(request, answer, said),
    )


def _said(answer: web.StreamResponse | None) -> Mapping[str, Any]:
    """Return what an answer in JSON says, where it is short; one that is told again, too."""
    if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return {}
    if answer.content_type != "application/json":
        return {}
    said = orjson.loads(answer.body) if len(answer.body) <= _LONGEST_ANSWER else {}
    return said if isinstance(said, dict) else {}


def _result(answer: web.StreamResponse | None, said: Mapping[str, Any]) -> str:
    if answer is None:
        return "interrupted"
    return f"{answer.status} {said.get('error', 'failed') if answer.status >= 400 else 'ok'}"


def _charger(request: web.Request, said: Mapping[str, Any]) -> str | None:
    """Return which charger it is about, by the path, the body or the answer."""
    nested = (value for value in said.values() if isinstance(value, dict))
    places = (request.match_info, request.get(GIVEN), said, *nested)
    named = (each.get(name) for each in places if isinstance(each, Mapping) for name in _NAMES)
    name = next((name for name in named if name is not None), None)
    return name if isinstance(name, str) and _CHARGER.fullmatch(name) else None


def _details(
    request: web.Request, answer: web.StreamResponse | None, said: Mapping[str, Any]
) -> dict[str, Any]:
    given = request.get(GIVEN)
    told = {
        "query": redacted({n: v for n, v in request.query.items() if n != "pretty"}),
        "given": redacted(given) if given is not None else None,
        "before": redacted(differing(given, request.get(BEFORE))),
        "fields": [str(name)[:100] for name in said.get("fields") or ()][:_MOST_IDS],
        "ids": _ids(said),
        "replayed": answer is not None and REPLAYED in answer.headers,
    }
    return {**{n: v for n, v in told.items() if v}, **request.get(REMARKS, {})}


def _ids(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the ids that an answer tells: of a command, of what was made."""
    nested = [value for value in said.values() if isinstance(value, dict)]
    found = {
        name: value
        for part in (*nested, said)
        for name, value in part.items()
        if name.endswith(("_id", "Id", "version"))
        and isinstance(value, str | int)
        and len(str(value)) <= 64
        and not is_secret(name)
    }
    return dict(list(found.items())[:_MOST_IDS])
