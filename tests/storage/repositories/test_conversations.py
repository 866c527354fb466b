"""The message log of an organization comes in pages that are over soon, and nothing is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.database import NO_VALUES, Row, Statement
from storage.records import ChargerKey
from storage.repositories import conversations
from storage.repositories.conversations import Conversations
from storage.statements import messages as statements
from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock

STRANGER = ChargerKey("another", "CP-ALICE")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, clock) as storage:
        yield storage


async def said(storage: Storage, count: int, frame: bytes = b"[]") -> list[int]:
    """Log calls of two chargers, an answer to each and what a stranger says; return the calls."""
    journal, calls = storage.journal, list[int]()
    for number in range(count):
        key, id = (ALICE, BOB)[number % 2], str(number)
        action = "Heartbeat" if number % 2 else "MeterValues"
        call = journal.append(key, "charger_to_platform", "1.6", "Call", id, action, frame)
        calls.append(call.position)
        journal.append(key, "platform_to_charger", "1.6", "CallResult", id, action, frame)
        journal.append(STRANGER, "charger_to_platform", "1.6", "Call", id, action, frame)
    await journal.flush()
    return calls


async def read(storage: Storage, limit: int = 100, **filters: Any) -> tuple[list[int], int]:
    """Return the positions of all pages, and how many pages there are."""
    found, before, pages = list[int](), None, 0
    while pages == 0 or before is not None:
        page = await storage.conversations.page(ORGANIZATION, limit=limit, before=before, **filters)
        for exchange in page.exchanges:
            assert exchange.answer is not None
            assert exchange.answer.message_id == exchange.call.message_id
            found.append(exchange.call.seq)
        before, pages = page.before, pages + 1
    return found, pages


@pytest.mark.parametrize(("limit", "pages"), [(100, 1), (10, 1), (9, 2), (3, 4), (1, 10)])
async def test_pages_are_as_long_as_they_may_be(storage: Storage, limit: int, pages: int) -> None:
    calls = await said(storage, 10)

    assert await read(storage, limit) == (calls[::-1], pages)


async def test_what_is_wanted_is_found_however_rare_it_is(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "LOOKED_THROUGH", 7)
    calls = await said(storage, 30)

    assert await read(storage, message_id="3") == ([calls[3]], 9)
    found, _ = await read(storage, action="Heartbeat", direction="charger_to_platform")
    assert found == calls[::-2]


async def test_a_page_has_no_more_bytes_than_it_has_room_for(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MOST_OCTETS", 250)
    calls = await said(storage, 10, b"x" * 100)

    assert await read(storage) == (calls[::-1], 5)
    monkeypatch.setattr(conversations, "MOST_OCTETS", 50)
    assert await read(storage) == (calls[::-1], 10)


class SaidMeanwhile:
    """A database into which more is written as soon as somebody has asked how much there is."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def fetch(self, statement: Statement, values: Row = NO_VALUES) -> list[Row]:
        rows = await self._storage.database.fetch(statement, values)
        if statement is statements.sizes_of_all(frozenset()):
            await said(self._storage, 1)
        return rows


async def test_what_is_said_while_a_page_is_read_takes_no_place_in_it(storage: Storage) -> None:
    calls = await said(storage, 5)
    meanwhile = Conversations(SaidMeanwhile(storage))  # type: ignore[arg-type] # only asked
    page = await meanwhile.page(ORGANIZATION, limit=2)

    assert [exchange.call.seq for exchange in page.exchanges] == calls[:2:-1]
    assert page.before == calls[3]


async def test_times_bound_what_is_read(storage: Storage, clock: HandClock) -> None:
    await said(storage, 2)
    clock.pass_time(hours=3)
    later = await said(storage, 2)
    clock.pass_time(hours=3)
    await said(storage, 2)

    since, until = NOON + timedelta(hours=2), NOON + timedelta(hours=4)
    page = await storage.conversations.page(ORGANIZATION, since=since, until=until)

    assert [exchange.call.seq for exchange in page.exchanges] == later[::-1]


async def test_nothing_was_said_yet(storage: Storage) -> None:
    assert await read(storage) == ([], 1)
    page = await storage.conversations.page(ORGANIZATION, until=NOON - timedelta(days=400))
    assert page == ([], None)
