"""An object store that speaks the protocol of S3 (path-style) and fails on purpose.

It keeps every attempt to store something. What happens to requests is the script of their bucket
(`simulators.buckets`), and may be changed at any time, as may keys and buckets.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from aiohttp import web
from aiohttp.web import BaseRequest, Response, StreamResponse

from simulators.buckets import Bucket, Mishap, Put, Stored
from simulators.signatures import Request, Signature
from simulators.watched import Now, utc_now

KEY_ID, SECRET = "SIMULATED", "simulated-secret"
SLOW_S = 0.5
_RESET = struct.pack("ii", 1, 0)
_NOT_PLAIN = ("delimiter", "uploads", "uploadId", "partNumber", "versions")

# Status and code of what is refused; the text of an answer repeats them.
_ERRORS: Mapping[str, HTTPStatus] = {
    "AccessDenied": HTTPStatus.FORBIDDEN,
    "BucketAlreadyOwnedByYou": HTTPStatus.CONFLICT,
    "IncompleteBody": HTTPStatus.BAD_REQUEST,
    "InternalError": HTTPStatus.INTERNAL_SERVER_ERROR,
    "InvalidAccessKeyId": HTTPStatus.FORBIDDEN,
    "MethodNotAllowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "NoSuchBucket": HTTPStatus.NOT_FOUND,
    "NoSuchKey": HTTPStatus.NOT_FOUND,
    "NotImplemented": HTTPStatus.NOT_IMPLEMENTED,
    "SignatureDoesNotMatch": HTTPStatus.FORBIDDEN,
    "SlowDown": HTTPStatus.SERVICE_UNAVAILABLE,
    "XAmzContentSHA256Mismatch": HTTPStatus.BAD_REQUEST,
}


class Refused(Exception):
    """A request is answered with an error; the text is its code."""


class Cut(Exception):
    """A request has no answer: its connection is reset."""


Answer: TypeAlias = Callable[[BaseRequest, Bucket, str], Awaitable[StreamResponse]]


class Store:
    """Serve buckets to those who sign with a key; ``keys`` are secrets by key id."""

    def __init__(self, *, keys: Mapping[str, str] | None = None, now: Now = utc_now) -> None:
        self.keys = dict(keys or {KEY_ID: SECRET})
        self.buckets: dict[str, Bucket] = {}
        self._now = now
        self._runner: web.AppRunner | None = None
        self._address = ("127.0.0.1", 0)
        self._answers: Mapping[tuple[str, bool], Answer] = {
            ("PUT", True): self._put,
            ("GET", True): self._get,
            ("HEAD", True): self._get,
            ("DELETE", True): self._delete,
            ("PUT", False): self._make,
            ("GET", False): self._list,
            ("HEAD", False): self._look,
        }

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(
        cls, *buckets: str, keys: Mapping[str, str] | None = None, now: Now = utc_now
    ) -> AsyncIterator[Store]:
        """Serve these buckets inside a ``with`` block."""
        store = cls(keys=keys, now=now)
        for name in buckets:
            store.bucket(name)
        await store.listen()
        try:
            yield store
        finally:
            await store.close()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Open the port, 0 for any; what was stored before stays."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._address = self._runner.addresses[0][:2]

    async def close(self) -> None:
        """Hang up on everybody and close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def port(self) -> int:
        """Return the port that is, or was, listened on."""
        return self._address[1]

    @property
    def url(self) -> str:
        """Return the address of the store."""
        return f"http://{self._address[0]}:{self._address[1]}"

    def bucket(self, name: str, *, there: bool = True) -> Bucket:
        """Return a bucket, which is made where nobody has named it yet."""
        return self.buckets.setdefault(name, Bucket(name, there=there))

    @property
    def puts(self) -> list[Put]:
        """Return every attempt to store something, bucket by bucket."""
        return [put for bucket in self.buckets.values() for put in bucket.puts]

    # ---- one request ----

    async def _serve(self, request: BaseRequest) -> StreamResponse:
        name, _, key = unquote(request.raw_path.partition("?")[0])[1:].partition("/")
        bucket = self.buckets.get(name) or Bucket(name, there=False)
        try:
            answer = self._answers.get((request.method, bool(key)), _not_allowed)
            return await answer(request, bucket, key)
        except Refused as refused:
            return _error(str(refused))
        except Cut:
            _cut(request)
            return Response()

    def _admit(self, request: BaseRequest, bucket: Bucket, body: bytes = b"") -> None:
        """Raise Refused unless somebody with a key asks for a bucket that is there."""
        path, _, query = request.raw_path.partition("?")
        asked = Request(request.method, path, query, request.headers)
        signature = Signature.of(asked)
        if signature is None:
            raise Refused("AccessDenied")
        if signature.key_id not in self.keys:
            raise Refused("InvalidAccessKeyId")
        if not signature.fits(asked, self.keys[signature.key_id]):
            raise Refused("SignatureDoesNotMatch")
        claimed = request.headers.get("x-amz-content-sha256", "")
        if len(claimed) == 64 and claimed != sha256(body).hexdigest():
            raise Refused("XAmzContentSHA256Mismatch")
        if claimed.startswith("STREAMING") or any(name in request.query for name in _NOT_PLAIN):
            raise Refused("NotImplemented")
        if not bucket.there:
            raise Refused("NoSuchBucket")

    # ---- objects ----

    async def _put(self, request: BaseRequest, bucket: Bucket, name: str) -> StreamResponse:
        self.buckets.setdefault(bucket.name, bucket)  # what is tried is kept
        put = Put(self._now(), bucket.name, name)
        bucket.puts.append(put)
        mishap = next(bucket.script, None)
        try:
            await _take(request, put, in_part=mishap is Mishap.RESETS)
            self._admit(request, bucket, put.body)
            return await self._store(request, bucket, put, mishap)
        except Refused as refused:
            put.answer = str(refused)
            raise

    async def _store(
        self, request: BaseRequest, bucket: Bucket, put: Put, mishap: Mishap | None
    ) -> StreamResponse:
        put.answer = str(mishap or "ok")

        def store() -> Stored:
            kind = request.headers.get("Content-Type", "")
            stored = bucket.objects[put.name] = Stored(put.body, kind, self._now())
            put.stored = True
            return stored

        if mishap is Mishap.LATE:
            with contextlib.suppress(asyncio.CancelledError):
                await _suffer(Mishap.HANGS)
            store()
            raise Cut
        if mishap is Mishap.LOSES:
            store()
        if instead := await _suffer(mishap):
            return instead
        return Response(headers={"ETag": store().etag})

    async def _get(self, request: BaseRequest, bucket: Bucket, name: str) -> StreamResponse:
        if instead := await self._met(request, bucket):
            return instead
        stored = bucket.objects.get(name)
        if stored is None:
            raise Refused("NoSuchKey")
        headers = {"ETag": stored.etag, "Content-Type": stored.content_type}
        return Response(body=stored.body, headers=headers)

    async def _delete(self, request: BaseRequest, bucket: Bucket, name: str) -> StreamResponse:
        if instead := await self._met(request, bucket):
            return instead
        bucket.objects.pop(name, None)
        return Response(status=204)

    async def _met(self, request: BaseRequest, bucket: Bucket) -> StreamResponse | None:
        """Let happen what is to happen; return the answer if that is one."""
        mishap = next(bucket.script, None)
        self._admit(request, bucket)
        return await _suffer(mishap)

    # ---- buckets ----

    async def _make(self, request: BaseRequest, bucket: Bucket, _: str) -> StreamResponse:
        put = Put(self._now(), bucket.name, "")
        await _take(request, put)
        self._admit(request, Bucket(bucket.name), put.body)
        if bucket.there:
            raise Refused("BucketAlreadyOwnedByYou")
        self.bucket(bucket.name).there = True
        return Response(headers={"Location": f"/{bucket.name}"})

    async def _look(self, request: BaseRequest, bucket: Bucket, _: str) -> StreamResponse:
        return await self._met(request, bucket) or Response()

    async def _list(self, request: BaseRequest, bucket: Bucket, _: str) -> StreamResponse:
        if instead := await self._met(request, bucket):
            return instead
        asked = request.query
        token = asked.get("continuation-token", "")
        after = urlsafe_b64decode(token).decode() if token else asked.get("start-after", "")
        most = min(int(asked.get("max-keys", 1000)), 1000)
        names, more = bucket.listed(asked.get("prefix", ""), after, most)
        return _xml("ListBucketResult", _page(bucket, names, more=more, coded=_coded(request)))


async def _not_allowed(_request: BaseRequest, _bucket: Bucket, _name: str) -> StreamResponse:
    raise Refused("MethodNotAllowed")


def _coded(request: BaseRequest) -> bool:
    return request.query.get("encoding-type") == "url"


def _page(bucket: Bucket, names: list[str], *, more: bool, coded: bool) -> str:
    """Return the inside of one page of a listing."""
    parts = [f"<Name>{escape(bucket.name)}</Name><KeyCount>{len(names)}</KeyCount>"]
    parts += ["<EncodingType>url</EncodingType>"] if coded else []
    parts.append(f"<IsTruncated>{str(more).lower()}</IsTruncated>")
    if more and names:
        token = urlsafe_b64encode(names[-1].encode()).decode()
        parts.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
    for name in names:
        stored = bucket.objects[name]
        shown = quote(name, safe="/~") if coded else escape(name)
        parts.append(
            f"<Contents><Key>{shown}</Key><Size>{len(stored.body)}</Size>"
            f"<ETag>{escape(stored.etag)}</ETag>"
            f"<LastModified>{stored.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
        )
    return "".join(parts)


async def _take(request: BaseRequest, put: Put, *, in_part: bool = False) -> None:
    """Read the body, or the first half of it and be cut off then."""
    length = int(request.headers.get("Content-Length", 0))
    most = length // 2 if in_part else length
    while len(put.body) < most and (piece := await request.content.read(most - len(put.body))):
        put.body += piece
    if in_part:
        put.answer = Mishap.RESETS
        raise Cut
    if len(put.body) < length:
        raise Refused("IncompleteBody")
    put.whole = True


async def _suffer(mishap: Mishap | None) -> StreamResponse | None:
    """Answer something else, later, or not at all, where that is what happens."""
    return None if mishap is None else await _SUFFERED[mishap]()


async def _refuse(code: str) -> StreamResponse:
    raise Refused(code)


async def _reset() -> StreamResponse:
    raise Cut


async def _hang() -> StreamResponse:
    await asyncio.Future()  # ends with the connection
    raise Cut


async def _garble() -> StreamResponse:
    return Response(text="<html>Welcome to the hotel's network", content_type="text/html")


async def _dawdle() -> None:
    await asyncio.sleep(SLOW_S)


_SUFFERED: Mapping[Mishap, Callable[[], Awaitable[StreamResponse | None]]] = {
    Mishap.FAILS: lambda: _refuse("InternalError"),
    Mishap.SLOW_DOWN: lambda: _refuse("SlowDown"),
    Mishap.GARBAGE: _garble,
    Mishap.HANGS: _hang,
    Mishap.LATE: _hang,
    Mishap.RESETS: _reset,
    Mishap.LOSES: _reset,
    Mishap.SLOW: _dawdle,
}


def _error(code: str) -> Response:
    return _xml("Error", f"<Code>{code}</Code><Message>{code}</Message>", _ERRORS[code])


def _xml(kind: str, inside: str, status: int = 200) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind}>{inside}</{kind}>'
    return Response(text=text, status=status, content_type="application/xml")


def _cut(request: BaseRequest) -> None:
    if request.transport is not None:
        own = request.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        request.transport.abort()
