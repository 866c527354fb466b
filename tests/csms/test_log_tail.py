"""What came last, and what comes: read beside whoever writes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from csms.log_lines import Lines
from csms.log_tail import Tail
from storage.clock import SystemClock
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from storage.repositories.log import Log, Wanted
from storage.store import Storage, open_storage

CP_1 = ChargerKey("organization-a", "CP-1")


class Screen:
    """What was shown, and whoever waits for a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.complaints: list[str] = []
        self._more = asyncio.Event()

    def tell(self, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    def complain(self, told: str) -> None:
        self.complaints.append(told)
        self._more.set()

    @property
    def ids(self) -> list[str]:
        return [re.findall(r"Heartbeat (\S+)", line)[0] for line in self.lines]

    async def shows(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.lines) < count:
                self._more.clear()
                await self._more.wait()

    async def complains(self) -> None:
        async with asyncio.timeout(20):
            while not self.complaints:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, SystemClock()) as storage:
        yield storage


async def say(storage: Storage, *ids: str) -> None:
    for id in ids:
        frame = f'[2,"{id}","Heartbeat",{{}}]'.encode()
        said = ("charger_to_platform", "1.6", "Call", id, "Heartbeat", frame)
        storage.journal.append(CP_1, *said)  # type: ignore[arg-type]  # literals
    await storage.journal.flush()


@asynccontextmanager
async def following(tail: Tail, after: int) -> AsyncIterator[None]:
    running = asyncio.create_task(tail.follow(after))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_newest_come_first_and_then_what_comes(storage: Storage) -> None:
    screen = Screen()
    tail = Tail(Log(storage.database), Wanted(), Lines(), screen.tell, screen.complain)
    await say(storage, "1", "2", "3")
    head = await tail.past(2)
    assert screen.ids == ["2", "3"]

    await say(storage, "4")
    async with following(tail, head):
        await screen.shows(3)
        await say(storage, "5", "6")
        await screen.shows(5)

    assert screen.ids == ["2", "3", "4", "5", "6"]
    assert screen.complaints == []


@pytest.mark.sqlite_only("what is searched is the line")
async def test_a_pattern_is_looked_for_in_the_whole_line_however_short_it_is_shown(
    storage: Storage,
) -> None:
    screen = Screen()
    narrow = Lines(width=40)
    pattern = re.compile(r"heart.*needle$", re.IGNORECASE)
    tail = Tail(Log(storage.database), Wanted(), narrow, screen.tell, screen.complain, pattern)
    for end in (b"needle", b"needles"):
        garbage = b"x" * 100 + end
        said = ("charger_to_platform", "1.6", "Unreadable", "1", "Heartbeat", garbage)
        storage.journal.append(CP_1, *said)  # type: ignore[arg-type]  # literals
    await storage.journal.flush()

    await tail.past(10)

    day, *lines = screen.lines
    assert day.startswith("--- ")
    assert len(lines) == 1


@pytest.mark.sqlite_only("how far is looked back is counted in positions")
async def test_what_is_too_far_back_is_not_looked_for_and_that_is_told(storage: Storage) -> None:
    screen = Screen()
    wanted = Wanted(action="Reset")
    tail = Tail(Log(storage.database, span=2), wanted, Lines(), screen.tell, screen.complain)
    await say(storage, *"123456789")

    assert await tail.past(1, looked_back=4) == storage.journal.head
    assert screen.complaints == [
        "The newest 4 messages were looked through; --since looks further."
    ]


@pytest.mark.sqlite_only("the fault is made")
async def test_it_goes_on_when_the_database_is_back(storage: Storage) -> None:
    class Away(Log):
        there = False

        async def newest(self) -> int:
            if not self.there:
                raise StorageUnavailable
            return await super().newest()

    screen, log = Screen(), Away(storage.database)
    tail = Tail(log, Wanted(), Lines(), screen.tell, screen.complain)
    await say(storage, "1")
    async with following(tail, 0):
        await screen.complains()
        log.there = True
        await screen.shows(1)

    assert screen.complaints == [
        "The database is not available. It goes on when the database is back."
    ]
