"""All exports: each begins, changes and ends by itself, and none keeps another waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage import exporter, exporting
from storage.errors import StorageUnavailable
from storage.sinks.errors import SinkRefused
from tests.doubles import settled, until
from tests.storage.doubles import NOON
from tests.storage.exports import OURS, Stage, stage
from tests.storage.sinks.doubles import Bucket

__all__ = ["stage"]

not_about_storage = pytest.mark.sqlite_only(
    "what tasks do to each other is nothing to the database"
)


# ---- changes ----


async def test_a_sink_can_be_made_disabled_enabled_and_deleted_meanwhile(stage: Stage) -> None:
    async with stage.exporter.running():
        sink = await stage.sink(earliest=True)
        await stage.past()
        await stage.exporter.configure(OURS, sink.id)
        assert (await stage.until(sink)).state == "running"

        sink = await stage.change(sink, enabled=False)
        await stage.past()
        status = await stage.exporter.status(sink)
        assert (status.state, status.lag_records) == ("disabled", 1)
        assert len(stage.bucket.puts) == 1

        sink = await stage.change(sink)
        await stage.until(sink)
        assert len(stage.bucket.puts) == 2

        assert await stage.parts.sinks.delete(OURS, sink.id)
        await stage.exporter.configure(OURS, sink.id)
        await until(lambda: not stage.exporter._tasks)
        assert not stage.exporter._exports
        assert stage.bucket.opened == stage.bucket.closed == 2


async def test_what_is_enabled_goes_on_after_a_restart_and_nothing_else(stage: Stage) -> None:
    enabled = await stage.sink("enabled", earliest=True)
    disabled = await stage.sink("disabled", earliest=True)
    await stage.parts.sinks.replace(replace(disabled, enabled=False))
    await stage.past(2)
    async with stage.exporter.running():
        await stage.until(enabled)

    assert {name.rsplit("/", 1)[1] for name in stage.bucket.puts} == {"enabled-1-2.jsonl.gz"}


@not_about_storage
async def test_a_sink_is_changed_at_once_while_its_store_hangs(stage: Stage) -> None:
    sink = await stage.sink(earliest=True)
    await stage.past(2)
    stage.bucket.takes.clear()
    async with stage.exporter.running():
        await stage.bucket.until(lambda: len(stage.bucket.puts) == 1)

        await stage.change(sink, flush_seconds=2)
        assert stage.bucket.closed == 1
        await stage.bucket.until(lambda: len(stage.bucket.puts) == 2)
        stage.bucket.takes.set()
        await stage.until(sink)

    assert len(set(stage.bucket.puts)) == 1


@not_about_storage
async def test_a_store_that_does_not_even_let_go_is_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_CLOSING", 0.01)
    sink = await stage.sink(earliest=True)
    await stage.past(2)
    stage.bucket.takes.clear()
    stage.bucket.closes.clear()
    async with stage.exporter.running():
        await stage.bucket.until(lambda: len(stage.bucket.puts) == 1)
        await stage.change(sink, flush_seconds=2)
        stage.bucket.takes.set()
        await stage.until(sink)


class Stubborn(Bucket):
    """A store that cannot be cancelled, as a thread cannot."""

    async def put(self, name: str, body: bytes) -> None:
        self.puts.append(name)
        self.changed.set()
        while not self.takes.is_set():
            try:
                await self.takes.wait()
            except asyncio.CancelledError:
                continue
        self.objects[name] = body


@not_about_storage
async def test_an_export_that_does_not_end_stores_nothing_but_what_is_to_be_stored(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_ENDING", 0.01)
    stage.bucket = stubborn = Stubborn()
    sink = await stage.sink(earliest=True)
    await stage.past(2)
    stubborn.takes.clear()
    async with stage.exporter.running():
        await stubborn.until(lambda: len(stubborn.puts) == 1)
        stage.bucket = Bucket()
        sink = await stage.change(sink, prefix="another")
        status = await stage.until(sink)

        stubborn.takes.set()
        await until(lambda: not stage.exporter._ending)
        await stage.past(1)
        await stage.until(sink)

    assert len(set(stubborn.puts)) == 1
    assert status.progress.records == 2
    assert stage.bucket.lines() == [b"1", b"2", b"3"]


@not_about_storage
async def test_whoever_changes_a_sink_or_ends_all_waits_for_every_export_before(
    stage: Stage,
) -> None:
    stage.bucket = stubborn = Stubborn()
    sink = await stage.sink(earliest=True)
    await stage.past(2)
    stubborn.takes.clear()
    async with stage.exporter.running():
        await stubborn.until(lambda: len(stubborn.puts) == 1)
        changes = [asyncio.create_task(stage.exporter.configure(OURS, sink.id)) for _ in range(3)]
        await settled()
        assert not any(change.done() for change in changes)
        asyncio.get_running_loop().call_soon(stubborn.takes.set)
    assert not stage.exporter._ending
    await asyncio.gather(*changes)


async def test_of_many_changes_at_once_one_export_is_left_and_each_record_there_once(
    stage: Stage,
) -> None:
    sink = await stage.sink(earliest=True)
    async with stage.exporter.running():
        for number in range(5):
            await stage.past(2)
            await asyncio.gather(*(stage.change(sink, prefix=f"{number}") for _ in range(4)))
        await stage.until(sink)
        assert len(stage.exporter._tasks) == 1
        tasks = [task for task in asyncio.all_tasks() if task.get_name() == f"export {sink.id}"]
        assert len(tasks) == 1

    found = [line for each in stage.bucket.objects for line in [each.rsplit("/", 1)[1]]]
    assert len(found) == len(set(found))
    assert stage.bucket.lines() == [b"%d" % number for number in range(1, 11)]


@not_about_storage
async def test_a_change_is_taken_up_although_storage_is_away_or_who_made_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = await stage.sink(earliest=True)
    await stage.past()
    get, away = stage.parts.sinks.get, [True, True]

    async def sometimes(*given: Any) -> Any:
        if away:
            away.pop()
            raise StorageUnavailable
        return await get(*given)

    monkeypatch.setattr(stage.parts.sinks, "get", sometimes)
    async with stage.exporter.running():
        await stage.until(sink)
        before = stage.exporter._tasks[sink.id]
        asking = asyncio.create_task(stage.exporter.configure(OURS, sink.id))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: stage.exporter._exports)
        assert before.done()
        await stage.past()
        await stage.until(sink)


# ---- neighbours ----


@not_about_storage
async def test_a_sink_in_trouble_harms_no_other(stage: Stage) -> None:
    bad, hanging, good = [await stage.sink(id, earliest=True) for id in ("bad", "hanging", "good")]
    refusing, stuck = Bucket(), Bucket()
    refusing.faults.extend([(SinkRefused("No."), False)] * 10_000)
    stuck.takes.clear()
    stores = {"bad": refusing, "hanging": stuck}

    async def open_sink(sink: Any) -> Bucket:
        return await stores.get(sink.id, stage.bucket).open(sink)

    stage.exporter._parts = replace(stage.parts, open_sink=open_sink)
    async with stage.exporter.running():
        for _ in range(3):
            await stage.past(2)
            await stage.until(good)
        bad_status, hanging_status = [await stage.exporter.status(each) for each in (bad, hanging)]

    assert stage.bucket.lines() == [b"%d" % number for number in range(1, 7)]
    assert (bad_status.state, bad_status.lag_records) == ("error", 6)
    assert (hanging_status.state, hanging_status.lag_records) == ("running", 6)


@not_about_storage
async def test_few_objects_are_in_memory_at_a_time(stage: Stage) -> None:
    place = asyncio.Semaphore(1)
    stage.exporter._parts = replace(stage.parts, storing=place)
    sinks = [await stage.sink(f"sink-{number}", earliest=True) for number in range(4)]
    await stage.past(2)
    stage.bucket.takes.clear()
    async with stage.exporter.running():
        await until(lambda: stage.bucket.puts and len(place._waiters or ()) == 3)
        assert len(stage.bucket.puts) == 1
        stage.bucket.takes.set()
        await asyncio.gather(*map(stage.until, sinks))

    assert len(stage.bucket.objects) == 4


@not_about_storage
async def test_exports_in_trouble_have_places_of_their_own(stage: Stage) -> None:
    stuck = Bucket()
    stuck.takes.clear()

    async def open_sink(sink: Any) -> Bucket:
        return await (stuck if sink.id.startswith("stuck") else stage.bucket).open(sink)

    stage.exporter._parts = replace(
        stage.parts,
        open_sink=open_sink,
        longest_put=0.05,
        storing=asyncio.Semaphore(1),
        retrying=asyncio.Semaphore(1),
    )
    for number in range(3):
        await stage.sink(f"stuck-{number}", earliest=True)
    good = await stage.sink("z-good", earliest=True)
    await stage.past(2)
    async with stage.exporter.running():
        for _ in range(3):
            await stage.until(good)
            await stage.past()

    assert stage.bucket.lines()[:4] == [b"1", b"2", b"3", b"4"]


@not_about_storage
async def test_many_idle_sinks_ask_for_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        await stage.sink(f"sink-{number}")
    asked: list[Any] = []
    fetch = stage.database.fetch

    async def noted(*given: Any) -> Any:
        asked.append(given)
        return await fetch(*given)

    monkeypatch.setattr(stage.database, "fetch", noted)
    async with stage.exporter.running():
        flow = stage.parts.bus.flow(OURS)
        await until(lambda: len(flow._waiting) == 50)
        begun = len(asked)
        assert begun == 1 + 50 * 3
        await asyncio.sleep(0.05)
        assert len(asked) == begun
        assert stage.bucket.opened == 0


# ---- how a sink is ----


async def test_the_lag_is_what_was_said_and_is_not_in_the_bucket(stage: Stage) -> None:
    sink = await stage.sink(earliest=True)
    status = await stage.exporter.status(sink)
    assert (status.lag_records, status.lag_seconds) == (0, 0.0)

    await stage.past(2, seconds=60)
    await stage.past(3, seconds=30)
    status = await stage.exporter.status(sink)
    assert (status.lag_records, status.lag_seconds) == (5, 90.0)

    async with stage.exporter.running():
        await stage.until(sink)
    await stage.past(1, minutes=-10)  # set back
    status = await stage.exporter.status(sink)
    assert (status.lag_records, status.lag_seconds) == (1, 0.0)
    assert (status.progress.objects, status.progress.records) == (1, 5)
    assert status.progress.delivered_at == NOON + timedelta(seconds=90)


@not_about_storage
async def test_a_test_of_a_sink_leaves_nothing_behind(stage: Stage) -> None:
    sink = await stage.sink()
    async with stage.exporter.running():
        steps = await stage.exporter.test(sink)
        stage.bucket.faults.append((SinkRefused("No."), False))
        failed = await stage.exporter.test(sink)

    assert [step.ok for step in steps] == [True, True]
    assert [(step.ok, step.detail) for step in failed] == [(False, "No.")]
    assert stage.bucket.objects == {}
