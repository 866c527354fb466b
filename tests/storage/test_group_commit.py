"""What is submitted together is committed together, in order, and a bad row fails alone."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from storage import engines
from storage.database import Database, Write
from storage.errors import Conflict, StorageError, StorageUnavailable
from storage.group_commit import LATELY, GroupCommit
from tests.doubles import until
from tests.storage.doubles import (
    ADD,
    PATIENCE,
    UNSTORABLE,
    empty_disk,
    fill_disk,
    names,
    row,
)

# One step of a story: a pause in which the writer may run, a good row, or one of two bad ones.
STEPS = st.sampled_from(["pause", "good", "good", "good", "taken", "unstorable"])


def outcome(committed: asyncio.Future[None]) -> type[BaseException] | None:
    assert committed.done()
    error = committed.exception()
    return type(error) if error else None


def watched(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Write]]:
    """Return the list that every batch will be added to before it is written."""
    batches: list[Sequence[Write]] = []
    write = database.write

    async def noted(writes: Sequence[Write]) -> None:
        batches.append([Write(statement, list(rows)) for statement, rows in writes])
        await write(writes)

    monkeypatch.setattr(database, "write", noted)
    return batches


@pytest.mark.both_engines
@given(story=st.lists(STEPS, max_size=60))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_story_keeps_its_order_and_a_bad_row_fails_alone(story: Sequence[str]) -> None:
    expected = {"good": None, "taken": Conflict, "unstorable": StorageError}

    async def tell(database: Database) -> None:
        group = GroupCommit(database)
        writing = asyncio.create_task(group.run())
        await group.submit(ADD, row("taken"))
        submitted: list[tuple[str, str, asyncio.Future[None]]] = []
        for number, step in enumerate(story):
            if step == "pause":
                await asyncio.sleep(0)
                continue
            values: dict[str, Any] = {**row("taken" if step == "taken" else str(number))}
            if step == "unstorable":
                values["name"] = UNSTORABLE
            submitted.append((step, str(number), group.submit(ADD, values)))
        await group.flush()
        good = [number for step, number, _ in submitted if step == "good"]

        assert await names(database) == ["taken", *good]
        assert [outcome(each) for _, _, each in submitted] == [
            expected[step] for step, _, _ in submitted
        ]

        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    async def open_and_tell(folder: str) -> None:
        database = await engines.open_database(engines.default_url(Path(folder)))
        await tell(database)
        await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(open_and_tell(folder))


async def test_rows_of_one_moment_make_one_transaction(
    database: Database, group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = watched(database, monkeypatch)

    await asyncio.gather(*(group.submit(ADD, row(str(number))) for number in range(100)))

    [[write]] = batches
    assert (write.statement, len(write.rows)) == (ADD, 100)


async def test_statements_of_different_kinds_keep_their_order(
    database: Database, group: GroupCommit
) -> None:
    forget = text("DELETE FROM organizations")

    group.submit(ADD, row("first"))
    group.submit(forget, {})
    await group.submit(ADD, row("second"))

    assert await names(database) == ["second"]


async def test_a_full_disk_fails_its_batch_and_the_next_one_is_tried_again(
    database: Database, group: GroupCommit
) -> None:
    await group.submit(ADD, row("before"))
    await fill_disk(database)

    lost = [group.submit(ADD, row(str(n), padding="x" * 4000)) for n in range(20)]
    for each in lost:
        with pytest.raises(StorageUnavailable):
            await each
    await empty_disk(database)
    await until(lambda: not group.away)
    await group.submit(ADD, row("after"))

    assert await names(database) == ["before", "after"]


async def test_what_waits_behind_a_lost_batch_is_lost_with_it(
    database: Database, group: GroupCommit
) -> None:
    await fill_disk(database)

    lost = group.submit(ADD, row("lost", padding="x" * 100_000))
    await asyncio.sleep(0)  # now its batch is being written
    behind = group.submit(ADD, row("behind"))
    await group.flush()

    assert (outcome(lost), outcome(behind)) == (StorageUnavailable, StorageUnavailable)
    assert await names(database) == []


async def test_flushing_waits_for_what_was_submitted_and_for_nothing_later(
    database: Database, group: GroupCommit
) -> None:
    written: list[int] = []

    def submit(number: int) -> None:
        committed = group.submit(ADD, row(str(number)))
        committed.add_done_callback(lambda _: written.append(number))
        if number < 500:  # something is being written all the time
            committed.add_done_callback(lambda _: submit(number + 1))

    submit(0)
    async with asyncio.timeout(PATIENCE):
        await group.flush()

    assert 0 < len(written) < 500
    while len(written) < 501:
        await group.flush()
        await asyncio.sleep(0.001)


async def test_an_idle_group_has_nothing_to_flush(group: GroupCommit) -> None:
    async with asyncio.timeout(PATIENCE):
        await group.flush()


async def test_the_writer_writes_what_is_left_before_it_ends(database: Database) -> None:
    group = GroupCommit(database)
    writing = asyncio.create_task(group.run())
    await group.submit(ADD, row("before"))

    left = [group.submit(ADD, row(str(number))) for number in range(3)]
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert [outcome(each) for each in left] == [None] * 3
    assert await names(database) == ["before", "0", "1", "2"]


async def test_nobody_waits_for_a_writer_that_has_ended(database: Database) -> None:
    group = GroupCommit(database)
    writing = asyncio.create_task(group.run())
    await group.submit(ADD, row("before"))
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    with pytest.raises(StorageUnavailable):
        await group.submit(ADD, row("too late"))


async def test_a_cancelled_waiter_disturbs_nobody(database: Database, group: GroupCommit) -> None:
    first, second = (group.submit(ADD, row(name)) for name in ("first", "second"))

    first.cancel()
    await second

    assert await names(database) == ["first", "second"]


async def test_the_writer_does_not_rest_as_long_as_storage_was_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, away = asyncio.get_running_loop().time, 0.0

    async def time_out(_writes: object) -> None:
        nonlocal away
        away = 2 * PATIENCE
        raise StorageUnavailable

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock() + away)
    group = GroupCommit(database)
    writing = asyncio.create_task(group.run())
    with monkeypatch.context() as locked:
        locked.setattr(database, "write", time_out)
        with pytest.raises(StorageUnavailable):
            await group.submit(ADD, row("lost"))

    await until(lambda: not group.away)
    async with asyncio.timeout(PATIENCE):
        await group.submit(ADD, row("stored"))

    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


# ---- while storage is away ----


class Absent:
    """A database that is away until it is let back; only batches are asked of it."""

    def __init__(self) -> None:
        self.away = True
        self.tried = 0
        self.written: list[int] = []  # how many rows each batch had that came through

    async def write(self, writes: Sequence[Write]) -> None:
        self.tried += 1
        if self.away:
            raise StorageUnavailable("The database is not available: it is away.")
        self.written.append(sum(len(rows) for _, rows in writes))


@asynccontextmanager
async def waiting_for(absent: Absent) -> AsyncIterator[GroupCommit]:
    """Run a writer that has found out that its database is away."""
    group = GroupCommit(cast("Database", absent))
    writing = asyncio.create_task(group.run())
    with pytest.raises(StorageUnavailable):
        await group.submit(ADD, row("lost"))
    yield group
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def test_while_storage_is_away_nothing_is_taken_and_nobody_waits() -> None:
    absent = Absent()
    async with waiting_for(absent) as group:
        losses = group.losses
        lost = group.submit(ADD, row("lost as well"))

        assert (outcome(lost), group.losses) == (StorageUnavailable, losses + 1)
        await group.flush()
    assert absent.written == []


async def test_the_writer_finds_out_by_itself_that_storage_is_back() -> None:
    absent = Absent()
    async with waiting_for(absent) as group:
        await until(lambda: absent.tried >= 2)
        absent.away = False
        await until(lambda: not group.away)
        await group.submit(ADD, row("stored"))

    assert absent.written == [0, 1]


async def test_a_fault_is_told_for_a_while_although_some_batches_find_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent, loop = Absent(), asyncio.get_running_loop()
    clock = loop.time
    async with waiting_for(absent) as group:
        absent.away = False
        await until(lambda: not group.away)
        await group.submit(ADD, row("stored"))
        assert "it is away" in str(group.fault)

        monkeypatch.setattr(loop, "time", lambda: clock() + LATELY)
        assert group.fault is None


async def test_a_fault_is_told_as_long_as_storage_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    clock = loop.time
    async with waiting_for(Absent()) as group:
        monkeypatch.setattr(loop, "time", lambda: clock() + LATELY)

        assert "it is away" in str(group.fault)


async def test_a_writer_ends_although_storage_is_away() -> None:
    group = GroupCommit(cast("Database", Absent()))
    writing = asyncio.create_task(group.run())
    with pytest.raises(StorageUnavailable):
        await group.submit(ADD, row("lost"))

    writing.cancel()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await writing


async def test_who_remembers_what_became_of_a_row_keeps_no_rows(group: GroupCommit) -> None:
    bad = group.add(ADD, {**row("bad"), "name": UNSTORABLE})
    group.add(ADD, row("good"))
    await group.flush()

    assert isinstance(bad.faults.get(0), StorageError)
    assert bad.faults.get(1) is None
    assert bad.rows == []


async def test_who_cannot_bear_to_be_told_disturbs_nobody(
    database: Database, group: GroupCommit
) -> None:
    def fail(_fault: Exception | None) -> None:
        raise ValueError

    async with asyncio.timeout(PATIENCE):
        group.add(ADD, row("first"), fail)
        await group.submit(ADD, row("second"))
        await group.submit(ADD, row("third"))

    assert await names(database) == ["first", "second", "third"]


async def test_a_failure_that_nobody_waits_for_is_no_noise(group: GroupCommit) -> None:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))

    group.submit(ADD, {**row("bad"), "name": UNSTORABLE})
    await group.flush()
    gc.collect()

    assert noise == []


async def test_statements_apart_are_written_in_one_go_and_the_others_keep_their_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = text(
        "UPDATE organizations SET name = CAST((SELECT count(*) FROM organizations) AS text)"
    )
    group = GroupCommit(database, apart={ADD})
    batches = watched(database, monkeypatch)
    writing = asyncio.create_task(group.run())

    for number in range(3):
        group.submit(ADD, row(str(number)))
        group.submit(count, {})
    await group.flush()

    [batch] = batches
    assert [(write.statement, len(write.rows)) for write in batch] == [(count, 3), (ADD, 3)]
    assert await names(database) == ["0", "1", "2"]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
