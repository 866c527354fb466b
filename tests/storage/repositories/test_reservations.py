"""Reservations end once, and are each charger's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.operation_records import Reservation
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

LATER = NOON + timedelta(hours=1)


def reservation(number: int = 7) -> Reservation:
    return Reservation(
        key=ALICE,
        reservation_id=number,
        evse_id=None,
        id_token="04E91A2B",
        id_token_type="RFID",
        expires_at=LATER,
        state="Asked",
        created_at=NOON,
        updated_at=NOON,
    )


async def test_one_is_kept_and_replaced_by_its_number(storage: Storage) -> None:
    kept = storage.reservations
    await kept.note_asked(reservation())
    await kept.note_asked(replace(reservation(), evse_id=2))

    assert await kept.get(ALICE, 7) == replace(reservation(), evse_id=2)
    assert await kept.get(ALICE, 8) is None
    assert await kept.get(BOB, 7) is None


async def test_it_ends_once_and_only_for_its_charger(storage: Storage) -> None:
    kept = storage.reservations
    await kept.note_asked(reservation())
    await kept.note_ended(BOB, 7, "Used", LATER)
    assert await kept.get(ALICE, 7) == reservation()

    await kept.note_ended(ALICE, 7, "Used", LATER)
    await kept.note_ended(ALICE, 7, "Cancelled", LATER)
    assert await kept.get(ALICE, 7) == replace(reservation(), state="Used", updated_at=LATER)


async def test_it_is_accepted_unless_it_has_been_used_meanwhile(storage: Storage) -> None:
    kept = storage.reservations
    for number in (7, 8):
        await kept.note_asked(reservation(number))
    await kept.note_ended(ALICE, 8, "Used", LATER)
    for number in (7, 8):
        await kept.note_accepted(ALICE, number, LATER)
        await kept.note_accepted(BOB, number, LATER)

    found = await kept.list(ALICE)
    assert [(one.reservation_id, one.state) for one in found] == [(8, "Used"), (7, "Active")]


async def test_they_are_listed_newest_first(storage: Storage) -> None:
    kept = storage.reservations
    for number in (1, 2, 3):
        await kept.note_asked(reservation(number))  # of one moment: the number decides
    first = await kept.list(ALICE, limit=2)

    assert [one.reservation_id for one in first] == [3, 2]
    assert [one.reservation_id for one in await kept.list(ALICE, before=first[-1])] == [1]
    assert await kept.list(BOB) == []
