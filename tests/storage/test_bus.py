"""What sinks read: everything once it is on disk, in order, and nothing of anybody else."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import URL

from storage import bus as module
from storage import engines
from storage.bus import OVERHEAD, Backlog, Flow, Size
from storage.database import Database, Row, Statement, Write
from storage.errors import StorageUnavailable
from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.postgres import _READING
from storage.postgres_batches import SEPARATOR, prepared_of
from storage.postgres_connections import WRITER
from storage.sqlite import compiled_of
from storage.statements import exports as statements
from storage.statements.sinks import add_batch
from storage.tenancy import acting_for, on_behalf_of
from tests.doubles import settled
from tests.storage.doubles import NOON, PATIENCE, HandClock
from tests.storage.exports import OURS, Stage, stage
from tests.storage.postgres import Admin

__all__ = ["stage"]

THEIRS = "organization-b"
# Who holds the one right to write; other tests have databases on the same server.
CLAIMANT = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND objid = {} AND granted AND datname = current_database()
"""
not_about_storage = pytest.mark.sqlite_only("it counts what comes, wherever it goes")


async def positions(stage: Stage, after: int = 0, through: int = 2**62) -> list[list[int]]:
    return [[m.seq for m in page] async for page in stage.parts.bus.read(OURS, after, through)]


# ---- waiting ----


@not_about_storage
async def test_who_waits_for_bytes_is_woken_by_them_and_not_before() -> None:
    flow = Flow()
    waiting = [asyncio.create_task(flow.reach(octets)) for octets in (100, 250, 1)]
    await settled()
    for octets, woken in ((1, [2]), (98, [2]), (1, [0, 2]), (200, [0, 1, 2])):
        flow.add(octets)
        await settled()
        assert [place for place, task in enumerate(waiting) if task.done()] == woken

    await flow.reach(300)
    assert not flow._waiting


@not_about_storage
async def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    flow = Flow()
    given_up, waiting = (asyncio.create_task(flow.reach(octets)) for octets in (10, 20))
    await settled()
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    flow.add(10)

    assert len(flow._waiting) == 1
    flow.add(10)
    await waiting


async def test_what_has_come_is_there_or_lost_when_it_is_settled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = stage.database.write
    away = [True] * 3

    async def sometimes(writes: Any) -> None:
        if away:
            away.pop()
            raise StorageUnavailable
        await write(writes)

    stage.say()
    await stage.parts.bus.settled()
    monkeypatch.setattr(stage.database, "write", sometimes)
    stage.say()
    await stage.parts.bus.settled()  # not before storage is back

    assert not away
    stage.say()
    await stage.parts.bus.settled()
    assert await positions(stage) == [[1, 3]]


# ---- reading ----


async def test_only_one_s_own_is_counted_and_read(stage: Stage) -> None:
    await stage.organization(THEIRS)
    ours, theirs = stage.parts.bus.flow(OURS), stage.parts.bus.flow(THEIRS)
    stage.say(1, b"." * 100)
    stage.say(2, b"." * 5, organization_uuid=THEIRS)
    stage.clock.pass_time(seconds=7)
    stage.say(1, b"." * 200)
    await stage.journal.flush()

    assert (ours.octets, theirs.octets) == (300 + 2 * OVERHEAD, 10 + 2 * OVERHEAD)
    [page] = [page async for page in stage.parts.bus.sizes(OURS, 0)]
    assert page == [
        Size(1, NOON, 100 + OVERHEAD),
        Size(4, NOON + timedelta(seconds=7), 200 + OVERHEAD),
    ]
    assert await positions(stage, 1) == [[4]]
    assert await stage.parts.bus.backlog(OURS, 1) == Backlog(1, page[1].moment)
    assert await stage.parts.bus.backlog(OURS, 4) == Backlog(0, None)


async def test_pages_hold_so_many_bytes_or_one_message_and_nothing_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SIZES", 3)
    monkeypatch.setattr(module, "_LOOKED_THROUGH", 4)
    monkeypatch.setattr(module, "_COUNTED", 2)
    for octets in (10, 10, 200_000, 10, 130_900, 10, 10):
        stage.say(1, b"." * octets)
    await stage.journal.flush()

    assert await positions(stage) == [[1, 2], [3], [4], [5], [6], [7]]
    assert await positions(stage, 2, 4) == [[3], [4]]
    assert await positions(stage, 7) == []
    assert (await stage.parts.bus.backlog(OURS, 2)).records == 5


async def test_of_a_long_backlog_little_is_looked_at_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_SIZES", 2)
    monkeypatch.setattr(module, "_SIZES", 8)
    for _ in range(20):
        stage.say(1)
    await stage.journal.flush()
    pages = [page async for page in stage.parts.bus.sizes(OURS, 0)]

    assert [len(page) for page in pages] == [2, 8, 8, 2]
    assert [size.seq for page in pages for size in page] == list(range(1, 21))


# ---- nothing is passed that comes later ----


async def test_a_reader_passes_nothing_that_is_committed_later(stage: Stage) -> None:
    seen: list[int] = []

    async def read(total: int) -> None:
        while len(seen) < total:
            for page in await positions(stage, seen[-1] if seen else 0):
                seen.extend(page)

    async def write() -> None:
        for number in range(60):
            stage.say(2)
            stage.say(1, organization_uuid=THEIRS)
            if number % 3:
                await stage.journal.flush()

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(write(), write(), read(240))

    assert seen == sorted(seen)
    assert len(set(seen)) == 240


@pytest.mark.postgresql_only("there another server can be on another machine")
async def test_behind_a_second_server_nothing_is_written_where_a_reader_has_been(
    stage: Stage, group: GroupCommit, database: Database, url: URL, clock: HandClock
) -> None:
    await database.claim()
    stage.say(10)
    await stage.journal.flush()
    other = await engines.open_database(url)
    with pytest.raises(StorageUnavailable, match="Another Ringmain server"):
        await other.claim()

    with Admin.of(url) as admin:  # the first server's connection is lost, and it does not notice
        [[process]] = admin.asked(CLAIMANT.format(WRITER & 0xFFFFFFFF))
        admin.cut_off(process)
    await other.claim()
    second = GroupCommit(other)
    writing = asyncio.create_task(second.run())
    theirs = Stage(other, await Journal.open(other, second, clock), clock)
    theirs.journal._head += 5  # these were lost
    theirs.say(10)
    await theirs.journal.flush()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await other.close()
    [page] = await positions(stage, 10)
    assert page == list(range(16, 26))

    with pytest.raises(
        StorageUnavailable, match="meanwhile"
    ):  # whoever writes first is not the last
        await database.write([Write(add_batch, [])])
    [receipt] = stage.say()  # at 11, where nobody is
    await group.flush()
    await group.back()
    assert isinstance(receipt.fault, StorageUnavailable)
    [receipt] = stage.say()
    await stage.journal.flush()

    assert await positions(stage, 25) == [[receipt.position]]
    assert await positions(stage, 0, 25) == [[*range(1, 11), *range(16, 26)]]


# ---- what it costs ----


@pytest.mark.parametrize("name", ["sizes_after", "messages_between", "ends_after", "count_between"])
async def test_only_the_index_is_gone_along(stage: Stage, engine: str, name: str) -> None:
    stage.say(10)
    await stage.journal.flush()
    span = {"organization_uuid": OURS, "after": 5, "through": 8, "limit": 3, "positions": 9}

    with on_behalf_of(OURS):
        plan = await PLANS[engine](stage.database, getattr(statements, name), span)

    assert re.search("ix_messages_organization|organization_uuid_seq_idx", plan), plan
    assert not re.search("SCAN messages|Seq Scan", plan), plan


async def plan_of_sqlite(database: Any, statement: Statement, values: Row) -> str:
    compiled = compiled_of(statement)
    bound = compiled.bind(values)
    async with database._reader.turn():
        rows = await database._reader.run(
            lambda connection: list(connection.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", bound))
        )
    return "\n".join(row[-1] for row in rows)


async def plan_of_postgresql(database: Any, statement: Statement, values: Row) -> str:
    async with database._connections.one() as wire:
        prepared = prepared_of(statement)
        # A table of ten rows is read as a whole, whatever indexes it has.
        acting = wire.quoted(
            f"{_READING}, set_config('enable_seqscan', 'off', true)", [acting_for()]
        )
        sql = acting + SEPARATOR + b"EXPLAIN " + prepared.string(wire, values)
        return "\n".join(row[0] for row in await wire.run(sql, PATIENCE))


PLANS = {"sqlite": plan_of_sqlite, "postgresql": plan_of_postgresql}
