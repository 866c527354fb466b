"""
Export one organization's log to one sink: every record once, in order, from the sink's cursor on.

What makes up an object is written down before it is stored (R-5). Whatever happens then, the same
bytes are stored under the same name until that is known to have worked; so the bucket's listing
holds every record once, and nothing but the position has to be kept in memory.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import structlog

from storage.batches import Span, batch_of, next_span
from storage.bus import Bus
from storage.clock import Clock
from storage.errors import StorageError
from storage.records import Message, SinkBatch, SinkRecord
from storage.repositories.sinks import Sinks
from storage.sink_options import SinkOptions
from storage.sinks.errors import SinkError, SinkRefused
from storage.sinks.port import Sink

log = structlog.get_logger("ringmain.export")

# A message as one line, without its line feed; with a key, tokens are hashed with it.
Render: TypeAlias = Callable[[Message, bytes | None], bytes]
Open: TypeAlias = Callable[[SinkRecord], Awaitable[Sink]]

GZIP = 31  # window bits: with the header of gzip, whose time is 0
BUSY = "The database is not available; what is to be exported waits there."
# How often in a row a store may be away before that is called an error.
_PATIENCE = 3


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
        self._sink = sink
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
            while True:
                try:
                    await self._one_object()
                    self.trouble = None
                except SinkError as failure:
                    await self._rest(str(failure), refused=isinstance(failure, SinkRefused))
                except StorageError:
                    await self._rest(BUSY)
                except Exception as fault:  # noqa: BLE001 - it must not end for good
                    log.error("export_failed", sink=self._sink.id, fault=type(fault).__name__)
                    await self._rest("Something went wrong here; it has been logged.")
        finally:
            if self._store is not None:
                await self._store.close()

    async def _one_object(self) -> None:
        parts, sink = self._parts, self._sink
        batch = await parts.sinks.batch(sink.id) or await self._begun()
        body = await self._body(batch)
        if self._store is None:
            self._store = await parts.open_sink(sink)
        await self._store.put(batch.object_name, body)
        await parts.sinks.finish(sink.id, batch, len(body), parts.clock.now())

    # ---- what to store ----

    async def _begun(self) -> SinkBatch:
        """Wait until there is enough for an object, and write down what makes it up."""
        progress = await self._parts.sinks.progress(self._sink.id)
        span = await self._enough(progress.position if progress else 0)
        batch = batch_of(span, self._sink)
        await self._parts.sinks.begin(self._sink, batch)
        return batch

    async def _enough(self, position: int) -> Span:
        while True:
            come = self._flow.octets
            await self._parts.bus.settled()  # what has come by now is there to be read, or lost
            pages = self._parts.bus.sizes(self._sink.organization_uuid, position)
            span = await next_span(pages, self._options.flush_bytes)
            if span is None:
                await self._flow.reach(come + 1)
            elif span.full or not (left := self._left(span)):
                return span
            else:
                await self._wait(come + self._options.flush_bytes - span.octets, left)

    def _left(self, span: Span) -> float:
        """Return for how many s the oldest record may still wait, however the clock is set."""
        now = asyncio.get_running_loop().time()
        if self._seen is None or self._seen[0] != span.first:
            self._seen = (span.first, now)
        age = (self._parts.clock.now() - span.oldest).total_seconds()
        return max(self._options.flush_seconds - max(age, now - self._seen[1]), 0.0)

    async def _wait(self, octets: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._flow.reach(octets)
        except TimeoutError:
            return

    async def _body(self, batch: SinkBatch) -> bytes:
        """Return the object of a batch: the same bytes each time."""
        key = bytes.fromhex(self._sink.token_key) if batch.hash_tokens else None
        packer, packed, records = zlib.compressobj(wbits=GZIP), [], 0
        pages = self._parts.bus.read(self._sink.organization_uuid, batch.first - 1, batch.last)
        async for page in pages:
            lines = [self._parts.render(message, key) for message in page]
            packed.append(packer.compress(b"\n".join(lines) + b"\n"))
            records += len(lines)
        if records != batch.records:
            log.warning("records_gone", sink=self._sink.id, missing=batch.records - records)
        return b"".join([*packed, packer.flush()])

    # ---- failures ----

    async def _rest(self, reason: str, *, refused: bool = False) -> None:
        attempts = self.trouble.attempts + 1 if self.trouble else 1
        self.trouble = Trouble(reason, self._parts.clock.now(), attempts, refused)
        log.warning("export_waits", sink=self._sink.id, reason=reason, attempts=attempts)
        pause = min(self._parts.first_pause * 2 ** min(attempts - 1, 30), self._parts.longest_pause)
        self._again.clear()
        await self._sleep(pause * (0.8 + 0.4 * self._parts.random()))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            return


def packed(text: Any) -> bytes:
    """Return a text as a gzip file, the same each time."""
    packer = zlib.compressobj(wbits=GZIP)
    return packer.compress(text.encode()) + packer.flush()
