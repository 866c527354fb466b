"""Run an export for each enabled sink, from its creation to its end, and tell how it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

import structlog

from storage.errors import StorageError
from storage.exporting import Export, ExportParts
from storage.records import SinkProgress, SinkRecord
from storage.sink_probe import Step, probe
from storage.tenancy import on_behalf_of

log = structlog.get_logger("ringmain.export")

State = Literal["running", "disabled", "error"]
# How long an export may take to end (s); one that does not is left to itself. It can only store
# what is to be stored anyway.
_ENDING = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStatus:
    """How a sink is; the lag is what is in the log and not in the bucket, and its age in s."""

    state: State
    progress: SinkProgress
    lag_records: int
    lag_seconds: float
    last_error: str | None
    last_error_at: datetime | None


class Exporter:
    """The exports of all organizations: one task for each enabled sink."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self._exports: dict[str, Export] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[asyncio.Task[None], str] = {}  # those that were told to, and of what

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Exporter]:
        """Export until the context ends; raise StorageError where sinks cannot be read."""
        for sink in await self._parts.sinks.enabled():
            self._start(sink.organization_uuid, sink.id, self._export(sink))
        try:
            yield self
        finally:
            for id in list(self._tasks):
                self._dismissed(id)
            await _ended(list(self._ending))

    async def configure(self, organization_uuid: str, id: str) -> None:
        """Take up a sink as it is stored now, which may be not at all.

        When this returns, nothing is stored any more as it was before. Cancelled or not, the sink
        is taken up.
        """
        before = self._dismissed(id)
        self._start(organization_uuid, id, self._take_up(organization_uuid, id, before))
        await _ended(before)

    @property
    def sinks(self) -> tuple[SinkRecord, ...]:
        """Return the sinks that are exported to."""
        return tuple(export.sink for export in self._exports.values())

    async def status(self, sink: SinkRecord) -> SinkStatus:
        """Tell how a sink is; raise StorageError.

        The lag is what was behind the told position at one moment: both only ever grow.
        """
        progress = await self._parts.sinks.progress(sink.id) or SinkProgress(position=0)
        backlog = await self._parts.bus.backlog(sink.organization_uuid, progress.position)
        export = self._exports.get(sink.id)
        trouble = export.trouble if export else None
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

    async def test(self, sink: SinkRecord) -> list[Step]:
        """Store one object and remove it, beside the export, and tell each step."""
        steps = await probe(self._parts.open_sink, sink)
        if all(step.ok for step in steps) and (export := self._exports.get(sink.id)):
            export.retry()
        return steps

    # ---- tasks ----

    def _start(self, organization_uuid: str, id: str, work: Coroutine[Any, Any, None]) -> None:
        with on_behalf_of(organization_uuid):
            task = self._tasks[id] = asyncio.create_task(work, name=f"export {id}")
        task.add_done_callback(partial(self._forget, id))

    def _dismissed(self, id: str) -> list[asyncio.Task[None]]:
        """Tell an export to end, and return all of this sink that have yet to."""
        self._exports.pop(id, None)
        task = self._tasks.pop(id, None)
        if task is not None:
            self._ending[task] = id
            task.cancel()
        return [ending for ending, of in self._ending.items() if of == id]

    def _forget(self, id: str, task: asyncio.Task[None]) -> None:
        told = self._ending.pop(task, None)
        if self._tasks.get(id) is task:  # there is nothing to export
            del self._tasks[id]
        if not task.cancelled() and (fault := task.exception()):
            (log.info if told else log.error)("export_ended", fault=type(fault).__name__)

    async def _take_up(
        self, organization_uuid: str, id: str, before: Sequence[asyncio.Task[None]]
    ) -> None:
        await _ended(before)
        sink = await self._stored(organization_uuid, id)
        if sink is not None and sink.enabled:
            await self._export(sink)

    async def _export(self, sink: SinkRecord) -> None:
        export = self._exports[sink.id] = Export(sink, self._parts)
        await export.run()

    async def _stored(self, organization_uuid: str, id: str) -> SinkRecord | None:
        while True:
            try:
                return await self._parts.sinks.get(organization_uuid, id)
            except StorageError as unavailable:
                log.warning("sink_not_read", sink=id, reason=str(unavailable))
                await asyncio.sleep(self._parts.first_pause)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until tasks have ended, but not for good."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_ENDING)
        for task in late:
            log.error("export_does_not_end", export=task.get_name())
