"""What came along with a start waits for its session, and is found once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.operation_records import AskedStart
from storage.records import ChargerKey
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

DETAILS = {"authorizationReference": "ref", "vehicleIdentification": {"mac": [1, None]}}
START = AskedStart(
    key=ALICE, remote_start_id=7, evse_id=1, id_token="TAG", details=DETAILS, created_at=NOON
)
AN_HOUR_AGO = NOON - timedelta(hours=1)


async def test_a_start_is_found_by_its_number_until_it_is_bound(storage: Storage) -> None:
    await storage.remote_starts.note(START)
    assert await storage.remote_starts.named(ALICE, 7) == START
    assert await storage.remote_starts.named(ALICE, 8) is None
    assert await storage.remote_starts.named(BOB, 7) is None

    await storage.remote_starts.bind(START, "T-1")

    assert await storage.remote_starts.named(ALICE, 7) is None


@pytest.mark.parametrize(
    ("key", "evse_id", "id_token", "since", "found"),
    [
        (ALICE, 1, "TAG", AN_HOUR_AGO, True),
        (ALICE, 1, "tag", AN_HOUR_AGO, True),
        (ALICE, 1, "TAG", NOON + timedelta(seconds=1), False),
        (ALICE, 2, "TAG", AN_HOUR_AGO, False),
        (ALICE, 1, "OTHER", AN_HOUR_AGO, False),
        (BOB, 1, "TAG", AN_HOUR_AGO, False),
    ],
)
async def test_a_start_is_found_by_what_a_1_6_charger_tells(
    storage: Storage,
    key: ChargerKey,
    evse_id: int,
    id_token: str,
    since: datetime,
    found: bool,  # noqa: FBT001 - a column of the table
) -> None:
    await storage.remote_starts.note(START)

    assert (await storage.remote_starts.like(key, evse_id, id_token, since) == START) is found


async def test_a_start_that_names_no_evse_is_of_any(storage: Storage) -> None:
    anywhere = replace(START, evse_id=None)
    await storage.remote_starts.note(anywhere)

    assert await storage.remote_starts.like(ALICE, 2, "TAG", AN_HOUR_AGO) == anywhere


async def test_of_two_that_are_alike_the_newest_is_found_first(storage: Storage) -> None:
    newer = replace(START, remote_start_id=8, created_at=NOON + timedelta(minutes=1))
    storage.remote_starts.note(newer)
    await storage.remote_starts.note(START)
    assert await storage.remote_starts.like(ALICE, 1, "TAG", AN_HOUR_AGO) == newer

    await storage.remote_starts.bind(newer, "T-1")

    assert await storage.remote_starts.like(ALICE, 1, "TAG", AN_HOUR_AGO) == START


async def test_a_start_that_was_refused_is_found_no_more(storage: Storage) -> None:
    storage.remote_starts.note(START)
    await storage.remote_starts.drop(START)

    assert await storage.remote_starts.named(ALICE, 7) is None


async def test_a_number_may_come_again(storage: Storage) -> None:
    storage.remote_starts.note(START)
    await storage.remote_starts.bind(START, "T-1")
    again = replace(START, id_token="NEXT")
    await storage.remote_starts.note(again)

    assert await storage.remote_starts.named(ALICE, 7) == again
