"""
Serve streams of events: text/event-stream, as browsers and `curl -N` read them.

A stream costs one task and no more memory than one event and what a socket holds, whether or not
its client reads. Its credential is asked for again at every pulse; it ends with an event that says
why, unless the client is gone or does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from aiohttp import web

from api.answers import ALWAYS
from api.auth import still_let_in
from api.callers import Caller
from api.errors import TooMany, Unavailable, told_of
from api.parts import CALLER
from api.server import Conversation
from storage.errors import StorageUnavailable

HEADERS = {
    **ALWAYS,
    "Content-Type": "text/event-stream; charset=utf-8",
    # A reverse proxy would keep events back until it has a buffer full of them.
    "X-Accel-Buffering": "no",
}
_ALIVE, _AWAY = b": alive\n\n", b": the database is away\n\n"
_LINE_END = re.compile(rb"\r\n|\r|\n")
# Events, each of them whole.
Source: TypeAlias = AsyncGenerator[bytes, None]
# What the client is told of why a stream ends; None where there is nothing to tell.
_Reason: TypeAlias = dict[str, str] | None


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams there may be at a time, and how patient they are, in s."""

    of_caller: int = 16
    # Whoever makes keys without end leaves room for the others.
    of_organization: int = 128
    of_all: int = 256
    # Between two signs of life; as long may somebody listen whose key was revoked.
    pulse: float = 15.0
    # How long a client may read nothing of what waits for it.
    patience: float = 30.0


class Streams:
    """The streams that are open."""

    def __init__(self, limits: StreamLimits) -> None:
        self.limits = limits
        self.ending = asyncio.Event()
        self._open: Counter[tuple[str, str]] = Counter()  # by organization and who

    def __len__(self) -> int:
        return self._open.total()

    @contextlib.contextmanager
    def one(self, caller: Caller) -> Iterator[None]:
        """Have room for one more stream of a caller; raise TooMany or Unavailable."""
        self._require_room(caller)
        holder = (caller.organization_uuid, caller.actor)
        self._open[holder] += 1
        try:
            yield
        finally:
            self._open[holder] -= 1
            if not self._open[holder]:
                del self._open[holder]

    def _require_room(self, caller: Caller) -> None:
        limits, open_ = self.limits, self._open
        of_caller = sum(n for (_, actor), n in open_.items() if actor == caller.actor)
        organization = caller.organization_uuid
        of_organization = sum(n for (uuid, _), n in open_.items() if uuid == organization)
        soon = max(1, round(limits.pulse))
        if of_caller >= limits.of_caller:
            told = f"At most {limits.of_caller} streams at a time: close one of them."
            raise TooMany(told, retry_after=soon)
        if of_organization >= limits.of_organization:
            told = f"At most {limits.of_organization} streams at a time for an organization."
            raise TooMany(told, retry_after=soon)
        if len(self) >= limits.of_all:
            raise Unavailable("All streams of this server are taken; come again in some seconds.")

    async def end(self, _app: web.Application) -> None:
        """End all streams, because the server ends."""
        self.ending.set()


STREAMS = web.AppKey("STREAMS", Streams)


def event(name: str, data: Any, id: int | None = None) -> bytes:
    """Return one event."""
    place = b"" if id is None else b"id: %d\n" % id
    # A payload is told as it was on the wire, which may have been several lines.
    lines = b"\ndata: ".join(_LINE_END.split(orjson.dumps(data)))
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), place, lines)


async def stream(request: web.Request, source: Source) -> web.StreamResponse:
    """Answer with what a source yields, until it ends or somebody has to end it."""
    streams = request.app[STREAMS]
    with streams.one(request[CALLER]):
        response = web.StreamResponse(headers=HEADERS)
        response.force_close()
        async with contextlib.aclosing(source):
            await response.prepare(request)
            await _Stream(request, response, streams).run(source)
    return response


class _Stream:
    """One stream to one client."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, streams: Streams
    ) -> None:
        self._request = request
        self._response = response
        self._streams = streams

    async def run(self, source: Source) -> None:
        """Send until there is a reason to end."""
        conversation = self._request.protocol
        assert isinstance(conversation, Conversation)  # noqa: S101 - nothing else is served
        reasons = (
            self._feed(source),
            self._pulse(),
            self._end_of_all(),
            _gone(conversation),
        )
        why = await _first(*reasons)
        if why and not conversation.gone.is_set():
            with contextlib.suppress(ConnectionError):
                await self._write(event("end", why))

    async def _feed(self, source: Source) -> _Reason:
        try:
            await self._write(_ALIVE)
            async for events in source:
                await self._write(events)
        except ConnectionError:
            return None
        except Exception as fault:  # noqa: BLE001 - its client is told, as of any other answer
            return told_of(fault)
        return None

    async def _pulse(self) -> _Reason:
        """Give signs of life, and see whether the client may go on listening."""
        while True:
            await asyncio.sleep(self._streams.limits.pulse)
            sign = _ALIVE
            try:
                await still_let_in(self._request)
            except StorageUnavailable:  # nothing is committed that could be told
                sign = _AWAY
            except Exception as refusal:  # noqa: BLE001 - as above; it may be a fault of ours
                return told_of(refusal)
            try:
                await self._write(sign)
            except ConnectionError:
                return None

    async def _end_of_all(self) -> _Reason:
        await self._streams.ending.wait()
        return told_of(Unavailable("The server is ending; come again in some seconds."))

    async def _write(self, events: bytes) -> None:
        """Send events; raise ConnectionError where the client is gone or does not read."""
        try:
            async with asyncio.timeout(self._streams.limits.patience):
                await self._response.write(events)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionError("The client does not read.") from None


async def _gone(conversation: Conversation) -> _Reason:
    await conversation.gone.wait()
    return None


async def _first(*reasons: Coroutine[Any, Any, _Reason]) -> _Reason:
    """Return the first reason to end; nobody waits for the others any more."""
    tasks = [asyncio.create_task(reason) for reason in reasons]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
