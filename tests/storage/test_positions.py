"""A moment is found in the log by halving it, whatever has been removed from it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from storage.database import Database
from storage.journal import Journal
from storage.positions import position_at
from storage.schema import messages
from storage.tenancy import acting_for, on_behalf_of
from tests.storage.doubles import ALICE, BOB, NOON, HandClock

SECOND = timedelta(seconds=1)


@pytest.fixture
async def log(journal: Journal, clock: HandClock) -> Journal:
    """Log a hundred messages, one a second, the first at noon."""
    for number in range(100):
        key = BOB if number % 10 else ALICE
        journal.append(key, "charger_to_platform", "1.6", "Call", str(number), "Heartbeat", b"[2]")
        clock.pass_time(seconds=1)
    await journal.flush()
    return journal


@pytest.mark.parametrize(
    ("moment", "position"),
    [
        (NOON - timedelta(days=365), 1),
        (NOON, 1),
        (NOON + 0.5 * SECOND, 2),
        (NOON + 41 * SECOND, 42),
        (NOON + 99 * SECOND, 100),
        (NOON + 100 * SECOND, 101),
        (NOON + timedelta(days=365), 101),
    ],
)
async def test_the_first_position_that_is_not_older_is_found(
    log: Journal, database: Database, moment: object, position: int
) -> None:
    assert await position_at(database, moment) == position  # type: ignore[arg-type] # of the table


async def test_every_moment_is_found_where_much_is_gone(log: Journal, database: Database) -> None:
    await database.execute(delete(messages).where(messages.c.seq.between(3, 89)))
    kept = [1, 2, *range(90, 101)]

    for second in range(101):
        found = await position_at(database, NOON + second * SECOND)
        assert [seq for seq in kept if seq >= found] == [seq for seq in kept if seq > second]


async def test_of_messages_at_the_same_moment_the_first_is_found(
    journal: Journal, database: Database
) -> None:
    for number in range(10):
        journal.append(BOB, "charger_to_platform", "1.6", "Call", str(number), None, b"[2]")
    await journal.flush()

    assert await position_at(database, NOON) == 1


async def test_an_empty_log_has_no_moments(database: Database) -> None:
    assert await position_at(database, NOON) == 0


async def test_positions_are_the_same_for_every_organization(
    log: Journal, database: Database
) -> None:
    with on_behalf_of("somebody"):
        assert await position_at(database, NOON + 41 * SECOND) == 42
        assert acting_for() == "somebody"
