"""Transactions: begun once, ended once, and touched by no charger but their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.records import ChargerKey, MeterValue, Transaction
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.records import transaction


def start_of(begun: Transaction) -> tuple[ChargerKey, int, str | None, str, float | None]:
    return (
        begun.key,
        begun.evse_id,
        begun.id_token,
        begun.start_timestamp,
        begun.meter_start_wh,
    )


def value(measured: float, transaction_id: str = "4711") -> MeterValue:
    return MeterValue(
        key=ALICE,
        transaction_id=transaction_id,
        evse_id=1,
        taken_at=NOON,
        measurand="Energy.Active.Import.Register",
        value=measured,
        unit="Wh",
        phase="L1",
        context="Sample.Periodic",
        location="Outlet",
    )


async def ended(storage: Storage, key: ChargerKey, meter_stop_wh: float | None) -> Transaction:
    await storage.transactions.note_ended(
        key,
        "4711",
        stopped_at=NOON + timedelta(hours=1),
        meter_stop_wh=meter_stop_wh,
        stop_reason="Local",
    )
    found = await storage.transactions.get(ALICE, "4711")
    assert found
    return found


# ---- the course of a transaction ----


async def test_a_transaction_comes_back_as_it_was_noted(storage: Storage) -> None:
    begun = replace(transaction(ALICE), remote_start_id=2**31 - 1)

    await storage.transactions.note_started(begun)

    assert await storage.transactions.get(ALICE, "4711") == begun
    assert await storage.transactions.running(ALICE) == [begun]


async def test_what_runs_on_a_page_of_chargers_is_read_at_once(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_started(transaction(BOB))
    await ended(storage, BOB, None)

    names = [ALICE.charge_box_id, BOB.charge_box_id]
    running = await storage.transactions.running_of(ORGANIZATION, names)

    assert running == {ALICE.charge_box_id: [transaction(ALICE)], BOB.charge_box_id: []}
    assert await storage.transactions.running_of(ORGANIZATION, []) == {}


async def test_a_start_that_is_noted_again_changes_nothing(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_started(replace(transaction(ALICE), meter_start_wh=5.0))

    assert await storage.transactions.running(ALICE) == [transaction(ALICE)]


async def test_what_its_start_did_not_tell_is_filled_in_once(storage: Storage) -> None:
    silent = replace(
        transaction(ALICE), evse_id=0, connector_id=None, id_token=None, remote_start_id=None
    )
    told = replace(silent, evse_id=2, connector_id=1, id_token="LATE", remote_start_id=9)
    await storage.transactions.note_started(silent)

    await storage.transactions.note_particulars(told)
    await storage.transactions.note_particulars(replace(told, evse_id=3, id_token="LATER"))

    assert await storage.transactions.running(ALICE) == [told]


async def test_its_end_tells_the_energy(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))

    found = await ended(storage, ALICE, 4500.5)

    assert found == replace(
        transaction(ALICE),
        state="ended",
        stopped_at=NOON + timedelta(hours=1),
        meter_stop_wh=4500.5,
        energy_wh=3500.5,
        stop_reason="Local",
    )
    assert await storage.transactions.running(ALICE) == []


async def test_the_first_end_counts(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await ended(storage, ALICE, 2000.0)

    assert (await ended(storage, ALICE, 9000.0)).energy_wh == 1000.0


async def test_another_charger_cannot_end_it(storage: Storage) -> None:
    """CVE-2026-28230: any charger could stop any transaction."""
    await storage.transactions.note_started(transaction(ALICE))

    assert await ended(storage, BOB, 4000.0) == transaction(ALICE)


@pytest.mark.parametrize("meter_stop_wh", [None, 10.0])
async def test_a_last_meter_that_tells_nothing_leaves_what_was_measured(
    storage: Storage, meter_stop_wh: float | None
) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_meter_values([value(3000.0)], 3000.0)

    assert (await ended(storage, ALICE, meter_stop_wh)).energy_wh == 2000.0


# ---- finding ----


async def test_a_repeated_start_is_recognised_while_the_first_runs(storage: Storage) -> None:
    begun = transaction(ALICE)
    await storage.transactions.note_started(begun)

    assert await storage.transactions.find_start(*start_of(begun)) == begun
    await ended(storage, ALICE, None)
    assert await storage.transactions.find_start(*start_of(begun)) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(transaction(BOB)),
        replace(transaction(ALICE), evse_id=2),
        replace(transaction(ALICE), id_token="OTHER"),
        replace(transaction(ALICE), id_token=None),
        replace(transaction(ALICE), start_timestamp="2026-03-01T12:00:00+00:00"),
        replace(transaction(ALICE), meter_start_wh=1000.5),
        replace(transaction(ALICE), meter_start_wh=None),
    ],
)
async def test_a_start_that_differs_is_another(storage: Storage, other: Transaction) -> None:
    await storage.transactions.note_started(transaction(ALICE))

    assert await storage.transactions.find_start(*start_of(other)) is None


async def test_a_start_without_token_and_meter_is_recognised(storage: Storage) -> None:
    begun = replace(transaction(ALICE), id_token=None, meter_start_wh=None)
    await storage.transactions.note_started(begun)

    assert await storage.transactions.find_start(*start_of(begun)) == begun


async def test_an_id_is_taken_within_its_organization(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))

    assert await storage.transactions.taken(ORGANIZATION, "4711")
    assert not await storage.transactions.taken(ORGANIZATION, "4712")
    assert not await storage.transactions.taken("unknown", "4711")
    assert await storage.transactions.find(ORGANIZATION, "4711") == transaction(ALICE)
    assert await storage.transactions.find("unknown", "4711") is None


@pytest.mark.parametrize(
    ("charge_box_id", "expected"),
    [(None, ["c", "b2", "b1", "a"]), ("CP-ALICE", ["c", "b1", "a"]), ("CP-NOBODY", [])],
)
async def test_transactions_are_listed_newest_first_page_by_page(
    storage: Storage, charge_box_id: str | None, expected: Sequence[str]
) -> None:
    starts = [("b1", ALICE, 1), ("c", ALICE, 2), ("a", ALICE, 0), ("b2", BOB, 1)]
    for id, key, hour in starts:
        begun = replace(transaction(key, id), started_at=NOON + timedelta(hours=hour))
        storage.transactions.note_started(begun)
    await storage.group.flush()

    found: list[Transaction] = []
    while page := await storage.transactions.list(
        ORGANIZATION, charge_box_id, limit=1, before=found[-1] if found else None
    ):
        found += page

    assert [each.transaction_id for each in found] == expected


# ---- meter values ----


async def test_meter_values_come_back_in_the_order_they_were_told(storage: Storage) -> None:
    told = [value(1.5), value(2.0)._replace(phase=None, context=None, location=None), value(3.0)]

    storage.transactions.note_meter_values(told[:2])
    storage.transactions.note_meter_values([value(9.0, "4712")])
    await storage.transactions.note_meter_values(told[2:])

    assert await storage.transactions.meter_values(ALICE, "4711") == told
    assert await storage.transactions.meter_values(BOB, "4711") == []
