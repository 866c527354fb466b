"""Run an export for each enabled sink, from its creation to its end, and tell how it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from storage.batches import probe_of
from storage.exporting import Export, ExportParts, packed
from storage.records import SinkProgress, SinkRecord
from storage.tenancy import on_behalf_of

State = Literal["running", "disabled", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """How a sink is; the lag is what is in the log and not in the bucket, and its age in s."""

    state: State
    progress: SinkProgress
    lag_records: int
    lag_seconds: float
    last_error: str | None
    last_error_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Running:
    export: Export
    task: asyncio.Task[None]


class Exporter:
    """The exports of all organizations: one task for each enabled sink."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self._running: dict[str, _Running] = {}
        self._changing = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Exporter]:
        """Export until the context ends; raise StorageError where sinks cannot be read."""
        for sink in await self._parts.sinks.enabled():
            self._start(sink)
        try:
            yield self
        finally:
            for id in list(self._running):
                await self._stop(id)

    async def configure(self, organization_uuid: str, id: str) -> None:
        """Take up a sink as it is stored now, which may be not at all."""
        async with self._changing:
            await self._stop(id)
            sink = await self._parts.sinks.get(organization_uuid, id)
            if sink is not None and sink.enabled:
                self._start(sink)

    async def status(self, sink: SinkRecord) -> SinkStatus:
        """Tell how a sink is; raise StorageError."""
        progress = await self._parts.sinks.progress(sink.id) or SinkProgress(position=0)
        backlog = await self._parts.bus.backlog(sink.organization_uuid, progress.position)
        running = self._running.get(sink.id)
        trouble = running.export.trouble if running else None
        late = (self._parts.clock.now() - backlog.oldest).total_seconds() if backlog.oldest else 0.0
        lasting = trouble is not None and trouble.lasting
        return SinkStatus(
            state="error" if lasting else "running" if sink.enabled else "disabled",
            progress=progress,
            lag_records=backlog.records,
            lag_seconds=max(late, 0.0),
            last_error=trouble.reason if trouble else None,
            last_error_at=trouble.at if trouble else None,
        )

    async def test(self, sink: SinkRecord) -> None:
        """Store one object and remove it, beside the export; raise SinkError."""
        store = await self._parts.open_sink(sink)
        try:
            await store.put(probe_of(sink), packed("A test of Ringmain; it can be removed.\n"))
            await store.delete(probe_of(sink))
        finally:
            await store.close()
        if running := self._running.get(sink.id):
            running.export.retry()

    def _start(self, sink: SinkRecord) -> None:
        export = Export(sink, self._parts)
        with on_behalf_of(sink.organization_uuid):
            task = asyncio.create_task(export.run(), name=f"export {sink.id}")
        self._running[sink.id] = _Running(export, task)

    async def _stop(self, id: str) -> None:
        if running := self._running.pop(id, None):
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
