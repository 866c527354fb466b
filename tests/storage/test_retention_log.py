"""Old messages go with their answers; what a target is still to get stays, and so do positions."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.partitions import partitions_of
from storage.records import ChargerKey, DeadLetter
from storage.schema import charger_messages, messages
from storage.store import open_storage
from tests.storage.doubles import NOON, HandClock
from tests.storage.past import Past, past

__all__ = ["past"]

YEARS = 10 * 365


async def stays(past: Past, key: ChargerKey, position: int) -> bool:
    return position in await past.positions(key.organization_uuid)


# ---- what goes ----


async def test_a_message_goes_with_its_answer_and_its_entry_when_its_days_are_over(
    past: Past,
) -> None:
    key = await past.charger(await past.organization(keep_messages=3))
    past.says(key)
    await past.days(3)
    assert len(await past.positions()) == 2

    later = past.says(key)
    removed = await past.day()

    assert removed == {(key.organization_uuid, "messages"): 2}
    assert await past.positions() == [later, later + 1]
    assert await past.filed(key.organization_uuid) == [later]


async def test_each_organization_keeps_its_own_as_long_as_it_wants(past: Past) -> None:
    week = await past.charger(await past.organization(keep_messages=7))
    year = await past.charger(await past.organization(keep_messages=365))
    for _ in range(25):  # more than a page of each, in turns
        past.says(week)
        past.says(year)

    await past.days(8)

    assert await past.positions(week.organization_uuid) == []
    assert await past.filed(week.organization_uuid) == []
    assert len(await past.positions(year.organization_uuid)) == 50
    assert len(await past.storage.journal.exchanges(year)) == 25


async def test_what_was_never_answered_and_what_answers_nothing_goes_too(past: Past) -> None:
    key = await past.charger(await past.organization())
    other = await past.charger(await past.organization(keep_messages=365))
    past.says(key, answered=False)
    past.answers_nothing(key)
    kept = past.answers_nothing(other)

    await past.days(8)

    assert await past.positions() == [kept]


async def test_what_a_deleted_charger_has_said_goes_as_well(past: Past) -> None:
    key = await past.charger(await past.organization())
    past.says(key)
    await past.days(2)

    await past.storage.chargers.delete(key)
    await past.days(6)

    assert await past.positions() == []
    assert await past.filed(key.organization_uuid) == []


async def test_an_organization_that_changes_its_mind_is_heard(past: Past) -> None:
    key = await past.charger(await past.organization(keep_messages=365))
    past.says(key)
    await past.days(3)

    await past.storage.organizations.change(key.organization_uuid, keep_messages=2)
    await past.sweep()

    assert await past.positions() == []


# ---- what a target is still to get ----


async def test_what_an_enabled_target_is_still_to_get_stays_and_nothing_else(past: Past) -> None:
    target = await past.proxied(await past.organization())
    before = past.says(target.key)
    waiting = past.says(target.key, "StartTransaction")
    copy = past.tells(target, waiting)
    past.says(target.key)

    await past.days(8)

    assert not await stays(past, target.key, before)
    # The copy tells that the target may have had it.
    assert await past.positions() == [waiting, waiting + 1, copy]
    assert await past.filed(target.key.organization_uuid) == [waiting, copy]

    past.storage.queues.note_position(target.id, waiting)
    await past.day()
    assert await past.positions() == []


async def test_a_target_that_has_been_away_gets_all_of_it_in_order(past: Past) -> None:
    target = await past.proxied(await past.organization())
    told = [past.says(target.key, "MeterValues") for _ in range(35)]  # more than three pages

    await past.days(9)

    page = await past.storage.journal.read_calls(target.key, 0, 100)
    assert [message.seq for message in page] == told


@pytest.mark.parametrize("reason", ["skipped", "disabled", "deleted"])
async def test_what_no_target_will_get_any_more_goes(past: Past, reason: str) -> None:
    target = await past.proxied(await past.organization())
    waiting = past.says(target.key, "StartTransaction")
    await past.days(7)
    configurations = past.storage.proxy_configurations
    if reason == "skipped":
        await past.storage.queues.skip(target.id, [waiting], "expired")
    elif reason == "disabled":
        await configurations.replace(replace(target, enabled=False))
    else:
        await configurations.delete(target.key.organization_uuid, target.id)

    await past.day()

    assert await past.positions() == []


async def test_a_dead_letter_that_is_to_go_out_again_keeps_its_message(past: Past) -> None:
    target = await past.proxied(await past.organization())
    seq = past.says(target.key, "StartTransaction")
    letter = DeadLetter(
        proxy_configuration_id=target.id,
        seq=seq,
        action="StartTransaction",
        reason="refused",
        attempts=3,
        created_at=NOON,
    )
    past.storage.dead_letters.note(letter)
    past.storage.queues.note_position(target.id, seq)
    await past.storage.group.flush()
    assert await past.storage.dead_letters.retry(target.id, seq, NOON)

    await past.days(8)
    assert await stays(past, target.key, seq)

    past.storage.dead_letters.note(letter)  # it was not taken again
    await past.days(2)
    assert await past.positions() == []


# ---- what a sink is still to get ----


async def test_what_an_enabled_sink_is_still_to_get_stays_whatever_it_is(past: Past) -> None:
    target = await past.proxied(await past.organization())
    sink = await past.exported(target.key.organization_uuid)
    call = past.says(target.key)
    copy = past.tells(target, call)
    noise = past.answers_nothing(target.key)
    past.storage.queues.note_position(target.id, call)  # the target waits for none of it

    await past.days(8)
    assert await past.positions() == [call, call + 1, copy, noise]

    await past.stores(sink, call)  # the answer has not been passed
    await past.day()
    assert await past.positions() == [call, call + 1, copy, noise]

    await past.stores(sink, copy)
    await past.day()
    assert await past.positions() == [noise]
    await past.stores(sink, noise)
    await past.day()
    assert await past.positions() == []


@pytest.mark.parametrize("change", ["disabled", "deleted", "of another organization"])
async def test_what_no_sink_gets_goes(past: Past, change: str) -> None:
    key = await past.charger(await past.organization())
    whose = past.archive if change == "of another organization" else key.organization_uuid
    sink = await past.exported(whose)
    past.says(key)
    if change == "disabled":
        await past.storage.sinks.replace(replace(sink, enabled=False))
    elif change == "deleted":
        await past.storage.sinks.delete(key.organization_uuid, sink.id)

    await past.days(8)

    assert await past.positions() == []


async def test_what_is_being_stored_stays_whether_its_sink_is_enabled_or_not(past: Past) -> None:
    key = await past.charger(await past.organization())
    sink = await past.exported(key.organization_uuid, enabled=False)
    before, first, second = past.says(key), past.says(key), past.says(key)
    await past.storage.group.flush()
    batch = await past.begins(sink, first + 1, second)

    await past.days(8)
    assert await past.positions() == [first, first + 1, second, second + 1]
    assert not await stays(past, key, before)

    await past.storage.sinks.finish(sink.id, batch, 1, NOON)
    await past.day()
    assert await past.positions() == []


async def test_a_sink_is_not_waited_for_for_ever(past: Past) -> None:
    key = await past.charger(await past.organization())
    await past.exported(key.organization_uuid)
    past.clock.pass_time(days=YEARS)
    past.says(key)  # nobody knows how old it is
    past.clock.pass_time(days=-YEARS)
    for _ in range(12):  # more than a page
        past.says(key)
    await past.leap(36.5)
    await past.sweep()
    assert len(await past.positions()) == 26

    removed = await past.day()

    assert removed == {(key.organization_uuid, "messages"): 26}
    assert await past.positions() == []


@pytest.mark.postgresql_only("only there is anything divided")
async def test_a_week_that_a_sink_is_still_to_get_is_not_dropped(past: Past) -> None:
    await past.storage.organizations.change(past.archive, keep_messages=1)
    key = await past.charger(await past.organization(keep_messages=30))
    sink = await past.exported(key.organization_uuid)
    first = past.says(key)
    await past.days(7)
    later = past.says(key)  # in another week
    await past.day()
    await past.leap(32)
    await past.day()
    assert await past.positions() == [first, first + 1, later, later + 1]

    await past.begins(sink, first, first + 1)
    await past.storage.sinks.replace(replace(sink, enabled=False))
    await past.sweep()
    assert (await past.positions())[:2] == [first, first + 1]

    await past.leap(22)
    assert await past.day() == {(key.organization_uuid, "messages"): 4}
    assert await past.positions() == []


# ---- a clock that is wrong ----


async def test_ten_years_that_were_none_remove_a_day_s_messages_at_most(past: Past) -> None:
    key = await past.charger(await past.organization())
    said = []
    for _ in range(7):
        said.append(past.says(key))
        await past.day()

    past.clock.pass_time(days=YEARS)
    past.says(key)
    await past.sweep()  # an hour's worth of passes
    past.clock.pass_time(days=-YEARS, hours=1)
    await past.sweep()

    assert (await past.filed(key.organization_uuid))[:6] == said[1:]


async def test_what_claims_to_be_from_the_future_goes_with_what_came_behind_it(past: Past) -> None:
    key = await past.charger(await past.organization())
    past.clock.pass_time(days=YEARS)
    for _ in range(25):
        past.says(key)
    past.clock.pass_time(days=-YEARS)
    await past.days(8)
    assert len(await past.filed(key.organization_uuid)) == 25  # nobody knows how old they are

    behind = past.says(key)
    await past.days(7)
    assert len(await past.filed(key.organization_uuid)) == 26
    await past.day()

    assert not await stays(past, key, behind)
    assert await past.positions() == []


async def test_what_was_logged_before_the_clock_was_set_does_not_go_before_its_turn(
    past: Past,
) -> None:
    key = await past.charger(await past.organization())
    first = past.says(key)
    past.clock.pass_time(days=-YEARS)
    second = past.says(key)
    past.clock.pass_time(days=YEARS)
    past.says(key)

    await past.days(6)

    assert await stays(past, key, first)
    assert await stays(past, key, second)


# ---- positions ----


async def test_a_position_is_never_given_again(past: Past, tmp_path: Path) -> None:
    key = await past.charger(await past.organization())
    last = past.says(key) + 1
    await past.days(9)
    assert await past.positions() == []

    async with open_storage(tmp_path, past.clock) as again:
        assert again.journal.head >= last
        receipt = again.journal.append(
            key, "charger_to_platform", "1.6", "Call", "2", "Heartbeat", b"[2]"
        )
        await again.journal.flush()
        assert receipt.position > last
        assert [one.call.seq for one in await again.journal.exchanges(key)] == [receipt.position]


async def test_of_the_entries_of_nobody_the_newest_stays(past: Past) -> None:
    key = await past.charger(await past.organization(keep_messages=365))
    for _ in range(3):
        past.says(key)
        await past.day()

    query = select(charger_messages.c.seq).where(charger_messages.c.organization_uuid == "")
    assert len(await past.rows(query)) == 1


# ---- whole partitions ----


@pytest.mark.postgresql_only("only there is anything divided")
async def test_a_week_that_nobody_keeps_is_dropped_as_a_whole(past: Past) -> None:
    await past.storage.organizations.change(past.archive, keep_messages=1)
    short = await past.charger(await past.organization(keep_messages=2))
    long = await past.charger(await past.organization(keep_messages=30))
    first = past.says(long)
    past.says(short)
    await past.days(3)
    assert await past.positions() == [first, first + 1]  # the short one's went row by row
    past.says(long)  # in another week
    await past.day()

    await past.leap(27)
    assert await past.day() == {(long.organization_uuid, "messages"): 2}

    left = await partitions_of(past.storage.database, "messages")
    assert min(part.first for part in left) > first
    assert [part.first for part in left] == [
        part.first for part in await partitions_of(past.storage.database, "charger_messages")
    ]


@pytest.mark.postgresql_only("only there is anything divided")
async def test_a_week_with_something_that_a_target_is_still_to_get_is_cleared_row_by_row(
    past: Past,
) -> None:
    await past.storage.organizations.change(past.archive, keep_messages=1)
    target = await past.proxied(await past.organization(keep_messages=30))
    waiting = past.says(target.key, "StartTransaction")
    past.says(target.key)
    await past.days(3)
    past.says(target.key)  # in another week
    await past.day()

    await past.leap(33)
    assert len(await past.positions()) == 6
    await past.days(2)

    assert (await past.positions())[:2] == [waiting, waiting + 1]
    assert len(await past.positions()) == 4


@pytest.mark.postgresql_only("only there is anything divided")
async def test_a_week_that_somebody_reads_is_left_to_the_next_pass(past: Past) -> None:
    await past.storage.organizations.change(past.archive, keep_messages=1)
    short = await past.charger(await past.organization(keep_messages=2))
    long = await past.charger(await past.organization(keep_messages=30))
    past.says(long)
    await past.days(3)
    later = past.says(short)  # in another week
    await past.day()
    await past.leap(27)

    async with past.storage.database.transaction() as reading:
        await reading.execute(select(messages.c.seq))
        removed = await past.day()
        assert removed == {(short.organization_uuid, "messages"): 2}
    assert later not in await past.positions()
    assert len(await past.positions()) == 2

    assert (await past.day())[long.organization_uuid, "messages"] == 2


# ---- in the middle of it ----

REMOVING = """
import asyncio, sys
from pathlib import Path
from storage.retention import Retention
from storage.store import open_storage
from tests.storage.doubles import HandClock
from tests.storage.past import KINDS, WEEK

async def remove() -> None:
    clock = HandClock()
    clock.pass_time(days=8)
    async with open_storage(Path(sys.argv[1]), clock) as storage:
        async for _ in Retention(storage, clock, KINDS, WEEK, rows=10).sweep():
            print("step", flush=True)

asyncio.run(remove())
"""


@pytest.mark.sqlite_only("the process that is killed names its database by its folder")
async def test_kill_9_leaves_whole_exchanges_and_the_next_pass_goes_on(
    tmp_path: Path, clock: HandClock
) -> None:
    async with open_storage(tmp_path, clock) as storage:
        past = Past(storage, clock)
        keys = [await past.charger(await past.organization(), f"CP-{n}") for n in range(4)]
        for _ in range(200):
            for key in keys:
                past.says(key)
        await past.days(7)
    left = 1600
    for steps in (3, 20):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", REMOVING, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        for _ in range(steps):
            assert await process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        await process.communicate()

        async with open_storage(tmp_path, clock) as storage:
            past = Past(storage, clock)
            there = await past.positions()
            entries = [seq for key in keys for seq in await past.filed(key.organization_uuid)]
        assert 0 < len(there) < left
        assert there == sorted([*entries, *(seq + 1 for seq in entries)])
        left = len(there)

    async with open_storage(tmp_path, clock) as storage:
        past = Past(storage, clock)
        await past.day()
        assert await past.positions() == []


async def test_whoever_appends_meanwhile_waits_for_one_step_at_most(past: Past) -> None:
    key = await past.charger(await past.organization())
    for _ in range(100):
        past.says(key)
    await past.days(7)
    past.clock.pass_time(days=1)

    steps = 0
    async for removed in past.retention.sweep():
        if removed.rows:
            steps += 1
            position = past.says(key)
            await past.storage.group.flush()  # between two steps, and no later
            assert await stays(past, key, position)

    assert steps >= 10
