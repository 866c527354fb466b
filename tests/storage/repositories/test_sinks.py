"""Sinks are stored with their secrets sealed, and what is stored is counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.errors import Conflict, SealBroken, StorageError
from storage.records import SinkBatch, SinkProgress
from storage.repositories.organizations import Organizations
from storage.repositories.sinks import Sinks
from storage.secrets import Sealer
from storage.sink_schema import sink_batches, sink_cursors
from storage.sink_schema import sinks as table
from tests.storage.doubles import NOON, HandClock
from tests.storage.exports import OURS, sealer
from tests.storage.records import sink

FIRST = SinkBatch(first=1, last=5, records=3, object_name="first", hash_tokens=True)
SECOND = replace(FIRST, first=7, last=9, records=2, object_name="second", hash_tokens=False)


@pytest.fixture
async def sinks(database: Database, clock: HandClock) -> Sinks:
    for name in (OURS, "organization-b"):
        await Organizations(database, clock, lambda name=name: name).create("Depot")  # type: ignore[misc] # the name of now
    return Sinks(database, sealer())


async def test_a_sink_is_what_it_was_and_its_secrets_are_sealed(
    sinks: Sinks, database: Database
) -> None:
    record = sink(OURS, prefix="a", flush_seconds=5)
    await sinks.create(record, earliest=True)

    assert await sinks.get(OURS, record.id) == record
    assert await sinks.enabled() == [record]
    assert await sinks.list(OURS) == [record]
    [row] = await database.fetch(select(table))
    assert b"canary" not in row["credentials"]
    assert record.token_key.encode() not in row["token_key"]
    assert "canary" not in repr(record)

    with pytest.raises(SealBroken):
        await Sinks(database, Sealer({b"efgh": bytes(32)}, b"efgh")).get(OURS, record.id)


async def test_a_name_is_unique_in_its_organization(sinks: Sinks) -> None:
    first, second = sink(OURS, "one"), sink(OURS, "two")
    await sinks.create(first, earliest=True)
    await sinks.create(second, earliest=True)
    await sinks.create(
        replace(first, id="three", organization_uuid="organization-b"), earliest=True
    )

    with pytest.raises(Conflict):
        await sinks.create(replace(first, id="four"), earliest=True)
    with pytest.raises(Conflict):
        await sinks.replace(replace(second, name=first.name))
    assert await sinks.progress("four") is None
    assert [each.id for each in await sinks.list(OURS)] == ["one", "two"]
    assert [each.id for each in await sinks.list(OURS, 1, "one")] == ["two"]
    assert [await sinks.count(each) for each in (OURS, "organization-b", "none")] == [2, 1, 0]


async def test_only_its_organization_sees_and_changes_a_sink(sinks: Sinks) -> None:
    record = sink(OURS)
    await sinks.create(record, earliest=True)

    assert await sinks.get("organization-b", record.id) is None
    assert not await sinks.delete("organization-b", record.id)
    assert not await sinks.replace(replace(record, organization_uuid="organization-b"))

    changed = replace(record, enabled=False, name="other", credentials={"key": "new"})
    assert await sinks.replace(replace(changed, type="gcp_storage", token_key="ff"))
    assert await sinks.get(OURS, record.id) == changed  # its type and its key stay
    assert await sinks.enabled() == []


async def test_an_object_is_counted_once_however_often_it_is_told(sinks: Sinks) -> None:
    record = sink(OURS)
    await sinks.create(record, earliest=True)
    await sinks.begin(record, FIRST)
    assert await sinks.batch(record.id) == FIRST
    with pytest.raises(Conflict):
        await sinks.begin(record, SECOND)

    for _ in range(2):
        await sinks.finish(record.id, FIRST, 100, NOON)
    await sinks.begin(record, SECOND)
    await sinks.finish(record.id, FIRST, 100, NOON)  # late
    assert await sinks.batch(record.id) == SECOND
    assert await sinks.progress(record.id) == SinkProgress(
        position=5, objects=1, records=3, bytes=100, delivered_at=NOON
    )

    later = NOON + timedelta(hours=1)
    await sinks.finish(record.id, replace(SECOND, records=0), 0, later)  # nothing was left of it
    assert await sinks.progress(record.id) == SinkProgress(
        position=9, objects=1, records=3, bytes=100, delivered_at=NOON
    )
    assert await sinks.batch(record.id) is None


async def test_all_of_a_sink_goes_with_it(sinks: Sinks, database: Database) -> None:
    record = sink(OURS)
    await sinks.create(record, earliest=True)
    await sinks.begin(record, FIRST)

    assert await sinks.delete(OURS, record.id)
    await sinks.finish(record.id, FIRST, 100, NOON)  # it was stored all the same
    with pytest.raises(StorageError):
        await sinks.begin(record, SECOND)

    for each in (table, sink_cursors, sink_batches):
        assert await database.fetch(select(each)) == []
