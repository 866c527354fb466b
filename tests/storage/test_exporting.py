"""One export: every record once, in order, whatever the store and the database do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from storage.errors import StorageUnavailable
from storage.exporter import SinkStatus
from storage.exporting import BUSY, GONE, LATE, WRONG
from storage.records import Message
from storage.schema import messages
from storage.sinks.errors import SinkRefused, SinkUnavailable
from storage.tenancy import acting_for
from tests.doubles import until
from tests.storage.exports import OURS, Stage, render, stage

__all__ = ["stage"]

not_about_storage = pytest.mark.sqlite_only("what the store does is nothing to the database")


def lines(*positions: int) -> list[bytes]:
    return [b"%d" % position for position in positions]


# ---- when, and what ----


async def test_records_appear_when_the_oldest_is_old_enough(stage: Stage) -> None:
    await stage.sink()
    async with stage.exporter.running():
        await stage.past(3)
        await stage.bucket.until(lambda: len(stage.bucket.lines()) == 3)

    [name] = stage.bucket.objects
    assert name == "organization=organization-a/date=2026-03-01/hour=12/sink-1-1-3.jsonl.gz"


@not_about_storage
async def test_an_object_is_stored_at_once_when_there_is_enough_for_it(stage: Stage) -> None:
    sink = await stage.sink(flush_seconds=3600, flush_bytes=3000)
    async with stage.exporter.running():
        stage.say(2, b"." * 1000)
        await until(lambda: stage.parts.bus.flow(OURS)._waiting)
        assert stage.bucket.puts == []
        stage.say(2, b"." * 1000)
        await stage.until(sink, lag_records=1)

    assert stage.bucket.lines() == lines(1, 2, 3)


@not_about_storage
async def test_a_record_larger_than_an_object_is_one(stage: Stage) -> None:
    sink = await stage.sink(earliest=True, flush_bytes=2000)
    stage.say()
    stage.say(2, b"." * (3 << 20))
    await stage.past(0)
    async with stage.exporter.running():
        await stage.until(sink)

    assert [name.rsplit("/", 1)[1] for name in stage.bucket.puts] == [
        "sink-1-1-2.jsonl.gz",
        "sink-1-3-3.jsonl.gz",
    ]


async def test_no_object_spans_two_hours_wherever_the_clock_goes(stage: Stage) -> None:
    sink = await stage.sink(earliest=True)
    said = []
    for hours in (1, -1, 10 * 365 * 24, 0):
        said += stage.say(2)
        stage.clock.pass_time(hours=hours)
    said += stage.say()
    stage.clock.pass_time(days=-10 * 365)  # what was said last is from the future
    await stage.journal.flush()
    async with stage.exporter.running():
        await stage.until(sink)

    assert stage.bucket.lines() == lines(*(receipt.position for receipt in said))
    folders = [name.split("/", 1)[1].rsplit("/", 1)[0] for name in stage.bucket.puts]
    assert folders == [
        "date=2026-03-01/hour=12",
        "date=2026-03-01/hour=13",
        "date=2026-03-01/hour=12",
        "date=2036-02-27/hour=12",
    ]


async def test_a_new_sink_begins_with_the_oldest_or_behind_the_newest(stage: Stage) -> None:
    await stage.past(2)
    now = await stage.sink("now")
    earliest = await stage.sink("earliest", earliest=True)
    await stage.past()
    async with stage.exporter.running():
        await asyncio.gather(stage.until(now), stage.until(earliest))

    assert sorted(name.rsplit("/", 1)[1] for name in stage.bucket.objects) == [
        "earliest-1-3.jsonl.gz",
        "now-3-3.jsonl.gz",
    ]


async def test_an_organization_gets_its_own_alone(stage: Stage) -> None:
    await stage.organization("organization-b")
    sink = await stage.sink(earliest=True)
    stage.say()
    stage.say(3, organization_uuid="organization-b")
    await stage.past()
    acted: list[str] = []

    async def note(*_given: Any) -> Any:
        acted.append(acting_for())
        return stage.bucket

    stage.exporter._parts = replace(stage.parts, open_sink=note)
    async with stage.exporter.running():
        await stage.until(sink)

    assert stage.bucket.lines() == lines(1, 5)
    assert acted == [OURS]


# ---- a store that fails ----


async def test_what_failed_is_stored_under_the_same_name(stage: Stage) -> None:
    sink = await stage.sink(earliest=True)
    await stage.past(5)
    stage.bucket.faults.extend(
        [(SinkUnavailable(), False), (SinkUnavailable(), True), (SinkRefused("No bucket."), False)]
    )
    async with stage.exporter.running():
        status = await stage.until(sink)

    assert stage.bucket.lines() == lines(1, 2, 3, 4, 5)
    assert len(stage.bucket.puts) == 4
    assert len({*zip(stage.bucket.puts, stage.bucket.bodies, strict=True)}) == 1
    assert (status.progress.objects, status.progress.records) == (1, 5)
    assert status.progress.bytes == len(stage.bucket.bodies[0])


@not_about_storage
@pytest.mark.parametrize(
    ("fault", "told", "before", "after"),
    [
        (SinkRefused("There is no bucket: make one."), "There is no bucket: make one.", 0, 1),
        (SinkUnavailable("It is too busy."), "It is too busy.", 2, 3),
        (ValueError("canary"), WRONG, 2, 3),
        (asyncio.CancelledError(), WRONG, 2, 3),  # a library's own, nobody's wish
        (TimeoutError(), LATE, 2, 3),
    ],
    ids=["refused", "unavailable", "wrong", "cancelled", "late"],
)
async def test_who_must_know_is_told(
    stage: Stage, fault: Any, told: str, before: int, after: int
) -> None:
    sink = await stage.sink(earliest=True)
    await stage.past()
    stage.bucket.faults.extend([(fault, False)] * 1000)
    seen: list[SinkStatus] = []
    async with stage.exporter.running():
        while len(stage.bucket.puts) < after or not seen or seen[-1].state == "running":
            seen.append(await stage.exporter.status(sink))
            await asyncio.sleep(0)
        tries = stage.trouble(sink)
        assert tries
        assert before < tries.attempts <= len(stage.bucket.puts)
        assert seen[-1].last_error == told
        assert seen[-1].last_error_at == stage.clock.now()
        assert seen[-1].lag_records == 1
        stage.bucket.faults.clear()
        status = await stage.until(sink)
        await stage.until(sink, last_error=None, state="running")

    assert status.progress.records == 1


@not_about_storage
async def test_the_pauses_grow_and_end_when_there_is_hope(stage: Stage) -> None:
    stage.exporter._parts = replace(stage.parts, first_pause=3600, longest_pause=3600)
    sink = await stage.sink(earliest=True)
    await stage.past()
    stage.bucket.takes.clear()
    stage.bucket.faults.append((SinkUnavailable(), False))
    async with stage.exporter.running():
        await stage.bucket.until(lambda: len(stage.bucket.puts) == 1)
        stage.exporter._exports[sink.id].retry()  # in the middle of an attempt
        stage.bucket.takes.set()
        await stage.until(sink)

        await stage.past()
        stage.bucket.faults.append((SinkUnavailable(), False))
        await stage.bucket.until(lambda: len(stage.bucket.puts) == 3)
        await stage.until(sink, last_error=str(SinkUnavailable()))
        assert all(step.ok for step in await stage.exporter.test(sink))
        await stage.until(sink)


@not_about_storage
async def test_a_store_that_keeps_no_deadline_is_given_up_and_opened_again(stage: Stage) -> None:
    stage.exporter._parts = replace(stage.parts, longest_put=0.01)
    sink = await stage.sink(earliest=True)
    await stage.past()
    stage.bucket.takes.clear()
    async with stage.exporter.running():
        await stage.until(sink, state="error", last_error=LATE)
        stage.bucket.takes.set()
        await stage.until(sink)

    assert stage.bucket.opened == stage.bucket.closed > 1
    assert stage.bucket.lines() == lines(1)


@not_about_storage
@pytest.mark.parametrize("fault", [ValueError(), asyncio.CancelledError()])
async def test_a_store_that_fails_even_to_let_go_ends_no_export(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    async def close() -> None:
        raise fault

    monkeypatch.setattr(stage.bucket, "close", close)
    sink = await stage.sink(earliest=True)
    await stage.past()
    stage.bucket.faults.append((ValueError(), False))  # type: ignore[arg-type] # what no store may raise
    async with stage.exporter.running():
        await stage.until(sink)

    assert stage.bucket.opened == 2


@not_about_storage
async def test_a_message_that_cannot_be_rendered_is_there_without_its_content(
    stage: Stage,
) -> None:
    def poisoned(message: Message, key: bytes | None) -> bytes:
        if message.frame == b"canary":
            raise ValueError(message.frame)
        return render(message, key)

    stage.exporter._parts = replace(stage.parts, render=poisoned)
    sink = await stage.sink(earliest=True)
    stage.say()
    stage.say(1, b"canary")
    await stage.past()
    async with stage.exporter.running():
        await stage.until(sink)

    first, second, third = stage.bucket.lines()
    assert [first, third] == lines(1, 3)
    assert b'"seq":2' in second
    assert b"canary" not in second


# ---- storage that is away ----


def failing(stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, *, done: bool) -> None:
    """Let a method of the repository fail once for the export, after it has worked or before."""
    work: Callable[..., Any] = getattr(stage.parts.sinks, name)
    left = [True]

    async def fails(*given: Any) -> Any:
        if not left or acting_for() != OURS:
            return await work(*given)
        left.clear()
        if done:
            await work(*given)
        raise StorageUnavailable

    monkeypatch.setattr(stage.parts.sinks, name, fails)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["batch", "progress", "begin", "finish"])
async def test_whatever_is_lost_on_the_way_each_record_is_there_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, when: str
) -> None:
    sink = await stage.sink(earliest=True)
    await stage.past(3)
    failing(stage, monkeypatch, name, done=when == "after")
    async with stage.exporter.running():
        await stage.until(sink)
        await stage.past(2)
        status = await stage.until(sink)

    assert stage.bucket.lines() == lines(1, 2, 3, 4, 5)
    assert len(set(stage.bucket.puts)) == len(set(stage.bucket.bodies)) == 2
    assert (status.progress.objects, status.progress.records) == (2, 5)


@not_about_storage
async def test_trouble_with_the_database_is_over_when_there_is_nothing_left_to_do(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = await stage.sink()
    stage.exporter._parts = replace(stage.parts, first_pause=3600, longest_pause=3600)
    failing(stage, monkeypatch, "progress", done=False)
    async with stage.exporter.running():
        await until(lambda: stage.trouble(sink))
        trouble = stage.trouble(sink)
        assert trouble
        assert trouble.reason == BUSY

        stage.exporter._exports[sink.id].retry()
        await until(lambda: stage.trouble(sink) is None)


@not_about_storage
async def test_a_sink_that_is_gone_exports_nothing(stage: Stage) -> None:
    sink = await stage.sink(earliest=True)
    await stage.parts.sinks.delete(OURS, sink.id)
    await stage.past(3)
    stage.exporter._start(OURS, sink.id, stage.exporter._export(sink))

    await until(lambda: stage.trouble(sink))
    trouble = stage.trouble(sink)
    await stage.exporter.configure(OURS, sink.id)

    assert trouble
    assert trouble.reason == GONE
    assert stage.bucket.puts == []


# ---- what was begun before ----


async def test_what_was_begun_is_stored_as_it_was_drawn_however_the_sink_was_changed(
    stage: Stage,
) -> None:
    sink = await stage.sink(earliest=True, prefix="old", hash_id_tags=True)
    await stage.past(3)
    stage.bucket.faults.append((SinkUnavailable(), True))
    stage.exporter._parts = replace(stage.parts, first_pause=3600, longest_pause=3600)
    async with stage.exporter.running():
        await stage.until(sink, last_error=str(SinkUnavailable()))
        await stage.change(sink, enabled=False)
        await stage.past(2)
        sink = await stage.change(sink, prefix="new", hash_id_tags=False, flush_bytes=1)
        await stage.until(sink)

    first, again, *rest = stage.bucket.puts
    assert first == again
    assert stage.bucket.bodies[0] == stage.bucket.bodies[1]
    assert [name.split("/", 1)[0] for name in (first, *rest)] == ["old", "new", "new"]
    assert stage.bucket.lines() == [b"hashed 1", b"hashed 2", b"hashed 3", *lines(4, 5)]


@not_about_storage
async def test_an_object_of_which_nothing_is_kept_is_not_written_over(stage: Stage) -> None:
    sink = await stage.sink(earliest=True)
    await stage.past(2)
    stage.bucket.faults.append((SinkUnavailable(), True))
    stage.exporter._parts = replace(stage.parts, first_pause=3600, longest_pause=3600)
    async with stage.exporter.running():
        await stage.until(sink, last_error=str(SinkUnavailable()))
    await stage.database.execute(delete(messages).where(messages.c.seq <= 2))
    await stage.past()
    async with stage.exporter.running():
        await stage.until(sink)

    assert stage.bucket.lines() == lines(1, 2, 3)
    progress = await stage.parts.sinks.progress(sink.id)
    assert progress
    assert (progress.objects, progress.records, progress.position) == (1, 1, 3)
    assert progress.bytes == len(stage.bucket.objects[stage.bucket.puts[-1]])
