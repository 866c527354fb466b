"""A work in the background: as soon as asked for, again when due, never twice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from csms.upkeep import Upkeep
from tests.csms.desk import Desk, open_desk
from tests.doubles import settled, until


class Work:
    """Count how often it is done."""

    def __init__(self, due: datetime | None = None) -> None:
        self.due = due
        self.done = 0
        self.going_on = asyncio.Event()
        self.going_on.set()

    async def __call__(self) -> datetime | None:
        await self.going_on.wait()
        self.done += 1
        return self.due


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as desk:
        yield desk


async def test_it_is_done_once_for_all_who_ask_at_the_same_time(desk: Desk) -> None:
    work = Work()
    upkeep = Upkeep(desk.station("1.6"), work)
    upkeep.soon()
    upkeep.soon()
    await settled()
    assert work.done == 1
    rested = [upkeep.at_rest]
    upkeep.soon()
    assert [*rested, upkeep.at_rest] == [True, False]
    await until(lambda: work.done == 2)
    await upkeep.close()


async def test_who_asks_while_it_is_done_has_it_done_again(desk: Desk) -> None:
    work = Work()
    work.going_on.clear()
    upkeep = Upkeep(desk.station("1.6"), work)
    upkeep.soon()
    await settled()
    upkeep.soon()
    work.going_on.set()
    await until(lambda: work.done == 2)
    await upkeep.close()


async def test_it_waits_until_it_is_due_unless_somebody_asks(desk: Desk) -> None:
    work = Work(desk.clock.now() + timedelta(hours=1))
    upkeep = Upkeep(desk.station("1.6"), work)
    upkeep.soon()
    await settled()
    assert work.done == 1
    upkeep.soon()
    await until(lambda: work.done == 2)
    await upkeep.close()


async def test_one_that_fails_as_nobody_foresaw_is_told_of_and_due_again(desk: Desk) -> None:
    async def broken() -> datetime | None:
        raise KeyError("secret")

    upkeep = Upkeep(desk.station("1.6"), broken)
    with capture_logs() as logged:
        upkeep.soon()
        await settled()
    assert not upkeep.at_rest
    assert [line["event"] for line in logged] == ["upkeep_failed"]
    assert "secret" not in str(logged)
    await upkeep.close()


async def test_for_a_charger_that_is_gone_nothing_is_done(desk: Desk) -> None:
    work, station = Work(), desk.station("1.6")
    await station.link.close()
    upkeep = Upkeep(station, work)
    upkeep.soon()
    await settled()
    await upkeep.close()

    assert work.done == 0
