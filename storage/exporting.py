"""
Export one organization's log to one sink: every record once, in order, from the sink's cursor on.

What makes up an object is written down before it is stored (R-5). Whatever happens then, the same
bytes are stored under the same name until that is known to have worked; so the bucket's listing
holds every record once, and nothing but the position has to be kept in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeAlias

import structlog

from storage.batches import Span, batch_of, next_span
from storage.bus import Bus
from storage.clock import Clock
from storage.errors import StorageError
from storage.packing import Body, body_of
from storage.records import Message, SinkBatch, SinkRecord
from storage.repositories.sinks import Sinks
from storage.sink_options import SinkOptions
from storage.sinks.errors import SinkError, SinkRefused
from storage.sinks.port import Sink

log = structlog.get_logger("ringmain.export")

# A message as one line, without its line feed; with a key, tokens are hashed with it.
Render: TypeAlias = Callable[[Message, bytes | None], bytes]
Open: TypeAlias = Callable[[SinkRecord], Awaitable[Sink]]

BUSY = "The database is not available; what is to be exported waits there."
LATE = "The store did not take an object in time; it will be tried again."
WRONG = "Something went wrong here; it has been logged, and will be tried again."
GONE = "The connector was deleted."
# How often in a row a store may be away before that is called an error.
_PATIENCE = 3
# How long a store may take to let go (s): who changes or ends an export waits for it.
_CLOSING = 2.0
# How many exports read at a time, and how many have an object in memory until it is stored. Those
# in trouble have places of their own: however long their stores hang, the others go on.
_READING, _STORING = 4, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportParts:
    """What exports work with; pauses after failures in s, each up to a fifth longer or shorter."""

    sinks: Sinks
    bus: Bus
    open_sink: Open
    render: Render
    clock: Clock
    random: Callable[[], float]
    first_pause: float = 1.0
    longest_pause: float = 60.0
    # A store has deadlines of its own; this is for one that does not keep them.
    longest_put: float = 300.0
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READING))
    storing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STORING))
    retrying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STORING))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing is stored at the moment, and since which attempt."""

    reason: str
    at: datetime
    attempts: int
    refused: bool

    @property
    def lasting(self) -> bool:
        """Tell whether somebody should know."""
        return self.refused or self.attempts >= _PATIENCE


class Export:
    """One sink's export; `run` is its one task."""

    def __init__(self, sink: SinkRecord, parts: ExportParts) -> None:
        self.sink = sink
        self._parts = parts
        self._options = SinkOptions.of(sink.configuration)
        self._flow = parts.bus.flow(sink.organization_uuid)
        self._store: Sink | None = None
        self._seen: tuple[int, float] | None = None  # the oldest record, and when it was seen
        self._again = asyncio.Event()
        self.trouble: Trouble | None = None

    def retry(self) -> None:
        """Try again at once, because there is hope."""
        self._again.set()

    async def run(self) -> None:
        """Export until cancelled; what goes wrong is told by `trouble` and tried again."""
        try:
            while not _is_told_to_end():  # a store may not have heard
                self._again.clear()
                try:
                    await self._one_object()
                    self.trouble = None
                except (Exception, asyncio.CancelledError) as failure:
                    if _is_told_to_end():
                        raise
                    await self._recover(failure)
        finally:
            await self._let_go()

    async def _one_object(self) -> None:
        parts, sink = self._parts, self.sink
        await parts.bus.settled()
        batch = await parts.sinks.batch(sink.id) or await self._begun()
        async with parts.retrying if self.trouble else parts.storing:
            body = await self._body(batch)
            if body.records:  # else nothing is kept of it; it may have been stored long ago
                await self._put(batch.object_name, body.octets)
        stored = replace(batch, records=body.records)
        await parts.sinks.finish(sink.id, stored, len(body.octets), parts.clock.now())

    async def _put(self, name: str, octets: bytes) -> None:
        async with asyncio.timeout(self._parts.longest_put):
            if self._store is None:
                self._store = await self._parts.open_sink(self.sink)
            await self._store.put(name, octets)

    # ---- what to store ----

    async def _begun(self) -> SinkBatch:
        """Wait until there is enough for an object, and write down what makes it up."""
        progress = await self._parts.sinks.progress(self.sink.id)
        if progress is None:
            raise SinkRefused(GONE)
        span = await self._enough(progress.position)
        batch = batch_of(span, self.sink)
        await self._parts.sinks.begin(self.sink, batch)
        return batch

    async def _enough(self, position: int) -> Span:
        while True:
            come = self._flow.octets
            await self._parts.bus.settled()  # what has come by now is there to be read, or lost
            async with self._parts.reading:
                pages = self._parts.bus.sizes(self.sink.organization_uuid, position)
                span = await next_span(pages, self._options.flush_bytes)
            left = self._left(span) if span else None
            if span and (span.full or not left):
                return span
            self.trouble = None  # nothing is left undone
            more = self._options.flush_bytes - span.octets if span else 1
            await self._come(come + more, left)

    def _left(self, span: Span) -> float:
        """Return for how many s the oldest record may still wait, however the clock is set."""
        now = asyncio.get_running_loop().time()
        if self._seen is None or self._seen[0] != span.first:
            self._seen = (span.first, now)
        age = (self._parts.clock.now() - span.oldest).total_seconds()
        return max(self._options.flush_seconds - max(age, now - self._seen[1]), 0.0)

    async def _come(self, octets: int, seconds: float | None) -> None:
        """Wait until so many bytes have come, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._flow.reach(octets)

    async def _body(self, batch: SinkBatch) -> Body:
        """Return the object of a batch: the same bytes each time."""
        key = bytes.fromhex(self.sink.token_key) if batch.hash_tokens else None
        line = partial(_rendered, self._parts.render, key)
        async with self._parts.reading:
            bus, organization = self._parts.bus, self.sink.organization_uuid
            body = await body_of(bus.read(organization, batch.first - 1, batch.last), line)
        if missing := batch.records - body.records:
            log.warning("records_gone", sink=self.sink.id, missing=missing)
        return body

    # ---- failures ----

    async def _recover(self, failure: BaseException) -> None:
        """Note what went wrong, and wait before the next attempt."""
        if not isinstance(failure, SinkError):
            await self._let_go()  # who knows what state it is in
        reason, attempts = _reason(failure), self.trouble.attempts + 1 if self.trouble else 1
        refused = isinstance(failure, SinkRefused)
        self.trouble = Trouble(reason, self._parts.clock.now(), attempts, refused)
        log.warning("export_waits", sink=self.sink.id, reason=reason, attempts=attempts)
        pause = min(self._parts.first_pause * 2 ** min(attempts - 1, 30), self._parts.longest_pause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause * (0.8 + 0.4 * self._parts.random())):
                await self._again.wait()

    async def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is None:
            return
        try:
            async with asyncio.timeout(_CLOSING):
                await store.close()
        except (Exception, asyncio.CancelledError) as fault:  # it is of no use any more
            log.warning("sink_not_closed", sink=self.sink.id, fault=type(fault).__name__)
            if isinstance(fault, asyncio.CancelledError) and _is_told_to_end():
                raise


def _rendered(render: Render, key: bytes | None, message: Message) -> bytes:
    return render(message, key)


def _reason(failure: BaseException) -> str:
    if isinstance(failure, SinkError):
        return str(failure)
    if isinstance(failure, StorageError):
        return BUSY
    if isinstance(failure, TimeoutError):
        return LATE
    log.error("export_failed", fault=type(failure).__name__)
    return WRONG


def _is_told_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
