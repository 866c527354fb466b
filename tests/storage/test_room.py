"""There is a partition for every row, before the row: whatever the clock does, whatever is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from storage.clock import EPOCH, MICROSECOND
from storage.database import Database, Statement, Values
from storage.errors import StorageError, StorageUnavailable
from storage.group_commit import GroupCommit
from storage.journal import Journal, Receipt
from storage.partitions import SPAN, WEEK, drop, partitions_of, week_of
from storage.records import MeterValue
from storage.repositories.transactions import Transactions
from storage.room import Ahead, Divided, Whole
from tests.storage.doubles import ALICE, NOON, PATIENCE, HandClock
from tests.storage.postgres import Admin

postgresql = pytest.mark.postgresql_only("only there is anything divided")
MOMENT = (NOON - EPOCH) // MICROSECOND


def say(journal: Journal) -> Receipt:
    return journal.append(ALICE, "charger_to_platform", "1.6", "Call", "id", "Heartbeat", b"[2]")


async def say_until_stored(journal: Journal) -> Receipt:
    """Say it again and again, as chargers do while the database is away."""
    async with asyncio.timeout(PATIENCE):
        while True:
            receipt = say(journal)
            await asyncio.gather(journal.flush(), return_exceptions=True)
            if receipt.fault is None:
                return receipt
            await asyncio.sleep(0.01)


# ---- where ----


def test_what_is_whole_has_room_for_all() -> None:
    room = Whole().of_log(17, MOMENT, MOMENT - 5 * WEEK)

    assert room.position == 17
    assert room.making is None
    assert room.last > 2**62
    assert room.since < -(2**62)


def test_the_next_message_is_the_next_position_in_the_same_week() -> None:
    room = Divided().of_log(17, MOMENT, MOMENT - 1)

    assert (room.position, room.last) == (17, SPAN - 1)
    assert (room.since, room.until) == (week_of(MOMENT), week_of(MOMENT) + WEEK)


@pytest.mark.parametrize("newest", [MOMENT - WEEK, MOMENT + WEEK])
def test_another_week_begins_another_partition(newest: int) -> None:
    room = Divided().of_log(17, MOMENT, newest)

    assert (room.position, room.last) == (SPAN, 2 * SPAN - 1)


def test_a_partition_that_nothing_is_in_is_not_passed_over() -> None:
    assert Divided().of_log(SPAN, MOMENT, MOMENT - WEEK).position == SPAN


def test_the_first_message_of_all_begins_where_the_log_does() -> None:
    assert Divided().of_log(1, MOMENT, None).position == 1


# ---- ahead of the rows ----


class Submissions(GroupCommit):
    """Keeps what is submitted."""

    def __init__(self) -> None:
        self.losses = 0
        self.submitted: list[Statement] = []

    def add(self, statement: Statement, _values: Values, tell: object = None) -> None:  # type: ignore[override] # nobody asks for the batch
        self.submitted.append(statement)
        self.tell = tell


def test_what_is_whole_needs_nothing_made() -> None:
    group = Submissions()
    ahead = Ahead(group)

    ahead.make(Whole().of_readings(MOMENT))

    assert group.submitted == []
    assert ahead.losses == group.losses


def test_what_was_made_is_relied_upon_until_something_is_lost() -> None:
    group = Submissions()
    ahead = Ahead(group)
    assert ahead.losses != group.losses

    ahead.make(Divided().of_readings(MOMENT))

    assert len(group.submitted) == 1
    assert ahead.losses == group.losses
    group.losses += 1
    assert ahead.losses != group.losses


def test_what_the_database_refused_is_made_again() -> None:
    group = Submissions()
    ahead = Ahead(group)
    ahead.make(Divided().of_readings(MOMENT))

    group.tell(StorageError())  # type: ignore[operator] # it is one

    assert ahead.losses != group.losses


# ---- the log ----


async def test_positions_leave_none_out_within_a_week(
    journal: Journal, clock: HandClock, engine: str
) -> None:
    positions = []
    for _ in range(3):
        positions.append(say(journal).position)
        clock.pass_time(days=3)
    await journal.flush()

    # Noon is a Sunday's.
    assert positions == {"sqlite": [1, 2, 3], "postgresql": [1, SPAN, SPAN + 1]}[engine]
    assert [call.seq for call in await journal.read_calls(ALICE, 0, 10)] == positions


async def test_another_process_goes_on_in_the_same_partition_for_the_same_week(
    database: Database, group: GroupCommit, clock: HandClock, engine: str
) -> None:
    positions = []
    for days in (0, 6, 1):
        clock.pass_time(days=days)
        positions.append(say(await Journal.open(database, group, clock)).position)
        await group.flush()

    second = {"sqlite": 2, "postgresql": SPAN}[engine]
    assert positions == [1, second, second + 1]


@postgresql
async def test_a_partition_holds_one_week_and_every_message_however_the_clock_is_set(
    journal: Journal, clock: HandClock, admin: Admin
) -> None:
    receipts = []
    for days in (0, 1, 3653, -3653, -30, 29, 0.5, 0.5, 365, -366):
        clock.pass_time(days=days)
        receipts += [say(journal) for _ in range(3)]
    await journal.flush()

    assert [receipt.fault for receipt in receipts] == [None] * 30
    weeks: dict[str, set[int]] = {}
    for partition, moment in admin.asked("SELECT tableoid::regclass, timestamp FROM messages"):
        weeks.setdefault(partition, set()).add(week_of(moment))
    assert len(weeks) > 3
    assert {len(each) for each in weeks.values()} == {1}


@postgresql
async def test_a_full_partition_is_followed_by_another(
    database: Database, group: GroupCommit, clock: HandClock
) -> None:
    journal = Journal(database, group, clock, head=SPAN - 3, filed=SPAN - 3)

    receipts = [say(journal) for _ in range(5)]
    await journal.flush()

    assert [receipt.fault for receipt in receipts] == [None] * 5
    assert [part.first for part in await partitions_of(database, "messages")] == [0, SPAN]
    assert [part.first for part in await partitions_of(database, "charger_messages")] == [0, SPAN]


# ---- what is lost ----


@pytest.fixture
def admin(url: URL) -> Iterator[Admin]:
    with Admin.of(url) as admin:
        yield admin


BUSY = ("BEGIN", "LOCK TABLE messages IN SHARE UPDATE EXCLUSIVE MODE")


@postgresql
async def test_what_was_lost_with_its_batch_is_made_again(journal: Journal, admin: Admin) -> None:
    admin.does(*BUSY)
    lost = say(journal)
    admin.cut_off(await asyncio.to_thread(admin.waiting))
    admin.does("ROLLBACK")
    await asyncio.gather(journal.flush(), return_exceptions=True)
    assert isinstance(lost.fault, StorageUnavailable)

    stored = await say_until_stored(journal)

    assert [call.seq for call in await journal.read_calls(ALICE, 0, 10)] == [stored.position]


@postgresql
async def test_what_is_refused_is_tried_again(journal: Journal, admin: Admin) -> None:
    admin.does("CREATE VIEW messages_0 AS SELECT 1 AS in_the_way")
    refused = say(journal)
    await journal.flush()
    admin.does("DROP VIEW messages_0")

    stored = say(journal)
    await journal.flush()

    assert isinstance(refused.fault, StorageError)
    assert stored.fault is None


# ---- readings ----


async def test_readings_are_stored_in_the_week_they_came_in(
    database: Database, group: GroupCommit, clock: HandClock, engine: str
) -> None:
    transactions = Transactions(database, group, clock)
    for days in (0, 1, 30, -60):
        clock.pass_time(days=days)
        value = MeterValue(ALICE, "t", 1, NOON, "Power.Active.Import", float(days), "W")
        await transactions.note_meter_values([value])

    told = await transactions.meter_values(ALICE, "t")
    assert [value.value for value in told] == [0.0, 1.0, 30.0, -60.0]
    weeks = await partitions_of(database, "meter_readings")
    assert len(weeks) == {"sqlite": 0, "postgresql": 4}[engine]


@postgresql
async def test_a_week_that_was_dropped_is_made_again(
    database: Database, group: GroupCommit, clock: HandClock
) -> None:
    transactions = Transactions(database, group, clock)
    value = MeterValue(ALICE, "t", 1, NOON, "Power.Active.Import", 1.0, "W")
    await transactions.note_meter_values([value])
    for part in await partitions_of(database, "meter_readings"):
        await drop(database, part)

    with pytest.raises(StorageError):
        await transactions.note_meter_values([value])

    await transactions.note_meter_values([value])
    assert len(await transactions.meter_values(ALICE, "t")) == 1
