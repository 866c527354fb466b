"""Connections of chargers: begun, ended, bounded, and closed after a server that was killed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage.history_records import Visit
from storage.records import ChargerKey
from storage.repositories import visits
from storage.repositories.visits import STOPPED
from storage.statements import visits as statements
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock

FIRST = Visit(
    key=ALICE,
    since=NOON,
    remote_address="192.0.2.7",
    subprotocol="ocpp1.6",
    security_profile=1,
)
LONG = timedelta(seconds=60)


def ended(visit: Visit, **more: Any) -> Visit:
    return replace(visit, until=visit.since + LONG, close_code=1001, frames_received=7, **more)


async def test_what_has_begun_ends(storage: Storage) -> None:
    await storage.visits.note(FIRST)
    assert await storage.visits.page(ALICE, 10) == [FIRST]

    await storage.visits.note(ended(FIRST))
    assert await storage.visits.page(ALICE, 10) == [ended(FIRST)]


async def test_the_newest_come_first_by_pages(storage: Storage) -> None:
    all_ = [replace(FIRST, since=NOON + number * LONG) for number in range(5)]
    for visit in all_:
        storage.visits.note(visit)
    await storage.group.flush()

    page = await storage.visits.page(ALICE, 2)
    assert page == all_[:2:-1]
    assert await storage.visits.page(ALICE, 10, page[-1].since) == all_[2::-1]


async def test_of_one_that_comes_and_goes_the_newest_are_kept(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visits, "TRIMMED_EVERY", 3)
    monkeypatch.setattr(statements, "trim_visits", statements.trimming(4))
    last = NOON
    for _ in range(12):
        last += LONG
        storage.visits.note(ended(replace(FIRST, since=last)))
        storage.visits.note(replace(FIRST, since=last))
    await storage.group.flush()

    kept = await storage.visits.page(ALICE, 100)
    # The one that had begun is there beside those that were kept before it.
    assert [visit.since for visit in kept] == [last - number * LONG for number in range(len(kept))]
    assert len(kept) <= 4 + 3


async def test_a_charger_that_was_deleted_leaves_none_and_gets_none(storage: Storage) -> None:
    await storage.visits.note(FIRST)
    await storage.chargers.delete(ALICE)
    await storage.visits.note(ended(FIRST))
    await storage.visits.note(replace(FIRST, key=BOB))

    for key in (ALICE, BOB, ChargerKey("another", "CP-ALICE")):
        assert await storage.visits.page(key, 10) == []


async def test_what_was_left_open_ends_when_the_charger_was_last_seen(
    storage: Storage, clock: HandClock
) -> None:
    before = replace(FIRST, since=NOON - LONG)
    storage.visits.note(ended(before))
    await storage.visits.note(FIRST)
    await storage.visits.end_abandoned()
    (open_, closed) = await storage.visits.page(ALICE, 10)
    assert open_ == replace(FIRST, until=NOON, close_reason=STOPPED)
    assert closed == ended(before)

    storage.visits.note(replace(FIRST, since=NOON + LONG))
    seen = clock.pass_time(seconds=90)
    storage.chargers.note_seen(ALICE, seen)
    await storage.group.flush()
    await storage.visits.end_abandoned()
    (newest, *_) = await storage.visits.page(ALICE, 10)
    assert (newest.until, newest.close_reason, newest.frames_received) == (seen, STOPPED, None)


async def test_organizations_have_their_own(storage: Storage) -> None:
    await storage.visits.note(FIRST)

    assert ALICE.organization_uuid == ORGANIZATION
    assert await storage.visits.page(ALICE._replace(organization_uuid="x"), 9) == []
