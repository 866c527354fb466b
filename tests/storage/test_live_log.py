"""Whoever follows the log is told what is committed: in order, once, and all or how much is not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from storage.database import Write
from storage.errors import StorageUnavailable
from storage.live_log import NEWEST, Entry, Follower, LiveLog, Missed, Wanted
from storage.records import ChargerKey
from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, BOB, ORGANIZATION, PATIENCE, UNSTORABLE, HandClock

STRANGER = ChargerKey("another", "CP-ALICE")
HEARTBEAT = b'[2,"1","Heartbeat",{}]'


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, HandClock()) as storage:
        yield storage


@pytest.fixture
async def live_log(storage: Storage) -> AsyncIterator[LiveLog]:
    live_log = LiveLog(storage.database, storage.journal)
    with live_log.listening(storage.commits):
        yield live_log


def says(
    storage: Storage, key: ChargerKey = ALICE, action: str = "Heartbeat", frame: bytes = HEARTBEAT
) -> int:
    """Have something logged, and return its position."""
    journal = storage.journal
    return journal.append(key, "charger_to_platform", "1.6", "Call", "1", action, frame).position


def follow(
    live_log: LiveLog, wanted: Wanted | None = None, after: int | None = None
) -> AbstractContextManager[Follower]:
    return live_log.follow(ORGANIZATION, wanted or Wanted(), after)


class Reader:
    """Read what a follower is told, some at a time."""

    def __init__(self, follower: Follower) -> None:
        self._told = follower.messages()
        self._left: list[Entry] = []

    async def next(self) -> int | Missed:
        """Return the position of the next message, or how many were missed."""
        async with asyncio.timeout(PATIENCE):
            while not self._left:
                told = await anext(self._told)
                if isinstance(told, Missed):
                    return told
                self._left += told
        return self._left.pop(0).seq

    async def take(self, count: int) -> list[int | Missed]:
        return [await self.next() for _ in range(count)]


async def test_what_is_committed_is_told_in_order(storage: Storage, live_log: LiveLog) -> None:
    says(storage)
    await storage.journal.flush()
    with follow(live_log) as follower:
        reader = Reader(follower)
        said = [says(storage), says(storage, BOB)]
        says(storage, STRANGER)
        said.append(says(storage))

        assert await reader.take(3) == said


async def test_what_is_not_on_disk_is_not_told(storage: Storage, live_log: LiveLog) -> None:
    with follow(live_log) as follower:
        reader = Reader(follower)
        first, _refused, last = says(storage), says(storage, action=UNSTORABLE), says(storage)

        assert await reader.take(2) == [first, last]


async def test_a_record_is_as_it_is_read_from_the_log(storage: Storage, live_log: LiveLog) -> None:
    with follow(live_log) as follower, follow(live_log, after=0) as resumed:
        journal = storage.journal
        asked = journal.append(ALICE, "charger_to_platform", "1.6", "Call", "1", "A", HEARTBEAT, 7)
        journal.append(ALICE, "platform_to_charger", "1.6", "CallResult", "1", "A", b"[3]", 7)
        await journal.flush()
        [live] = [await anext(follower.messages())]
        [read] = [await anext(resumed.messages())]

    assert isinstance(live, list)
    assert isinstance(read, list)
    assert [each.message for each in live] == [each.message for each in read]
    assert [each.answers for each in live] == [None, asked.position]
    assert [each.answers for each in read] == [None, asked.position]


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (Wanted(charge_box_id=BOB.charge_box_id), [1]),
        (Wanted(action="Reset"), [2, 3]),
        (Wanted(direction="platform_to_charger"), [3]),
        (Wanted(ALICE.charge_box_id, "Heartbeat", "charger_to_platform"), [0, 4]),
    ],
    ids=["charger", "action", "direction", "all"],
)
async def test_only_what_is_wanted_is_told(
    storage: Storage, live_log: LiveLog, wanted: Wanted, places: Sequence[int]
) -> None:
    with follow(live_log, wanted) as follower, follow(live_log, wanted, after=0) as resumed:
        said = [says(storage), says(storage, BOB), says(storage, action="Reset")]
        journal = storage.journal
        answer = journal.append(
            ALICE, "platform_to_charger", "1.6", "CallResult", "9", "Reset", b"[3]"
        )
        said += [answer.position, says(storage)]
        await journal.flush()
        expected = [said[place] for place in places]

        assert await Reader(follower).take(len(expected)) == expected
        assert await Reader(resumed).take(len(expected)) == expected


async def test_it_goes_on_from_a_position_without_a_hole_or_a_double(
    storage: Storage, live_log: LiveLog
) -> None:
    said = [says(storage) for _ in range(50)]
    await storage.journal.flush()
    with follow(live_log, after=said[9]) as follower:
        reader = Reader(follower)
        said += [says(storage) for _ in range(50)]
        await storage.journal.flush()  # it is in the log and among the newest as well
        told = await reader.take(40)
        said += [says(storage) for _ in range(50)]
        told += await reader.take(100)

    assert told == said[10:]


async def test_behind_a_position_that_was_never_given_all_is_new(
    storage: Storage, live_log: LiveLog
) -> None:
    says(storage)
    await storage.journal.flush()
    with follow(live_log, after=10**17) as follower:
        said = [says(storage), says(storage)]

        assert await Reader(follower).take(2) == said


async def test_who_comes_back_too_late_is_told_the_newest(
    storage: Storage, live_log: LiveLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.live_log.MOST_RESUMED", 10)
    said = [says(storage) for _ in range(50)]
    await storage.journal.flush()
    with follow(live_log, after=said[4]) as follower:
        told = await Reader(follower).take(11)

    assert told == [Missed(35), *said[40:]]


async def test_who_is_too_slow_is_told_how_much_he_missed(storage: Storage) -> None:
    small = LiveLog(storage.database, storage.journal, most_kept=200)
    with small.listening(storage.commits), follow(small) as follower:
        reader = Reader(follower)
        said = [says(storage) for _ in range(1000)]
        await storage.journal.flush()
        told = await reader.take(1 + NEWEST)

    assert told == [Missed(1000 - NEWEST), *said[-NEWEST:]]


async def test_what_was_read_from_the_log_was_not_missed(storage: Storage) -> None:
    small = LiveLog(storage.database, storage.journal, most_kept=50)
    said = [says(storage) for _ in range(300)]
    await storage.journal.flush()
    with small.listening(storage.commits), follow(small, after=said[0] - 1) as follower:
        reader = Reader(follower)
        told = [await reader.next()]
        said += [says(storage) for _ in range(200)]
        await storage.journal.flush()
        told += await reader.take(len(said) - 1)
        said.append(says(storage))
        told.append(await reader.next())

    assert told == said


async def test_large_frames_are_kept_no_more_than_there_is_room_for(storage: Storage) -> None:
    small = LiveLog(storage.database, storage.journal, most_octets=1000)
    with small.listening(storage.commits), follow(small) as follower:
        reader = Reader(follower)
        said = [says(storage, frame=b"x" * 600) for _ in range(5)]
        await storage.journal.flush()

        assert await reader.take(2) == [Missed(4), said[-1]]


async def test_where_nobody_follows_nothing_is_kept(storage: Storage, live_log: LiveLog) -> None:
    with follow(live_log), follow(live_log):
        assert len(live_log._tails) == 1
    says(storage)
    await storage.journal.flush()

    assert live_log._tails == {}


async def test_what_was_committed_as_the_database_went_is_told_when_it_is_back(
    storage: Storage, live_log: LiveLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = storage.database.inner  # type: ignore[attr-defined] # `open_storage` has it watched
    write = inner.write

    async def breaking(writes: Sequence[Write]) -> None:
        await write(writes)
        if writes:
            raise StorageUnavailable

    with follow(live_log) as follower:
        reader = Reader(follower)
        before = says(storage)
        assert await reader.next() == before
        monkeypatch.setattr(inner, "write", breaking)
        doubtful = says(storage)
        with contextlib.suppress(StorageUnavailable):
            await storage.journal.flush()
        monkeypatch.setattr(inner, "write", write)
        async with asyncio.timeout(PATIENCE):
            await storage.group.back()
        after = says(storage)

        assert await reader.take(2) == [doubtful, after]
