"""One export: every record once, in order, whatever the store does."""

from __future__ import annotations

import asyncio

import pytest

from storage.bus import JournalBus
from storage.database import Database
from storage.exporter import Exporter
from storage.exporting import ExportParts
from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.records import ChargerKey, Message, SinkRecord
from storage.repositories.organizations import Organizations
from storage.repositories.sinks import Sinks
from storage.secrets import Sealer
from storage.sinks.errors import SinkRefused, SinkUnavailable
from tests.storage.doubles import NOON, HandClock
from tests.storage.sinks.doubles import Bucket


def render(message: Message, _key: bytes | None) -> bytes:
    return b"%d" % message.seq


class Stage:
    """A journal of one organization, its sink, and the bucket behind it."""

    def __init__(self, parts: ExportParts, journal: Journal, organization_uuid: str) -> None:
        self.parts = parts
        self.journal = journal
        self.organization_uuid = organization_uuid
        self.bucket = Bucket()
        self.exporter = Exporter(parts)

    def say(self, count: int = 1, frame: bytes = b"[2]", charger: str = "CP-1") -> None:
        key = ChargerKey(self.organization_uuid, charger)
        for _ in range(count):
            self.journal.append(key, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", frame)

    async def sink(self, *, earliest: bool = False, **configuration: object) -> SinkRecord:
        sink = SinkRecord(
            id="sink-1",
            organization_uuid=self.organization_uuid,
            name="lake",
            type="aws_s3",
            configuration={"flush_seconds": 1, **configuration},
            credentials={"secret": "canary"},
            token_key="00" * 32,
            inserted_at=NOON,
            updated_at=NOON,
        )
        await self.parts.sinks.create(sink, earliest=earliest)
        return sink


@pytest.fixture
async def stage(
    database: Database, group: GroupCommit, journal: Journal, clock: HandClock
) -> Stage:
    organization = await Organizations(database, clock, lambda: "organization-a").create("Depot")
    sealer = Sealer({b"abcd": bytes(32)}, b"abcd")
    stages: list[Stage] = []

    async def open_sink(_sink: SinkRecord) -> Bucket:
        return stages[0].bucket

    parts = ExportParts(
        sinks=Sinks(database, sealer),
        bus=JournalBus(database, journal),
        open_sink=open_sink,
        render=render,
        clock=clock,
        random=lambda: 0.5,
        first_pause=0.01,
        longest_pause=0.05,
    )
    stages.append(Stage(parts, journal, organization.organization_uuid))
    return stages[0]


async def test_records_appear_when_the_oldest_is_old_enough(stage: Stage, clock: HandClock) -> None:
    await stage.sink()
    async with stage.exporter.running():
        stage.say(3)
        await stage.journal.flush()
        clock.pass_time(seconds=2)
        await stage.bucket.until(lambda: len(stage.bucket.lines()) == 3)

    [name] = stage.bucket.objects
    assert name == "organization=organization-a/date=2026-03-01/hour=12/sink-1-1-3.jsonl.gz"


async def test_what_failed_is_stored_under_the_same_name(stage: Stage, clock: HandClock) -> None:
    sink = await stage.sink(earliest=True)
    stage.say(5)
    await stage.journal.flush()
    stage.bucket.faults.extend(
        [(SinkUnavailable(), False), (SinkUnavailable(), True), (SinkRefused("No bucket."), False)]
    )
    clock.pass_time(seconds=2)
    async with stage.exporter.running():
        await stage.bucket.until(lambda: len(stage.bucket.puts) == 4)
        await settled(stage, sink)

    assert stage.bucket.lines() == [b"1", b"2", b"3", b"4", b"5"]
    assert len(set(stage.bucket.puts)) == 1


async def settled(stage: Stage, sink: SinkRecord) -> None:
    """Wait until everything that was said is noted as stored."""
    async with asyncio.timeout(10):
        while (await stage.exporter.status(sink)).lag_records:
            pass
