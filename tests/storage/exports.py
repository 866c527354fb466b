"""A journal of some organizations, their sinks, and the bucket behind these."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from storage.bus import JournalBus
from storage.database import Database
from storage.exporter import Exporter, SinkStatus
from storage.exporting import ExportParts, Trouble
from storage.group_commit import GroupCommit
from storage.journal import Journal, Receipt
from storage.records import ChargerKey, Message, SinkRecord
from storage.repositories.organizations import Organizations
from storage.repositories.sinks import Sinks
from storage.secrets import Sealer
from tests.storage import records
from tests.storage.doubles import PATIENCE, HandClock
from tests.storage.sinks.doubles import Bucket

OURS = "organization-a"


def render(message: Message, key: bytes | None) -> bytes:
    """Write a message's position; hashed, if that."""
    return b"%d" % message.seq if key is None else b"hashed %d" % message.seq


def sealer() -> Sealer:
    return Sealer({b"abcd": bytes(32)}, b"abcd")


class Stage:
    """What exports work with, and the world around them; every sink leads to one bucket."""

    def __init__(self, database: Database, journal: Journal, clock: HandClock) -> None:
        self.database = database
        self.journal = journal
        self.clock = clock
        self.bucket = Bucket()
        self.parts = ExportParts(
            sinks=Sinks(database, sealer()),
            bus=JournalBus(database, journal),
            open_sink=self._open,
            render=render,
            clock=clock,
            random=lambda: 0.5,
            first_pause=0.01,
            longest_pause=0.05,
        )
        self.exporter = Exporter(self.parts)

    async def _open(self, sink: SinkRecord) -> Bucket:
        return await self.bucket.open(sink)

    async def organization(self, organization_uuid: str = OURS) -> None:
        await Organizations(self.database, self.clock, lambda: organization_uuid).create("Depot")

    # ---- what is said ----

    def say(
        self, count: int = 1, frame: bytes = b"[2]", organization_uuid: str = OURS
    ) -> list[Receipt]:
        key = ChargerKey(organization_uuid, "CP-1")
        said = (key, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", frame)
        return [self.journal.append(*said) for _ in range(count)]  # type: ignore[arg-type] # as they are declared

    async def past(self, count: int = 1, **interval: float) -> None:
        """Have something said, and time go by."""
        self.say(count)
        await self.journal.flush()
        self.clock.pass_time(**interval or {"seconds": 2})

    # ---- sinks ----

    async def sink(self, id: str = "sink-1", *, earliest: bool = False, **more: Any) -> SinkRecord:
        sink = records.sink(OURS, id, **{"flush_seconds": 1, **more})
        await self.parts.sinks.create(sink, earliest=earliest)
        return sink

    def trouble(self, sink: SinkRecord) -> Trouble | None:
        """Return what is wrong with a sink's export, if it has begun."""
        export = self.exporter._exports.get(sink.id)
        return export.trouble if export else None

    async def change(self, sink: SinkRecord, *, enabled: bool = True, **more: Any) -> SinkRecord:
        """Change a sink as its owner does it."""
        changed = replace(sink, enabled=enabled, configuration={**sink.configuration, **more})
        assert await self.parts.sinks.replace(changed)
        await self.exporter.configure(sink.organization_uuid, sink.id)
        return changed

    async def until(self, sink: SinkRecord, **wanted: Any) -> SinkStatus:
        """Wait until a sink is like this; nothing behind it, if nothing is said."""
        wanted = wanted or {"lag_records": 0}
        async with asyncio.timeout(PATIENCE):
            while True:
                status = await self.exporter.status(sink)
                if all(getattr(status, name) == value for name, value in wanted.items()):
                    return status
                await asyncio.sleep(0.001)


@pytest.fixture
async def stage(
    database: Database, group: GroupCommit, journal: Journal, clock: HandClock
) -> AsyncIterator[Stage]:
    """Return an installation of one organization."""
    stage = Stage(database, journal, clock)
    await stage.organization()
    yield stage
    stage.bucket.takes.set()
    stage.bucket.closes.set()
