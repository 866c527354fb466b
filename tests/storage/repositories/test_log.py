"""The message log as somebody outside reads it: in order, both ways, by bounded pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from storage.database import Database
from storage.journal import Journal
from storage.records import ChargerKey, Direction, MessageType
from storage.repositories.log import END, Log, Page, Wanted
from tests.storage.doubles import NOON, HandClock

OURS, THEIRS = ChargerKey("organization-a", "CP-1"), ChargerKey("organization-b", "CP-2")


@pytest.fixture
async def spoken(journal: Journal, clock: HandClock) -> list[int]:
    """Ten calls in turn of two chargers, a second apart, each with its answer 0.25 s later."""
    positions = []

    def say(key: ChargerKey, number: int, kind: MessageType, frame: str) -> None:
        way: Direction = "charger_to_platform" if kind == "Call" else "platform_to_charger"
        said = (kind, str(number), "Heartbeat", frame.encode())
        positions.append(journal.append(key, way, "1.6", *said).position)

    for number in range(10):
        key = (OURS, THEIRS)[number % 2]
        say(key, number, "Call", f'[2,"{number}","Heartbeat",{{}}]')
        clock.pass_time(seconds=0.25)
        say(key, number, "CallError" if number == 8 else "CallResult", f'[3,"{number}",{{}}]')
        clock.pass_time(seconds=0.75)
    await journal.flush()
    return positions


async def said(pages: AsyncIterator[Page]) -> list[list[int]]:
    found = [[entry.message.seq for entry in page.entries] async for page in pages]
    return [page for page in found if page]


@pytest.mark.parametrize(
    ("span", "octets", "sizes"),
    [(1000, 1 << 20, 1000), (3, 1 << 20, 1000), (1000, 1200, 1000), (1000, 1 << 20, 3)],
)
async def test_all_is_read_in_order_both_ways_whatever_a_page_is(
    database: Database, spoken: list[int], span: int, octets: int, sizes: int
) -> None:
    log = Log(database, span, octets, sizes)

    forwards = await said(log.forwards(Wanted(), 0, END))
    backwards = await said(log.backwards(Wanted(), 0, END))

    assert [seq for page in forwards for seq in page] == spoken
    assert [seq for page in reversed(backwards) for seq in page] == spoken
    assert (
        (len(forwards) > 5)
        is (len(backwards) > 5)
        is ((span, octets, sizes) != (1000, 1 << 20, 1000))
    )


async def test_it_is_read_from_a_position_on_and_up_to_one(
    database: Database, spoken: list[int]
) -> None:
    log = Log(database)
    between = (spoken[3], spoken[6])

    assert await said(log.forwards(Wanted(), *between)) == [spoken[4:7]]
    assert await said(log.backwards(Wanted(), *between)) == [spoken[4:7]]
    assert await log.newest() == spoken[-1]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (Wanted(organization_uuid="organization-b", message_id="3"), [6, 7]),
        (Wanted(organization_uuid="organization-a", charge_box_ids=("CP-2",)), []),
        (
            Wanted(charge_box_ids=("CP-2", "CP-9"), direction="platform_to_charger"),
            [*range(3, 20, 4)],
        ),
        (Wanted(errors=True), [17]),
        (Wanted(action="Reset"), []),
        (Wanted(since=NOON + timedelta(seconds=9)), [18, 19]),
        (Wanted(until=NOON + timedelta(seconds=1)), [0, 1]),
    ],
)
async def test_what_is_wanted_is_found(
    database: Database, spoken: list[int], wanted: Wanted, places: list[int]
) -> None:
    log = Log(database, span=4)
    bounds = await log.bounds(wanted)
    expected = [spoken[place] for place in places]

    forwards = await said(log.forwards(wanted, *bounds))
    backwards = await said(log.backwards(wanted, *bounds))

    assert [seq for page in forwards for seq in page] == expected
    assert [seq for page in reversed(backwards) for seq in page] == expected


async def test_an_answer_tells_when_was_asked_for_it(database: Database, spoken: list[int]) -> None:
    [page, _] = [page async for page in Log(database).forwards(Wanted(), 0, spoken[1])]

    call, answer = page.entries
    assert call.asked_at is None
    assert answer.asked_at == call.message.timestamp
    assert answer.message.timestamp - answer.asked_at == timedelta(seconds=0.25)


async def test_how_far_has_been_looked_is_told_though_nothing_is_found(
    database: Database, spoken: list[int]
) -> None:
    pages = [page async for page in Log(database, span=8).forwards(Wanted(action="Reset"), 0, END)]

    assert [page.entries for page in pages] == [()] * 3
    assert [page.reached for page in pages] == [spoken[7], spoken[15], spoken[15] + 8]


@pytest.mark.sqlite_only("an empty log is empty on both")
async def test_an_empty_log_is_no_fault(database: Database) -> None:
    log = Log(database)

    assert await log.newest() == 0
    assert await said(log.forwards(Wanted(), 0, END)) == []
    assert await said(log.backwards(Wanted(), 0, END)) == []
