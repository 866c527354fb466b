"""
Carry out a request with an Idempotency-Key once, however often it is made (R-6).

It is on disk before it is carried out, and so before a charger hears of it; its answer is on disk
before it is told. A request that comes again within 24 hours gets that answer. Where the server
ended in between nobody knows whether it was carried out: it is not tried again by itself, and who
asks is told where to look.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import NamedTuple

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from api.answers import JsonResponse
from api.errors import Invalid, Lost, Taken, answer_to, verdict_on
from api.parsing import read_body
from api.parts import CALLER, PARTS, RECORD_ID, ApiParts
from storage.errors import SealBroken, StorageError, StorageUnavailable
from storage.key_ring import SEAL_BYTES
from storage.secrets import DerivedKey
from storage.security_records import IdempotentRequest

log = structlog.get_logger("ringmain.api")

PURPOSE = "ringmain/idempotency"  # of the key that digests are made with
HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
METHODS = frozenset({"POST", "PUT", "PATCH"})
KEY = r"[\x21-\x7e]{1,255}"
_LONGEST_ROUTE = 500  # in the key of a table; a longer one is told apart by its digest
# What is answered where nothing was changed: the same request may be made again. (With 503, where
# the connection broke at the commit, a row may be there all the same; no charger was asked.)
_NOTHING_DONE = frozenset({400, 401, 403, 404, 405, 408, 409, 413, 415, 417, 422, 429, 503})

_ELSEWHERE = "This key was used for another request; take a new one."
_GOING_ON = "A request with this Idempotency-Key is being carried out; ask again once it has ended."
_UNKNOWN = (
    "A request with this Idempotency-Key was interrupted, and nobody knows how it ended. Look "
    "before you ask again with a new key: a command, batch or job that it made is `command_id` "
    "there, and where there is none no charger was asked; anything else is in the list of its kind."
)


class _Name(NamedTuple):
    """What a key belongs to."""

    organization_uuid: str
    route: str
    idempotency_key: str


class Once:
    """Remember requests with a key, and see to it that each is carried out once."""

    def __init__(self, parts: ApiParts) -> None:
        self._requests = parts.storage.idempotent_requests
        self._derived = partial(parts.storage.sealer.derived, PURPOSE)
        self._clock = parts.clock
        self._new_id = parts.new_id
        # Only one server works on a database: what it has not in hand nobody has.
        self._in_hand: dict[_Name, bytes] = {}

    async def answer(self, request: web.Request, key: str, handler: Handler) -> web.StreamResponse:
        """Return the answer of the first request with this key, which may be this one."""
        name = _Name(request[CALLER].organization_uuid, _route(request), key)
        digest = await _digest(request)
        if (other := self._in_hand.get(name)) is not None:
            raise Taken(_GOING_ON) if hmac.compare_digest(other, digest) else _elsewhere()
        self._in_hand[name] = digest
        try:
            return await self._begun(request, name, handler)
        finally:
            del self._in_hand[name]

    async def _begun(
        self, request: web.Request, name: _Name, handler: Handler
    ) -> web.StreamResponse:
        digest, now = self._in_hand[name], self._clock.now()
        asked = IdempotentRequest(
            **name._asdict(),
            body_digest=_keyed(digest, self._derived()),
            record_id=self._new_id(),
            created_at=now,
        )
        try:
            before = await self._requests.begin(asked)
            if before is not None:
                key = self._derived(before.body_digest[:SEAL_BYTES])
                return _answered_before(before, _keyed(digest, key))
        except SealBroken:  # whoever has forgotten the key may look, too
            raise Taken(_UNKNOWN) from None
        request[RECORD_ID] = asked.record_id
        return await self._carried_out(request, asked, handler)

    async def _carried_out(
        self, request: web.Request, asked: IdempotentRequest, handler: Handler
    ) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except Exception as fault:
            if isinstance(fault, StorageUnavailable) and RECORD_ID not in request:
                raise  # a charger may have been asked: it stays unknown
            if not isinstance(fault, Lost) and verdict_on(fault).status in _NOTHING_DONE:
                await self._noted(self._requests.forget(asked))
                raise
            answer = answer_to(fault, pretty=request.query.get("pretty") == "true")
        if isinstance(answer, JsonResponse):
            await self._noted(self._requests.end(asked, answer.status, _written(answer)))
        return answer

    async def _noted(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except StorageError as failure:
            # The answer is told all the same; who asks again is told that it is not known.
            log.warning("idempotent_answer_not_stored", error=str(failure))


ONCE = web.AppKey("ONCE", Once)


async def remembering(app: web.Application) -> AsyncIterator[None]:
    """Remember requests with a key as long as the application is up."""
    app[ONCE] = Once(app[PARTS])
    yield


@web.middleware
async def idempotent(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Carry out a caller's POST, PUT or PATCH with an Idempotency-Key once."""
    keys = request.headers.getall(HEADER, ())
    if not keys or request.method not in METHODS or CALLER not in request:
        return await handler(request)
    if len(keys) > 1 or not re.fullmatch(KEY, keys[0]):
        told = f"Wanted is one {HEADER} of 1 to 255 visible ASCII characters."
        raise Invalid({HEADER: [told]}, told)
    return await request.app[ONCE].answer(request, keys[0], handler)


def _route(request: web.Request) -> str:
    route = f"{request.method} {request.path_qs}"
    if len(route) <= _LONGEST_ROUTE:
        return route
    return f"{request.method} sha256:{hashlib.sha256(route.encode()).hexdigest()}"


async def _digest(request: web.Request) -> bytes:
    """Digest what is asked, and who asks: an answer with a secret is for nobody else."""
    body, caller = await read_body(request), request[CALLER]
    head = f"{caller.actor}\n{caller.scope}\n{request.headers.get('Content-Type', '')}\n"
    return hashlib.sha256(head.encode(errors="surrogateescape") + body).digest()


def _keyed(digest: bytes, key: DerivedKey) -> bytes:
    """Return what is stored of a digest: a body may hold a password that one could guess at."""
    return key.key_id + hmac.digest(key.key, digest, "sha256")


def _answered_before(before: IdempotentRequest, digest: bytes) -> web.Response:
    if not hmac.compare_digest(before.body_digest, digest):
        raise _elsewhere()
    if before.status is None or before.answer is None:
        raise Taken(_UNKNOWN, command_id=before.record_id)
    written = orjson.loads(before.answer)
    headers = CIMultiDict(written["headers"])
    headers[REPLAYED] = "true"
    return web.Response(body=written["body"].encode(), status=before.status, headers=headers)


def _written(answer: JsonResponse) -> str:
    assert isinstance(answer.body, bytes)  # noqa: S101 - it was made of bytes
    kept = {"headers": list(answer.headers.items()), "body": answer.body.decode()}
    return orjson.dumps(kept).decode()


def _elsewhere() -> Invalid:
    return Invalid({HEADER: [_ELSEWHERE]}, _ELSEWHERE)
