"""A sink is tried out: what is told, and what is left behind."""

from __future__ import annotations

import asyncio

from storage.records import SinkRecord
from storage.sink_probe import Step, probe
from storage.sinks.errors import SinkRefused, SinkUnavailable
from tests.storage.doubles import NOON
from tests.storage.sinks.doubles import Bucket

SINK = SinkRecord(
    id="sink-1",
    organization_uuid="organization-a",
    name="lake",
    type="aws_s3",
    configuration={"prefix": "log"},
    credentials={},
    token_key="00" * 32,
    inserted_at=NOON,
    updated_at=NOON,
)
NAME = "log/ringmain-probe-sink-1.gz"
STORED = Step("put", ok=True, detail=f"{NAME} was stored.")


async def test_what_works_leaves_nothing_behind() -> None:
    bucket = Bucket()

    assert await probe(bucket.open, SINK) == [
        STORED,
        Step("delete", ok=True, detail=f"{NAME} was removed."),
    ]
    assert (bucket.puts, bucket.objects) == ([NAME], {})
    assert (bucket.opened, bucket.closed) == (1, 1)


async def test_a_sink_that_cannot_be_opened_fails_at_its_first_step() -> None:
    async def closed(_sink: SinkRecord) -> Bucket:
        raise SinkRefused("There is no such bucket.")

    assert await probe(closed, SINK) == [Step("put", ok=False, detail="There is no such bucket.")]


async def test_the_first_step_that_fails_is_the_last() -> None:
    bucket = Bucket()
    bucket.faults.append((SinkUnavailable("The store is too busy."), False))

    assert await probe(bucket.open, SINK) == [
        Step("put", ok=False, detail="The store is too busy.")
    ]
    assert bucket.closed == 1


async def test_an_object_that_cannot_be_removed_was_stored() -> None:
    class KeepsAll(Bucket):
        async def delete(self, name: str) -> None:
            raise SinkRefused("The key has no right to do this.")

    bucket = KeepsAll()

    assert await probe(bucket.open, SINK) == [
        STORED,
        Step("delete", ok=False, detail="The key has no right to do this."),
    ]
    assert bucket.closed == 1


async def test_a_store_that_is_silent_is_not_waited_for() -> None:
    class Silent(Bucket):
        async def put(self, name: str, body: bytes) -> None:
            await asyncio.Event().wait()

    bucket = Silent()
    [step] = await probe(bucket.open, SINK, seconds=0.01)

    assert step == Step(
        "put", ok=False, detail="The store did not answer within 0.01 s; try again."
    )
    assert bucket.closed == 1
