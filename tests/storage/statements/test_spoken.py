"""Filed or not, what a charger's links said is read as if the log held nothing else."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage import engines
from storage.compiled import Compiled
from storage.database import Database, Row
from storage.errors import StorageUnavailable
from storage.group_commit import GroupCommit
from storage.journal import Journal
from storage.records import ChargerKey, Message
from storage.repositories.queues import Place, Queues
from storage.schema import charger_messages, messages
from storage.sqlite import DIALECT
from storage.statements.messages import append_message, filed_page
from storage.statements.spoken import file_messages, filing
from tests.storage.doubles import ALICE, BOB, UNSTORABLE, HandClock, empty_disk, fill_disk

pytestmark = pytest.mark.both_engines

METERS = "MeterValues"
KINDS = frozenset({("1.6", METERS)})
EVERYTHING = 100_000
LARGE = b"x" * 200_000  # what a full disk has no room for
CHARGERS = (ALICE, BOB)


class Log:
    """A log in which chargers talk, filed every few messages, and the plain list of its rows."""

    def __init__(self, database: Database, group: GroupCommit, at_once: int) -> None:
        self.database = database
        self._group = group
        self._at_once = at_once
        self._calls = 0

    async def begin(self) -> None:
        """Open the log, also after it was open before."""
        await self._group.flush()
        self.journal = await Journal.open(self.database, self._group, HandClock(), self._at_once)

    async def room(self) -> None:
        """Let the disk have room again, and wait until that is known."""
        await empty_disk(self.database)
        await self._group.back()

    def call(self, key: ChargerKey = ALICE, frame: bytes = b"[2]", id: str = "") -> None:
        self._calls += 1
        name = id or str(self._calls)
        self.journal.append(key, "charger_to_platform", "1.6", "Call", name, METERS, frame)

    def answer(self, key: ChargerKey = ALICE) -> None:
        name = str(self._calls)
        self.journal.append(key, "platform_to_charger", "1.6", "CallResult", name, None, b"[3]")

    def noise(self, key: ChargerKey = ALICE) -> None:
        self.journal.append(key, "charger_to_platform", "1.6", "Unreadable", None, None, b"?")

    async def settle(self) -> None:
        """Wait for what was said to be on disk, or lost because there was none."""
        with suppress(StorageUnavailable):
            await self.journal.flush()

    async def rows(self, key: ChargerKey = ALICE) -> list[Row]:
        """Return what the log has of a charger's links."""
        await self.settle()
        log = await self.database.fetch(select(messages).order_by(messages.c.seq))
        return [row for row in log if (row["organization_uuid"], row["charge_box_id"]) == key]

    async def filed(self) -> list[int]:
        """Return the positions of what is filed."""
        await self.settle()
        entries = await self.database.fetch(
            select(charger_messages.c.seq)
            .where(charger_messages.c.charge_box_id != "")
            .order_by(charger_messages.c.seq)
        )
        return [entry["seq"] for entry in entries]


@asynccontextmanager
async def opened(at_once: int) -> AsyncIterator[Log]:
    with tempfile.TemporaryDirectory() as directory:
        database = await engines.open_database(engines.default_url(Path(directory)))
        group = GroupCommit(database, apart=[append_message])
        writing = asyncio.create_task(group.run())
        log = Log(database, group, at_once)
        await log.begin()
        yield log
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await database.close()


@pytest.fixture
async def log() -> AsyncIterator[Log]:
    async with opened(5) as log:
        yield log


def seqs(read: Sequence[Message] | Sequence[Row]) -> list[int]:
    return [each["seq"] if isinstance(each, dict) else each.seq for each in read]  # type: ignore[union-attr] # Row is a Mapping


# ---- the same as the whole log ----


async def check(log: Log, key: ChargerKey, position: int, limit: int) -> None:
    """Compare each way to read with the plain list."""
    rows = await log.rows(key)
    said = [row for row in rows if row["answers"] is None]
    answered = {row["answers"]: row["seq"] for row in rows}
    calls = [row["seq"] for row in said if row["message_type"] == "Call"]
    waiting = [seq for seq in calls if seq > position]
    place, queues = Place(1, key, position), Queues(log.database, GroupCommit(log.database))

    found = await log.journal.exchanges(key, before=position, limit=limit)
    assert [one.call.seq for one in found] == [r for r in seqs(said) if r < position][::-1][:limit]
    found = await log.journal.exchanges(key, action=METERS, limit=limit)
    assert [one.call.seq for one in found] == calls[::-1][:limit]
    answers = [one.answer.seq if one.answer else None for one in found]
    assert answers == [answered.get(one.call.seq) for one in found]
    assert seqs(await log.journal.read_calls(key, position, limit)) == waiting[:limit]
    assert seqs(await queues.waiting(place, limit)) == waiting[:limit]
    assert seqs(await queues.kept(place, KINDS, limit)) == waiting[:limit]
    assert [one.seq for one in await queues.page(place, KINDS, limit)] == waiting[:limit]
    through = position + limit
    size = await queues.size(place, KINDS, through)
    assert size.messages == len([seq for seq in waiting if seq <= through])


SAY = st.tuples(st.sampled_from(["call", "answer", "noise"]), st.sampled_from(CHARGERS))
EVENT = st.sampled_from(["pause", "commit", "restart", "poison", "full", "room"])
STORY = st.lists(st.one_of(SAY, SAY, SAY, EVENT), max_size=60)
READS = st.lists(st.tuples(st.sampled_from(CHARGERS), st.integers(0, 50), st.integers(1, 20)))


async def happens(log: Log, event: str) -> None:
    if event == "poison":
        log.call(id=UNSTORABLE)
    elif event == "commit":
        await log.settle()
    elif event == "restart":
        await log.begin()
    elif event == "full":
        await fill_disk(log.database)
        log.call(frame=LARGE)
    elif event == "room":
        await log.room()
    else:
        await asyncio.sleep(0)


@given(story=STORY, reads=READS, at_once=st.integers(1, 10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_story_is_read_as_from_a_plain_list(
    story: Sequence[str | tuple[str, ChargerKey]],
    reads: Sequence[tuple[ChargerKey, int, int]],
    at_once: int,
) -> None:
    async def tell() -> None:
        async with opened(at_once) as log:
            for step in story:
                if isinstance(step, str):
                    await happens(log, step)
                else:
                    getattr(log, step[0])(step[1])
            for read in reads:
                await check(log, *read)

    asyncio.run(tell())


# ---- what is filed, and when ----


async def test_what_is_no_answer_is_filed_every_few_messages(log: Log) -> None:
    for _ in range(3):
        log.call()
        log.answer()
        await log.settle()
    assert await log.filed() == [1, 3]

    for _ in range(6):
        log.call(BOB)
        await log.settle()
    assert await log.filed() == [1, 3, 5, 7, 8, 9, 10, 11]


async def test_restarts_do_not_put_filing_off(log: Log) -> None:
    for _ in range(7):
        log.call()
        await log.begin()

    assert await log.filed() == [1, 2, 3, 4, 5]


async def test_what_a_full_disk_kept_from_being_filed_is_filed_the_next_time(log: Log) -> None:
    for _ in range(4):
        log.call()
    await log.settle()
    await fill_disk(log.database)
    for _ in range(4):
        log.call(frame=LARGE)
    await log.settle()
    assert await log.filed() == []
    await log.room()

    for _ in range(6):
        log.call()
        await log.settle()

    assert await log.filed() == [1, 2, 3, 4, 9, 10, 11]
    assert seqs(await log.journal.read_calls(ALICE, 0, 50)) == [1, 2, 3, 4, *range(9, 15)]


@pytest.mark.parametrize("refused", range(1, 13))
async def test_a_refused_message_in_the_same_batch_hides_no_other(log: Log, refused: int) -> None:
    for number in range(1, 13):
        log.call(id=UNSTORABLE if number == refused else "")

    read = seqs(await log.rows())

    assert read == [number for number in range(1, 13) if number != refused]
    assert seqs(await log.journal.read_calls(ALICE, 0, 50)) == read


async def test_what_is_filed_is_not_filed_again(log: Log) -> None:
    for _ in range(4):
        log.call()
    await log.settle()
    for _ in range(2):
        await log.database.execute(file_messages)

    assert await log.filed() == [1, 2, 3, 4]


async def test_what_was_not_filed_for_long_is_filed_piece_by_piece(log: Log) -> None:
    for _ in range(3):
        log.call()
        log.answer()
    await log.settle()
    piece, found = filing(4), []
    for _ in range(3):
        await log.database.execute(piece)
        found.append(await log.filed())

    assert found == [[1, 3], [1, 3, 5], [1, 3, 5]]
    assert seqs(await log.journal.read_calls(ALICE, 0, 50)) == [1, 3, 5]


async def test_a_position_that_is_filed_is_never_given_again(log: Log) -> None:
    for _ in range(4):
        log.call()
    await log.settle()
    await log.database.execute(file_messages)
    await log.database.execute(messages.delete())
    await log.begin()

    log.call()

    await log.settle()
    assert seqs(await log.journal.read_calls(ALICE, 0, 50)) == [5]


# ---- what a page costs ----


@pytest.mark.sqlite_only("counts the steps of its machine")
@pytest.mark.parametrize("filters", [frozenset[str](), frozenset({"action"})])
def test_a_page_of_a_long_history_costs_no_more_than_one_of_a_short(
    empty_database: Path, tmp_path: Path, filters: frozenset[str]
) -> None:
    connection = sqlite3.connect(shutil.copy(empty_database, tmp_path / "long.sqlite3"))
    page = Compiled(filed_page(filters), DIALECT)

    def cost(through: int) -> int:
        """Count the steps that SQLite takes, in hundreds."""
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        bounds = {"after": 0, "through": through - 101, "limit": 50}
        values = {**ALICE._asdict(), **bounds, "action": METERS}
        connection.set_progress_handler(step, 100)
        assert len(connection.execute(page.sql, page.bind(values)).fetchall()) == 50
        connection.set_progress_handler(None, 0)
        return steps

    costs = []
    for first in (0, 2000):
        _fill(connection, range(first + 1, 10 * first + 2001))
        costs.append(cost(10 * first + 2000))

    connection.close()
    assert costs[1] <= costs[0] + 2


def _fill(connection: sqlite3.Connection, positions: Sequence[int]) -> None:
    log = Compiled(append_message, DIALECT)
    rows = [
        (n, 0, *CHARGERS[n % 2], "charger_to_platform", "1.6", "Call", str(n), METERS, b"[2]")
        + (None,) * 4
        for n in positions
    ]
    connection.executemany(log.sql, rows)
    filing = Compiled(file_messages, DIALECT)
    connection.execute(filing.sql, filing.bind({}))
