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
    await kept.note_put(reservation())
    await kept.note_put(replace(reservation(), state="Active", evse_id=2))

    assert await kept.get(ALICE, 7) == replace(reservation(), state="Active", evse_id=2)
    assert await kept.get(ALICE, 8) is None
    assert await kept.get(BOB, 7) is None


async def test_it_ends_once_and_only_for_its_charger(storage: Storage) -> None:
    kept = storage.reservations
    await kept.note_put(reservation())
    await kept.note_ended(BOB, 7, "Used", LATER)
    assert await kept.get(ALICE, 7) == reservation()

    await kept.note_ended(ALICE, 7, "Used", LATER)
    await kept.note_ended(ALICE, 7, "Cancelled", LATER)
    assert await kept.get(ALICE, 7) == replace(reservation(), state="Used", updated_at=LATER)


async def test_they_are_listed_newest_first(storage: Storage) -> None:
    kept = storage.reservations
    for number in (1, 2, 3):
        await kept.note_put(reservation(number))  # of one moment: the number decides
    first = await kept.list(ALICE, limit=2)

    assert [one.reservation_id for one in first] == [3, 2]
    assert [one.reservation_id for one in await kept.list(ALICE, before=first[-1])] == [1]
    assert await kept.list(BOB) == []
