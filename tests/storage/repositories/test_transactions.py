"""Transactions: begun once, ended once, and touched by no charger but their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from storage.records import ChargerKey, MeterValue, Transaction
from storage.repositories.transactions import Wanted
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.records import transaction

HOUR = timedelta(hours=1)


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


def ended(key: ChargerKey, **more: Any) -> Transaction:
    end = {"state": "ended", "stopped_at": NOON + timedelta(hours=1), "ended_by": "charger"}
    return replace(transaction(key), **{**end, **more})


async def stored(storage: Storage, key: ChargerKey = ALICE) -> Transaction | None:
    await storage.group.flush()
    return await storage.transactions.get(key, "4711")


# ---- the course of a transaction ----


async def test_a_transaction_comes_back_as_it_was_noted(storage: Storage) -> None:
    begun = replace(
        transaction(ALICE),
        remote_start_id=2**31 - 1,
        remote_start={"contractId": "DE-ABC"},
        doubts=("clock_ahead",),
    )

    await storage.transactions.note_started(begun)

    assert await storage.transactions.get(ALICE, "4711") == begun
    assert await storage.transactions.running(ALICE) == [begun]


async def test_what_runs_on_a_page_of_chargers_is_read_at_once(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_started(transaction(BOB))
    await storage.transactions.note_changed(ended(BOB))

    names = [ALICE.charge_box_id, BOB.charge_box_id]
    running = await storage.transactions.running_of(ORGANIZATION, names)

    assert running == {ALICE.charge_box_id: [transaction(ALICE)], BOB.charge_box_id: []}
    assert await storage.transactions.running_of(ORGANIZATION, []) == {}


async def test_a_start_that_is_noted_again_changes_nothing(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_started(replace(transaction(ALICE), meter_start_wh=5.0))

    assert await storage.transactions.running(ALICE) == [transaction(ALICE)]


async def test_a_change_is_noted_whole(storage: Storage) -> None:
    changed = ended(
        ALICE,
        evse_id=2,
        connector_id=2,
        id_token="LATE",
        remote_start_id=9,
        remote_start={"emspPartyId": "ABC"},
        meter_start_wh=5.0,
        meter_stop_wh=4500.5,
        energy_wh=4495.5,
        stop_reason="Local",
        stop_asked_at=NOON,
        doubts=("register_backwards", "clock_ahead"),
    )
    await storage.transactions.note_started(transaction(ALICE))

    await storage.transactions.note_changed(changed)

    assert await stored(storage) == changed
    assert await storage.transactions.running(ALICE) == []


async def test_what_its_charger_has_ended_does_not_change(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_changed(ended(ALICE, ended_by="operator"))

    await storage.transactions.note_changed(ended(ALICE, meter_stop_wh=9000.0))
    await storage.transactions.note_meter_values([value(9.0)], ended(ALICE, energy_wh=9.0))

    assert await stored(storage) == ended(ALICE, ended_by="operator")


@pytest.mark.parametrize("conclusion", ["superseded", "boot"])
async def test_what_we_have_concluded_does(
    storage: Storage, conclusion: Literal["superseded", "boot"]
) -> None:
    await storage.transactions.note_started(transaction(ALICE))
    await storage.transactions.note_changed(ended(ALICE, ended_by=conclusion))

    await storage.transactions.note_changed(ended(ALICE, meter_stop_wh=9000.0))

    assert await stored(storage) == ended(ALICE, meter_stop_wh=9000.0)


async def test_another_charger_cannot_end_it(storage: Storage) -> None:
    """CVE-2026-28230: any charger could stop any transaction."""
    await storage.transactions.note_started(transaction(ALICE))

    await storage.transactions.note_changed(ended(BOB))

    assert await stored(storage) == transaction(ALICE)


async def test_an_orphan_is_kept_once_and_yields_to_its_start(storage: Storage) -> None:
    orphan = replace(transaction(ALICE), state="orphan", energy_wh=7.0)
    await storage.transactions.note_orphan(orphan)
    await storage.transactions.note_orphan(replace(orphan, energy_wh=None))
    assert await stored(storage) == orphan

    await storage.transactions.note_started(transaction(ALICE))

    assert await stored(storage) == transaction(ALICE)
    await storage.transactions.note_orphan(orphan)
    assert await stored(storage) == transaction(ALICE)


async def test_a_transaction_goes_before_another_charger_s_orphan_of_its_id(
    storage: Storage,
) -> None:
    later = replace(transaction(BOB), state="orphan", started_at=NOON + timedelta(days=1))
    storage.transactions.note_orphan(later)
    await storage.transactions.note_started(transaction(ALICE))

    assert await storage.transactions.find(ORGANIZATION, "4711") == transaction(ALICE)


# ---- finding ----


async def test_a_repeated_start_is_recognised_while_the_first_runs(storage: Storage) -> None:
    begun = transaction(ALICE)
    await storage.transactions.note_started(begun)

    assert await storage.transactions.find_start(*start_of(begun)) == begun
    await storage.transactions.note_changed(ended(ALICE))
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


async def test_only_what_is_wanted_is_listed(storage: Storage) -> None:
    begun = [
        replace(transaction(ALICE, str(hour)), evse_id=hour % 2, started_at=NOON + hour * HOUR)
        for hour in range(4)
    ]
    for one in begun:
        storage.transactions.note_started(one)
    over = replace(ended(ALICE), transaction_id="1", evse_id=1, started_at=NOON + HOUR)
    await storage.transactions.note_changed(over)

    async def listed(charge_box_id: str | None = None, **wanted: Any) -> str:
        found = await storage.transactions.list(
            ORGANIZATION, charge_box_id, 10, None, Wanted(**wanted)
        )
        return "".join(one.transaction_id for one in found)

    assert await listed() == "3210"
    assert await listed(state="running") == await listed("CP-ALICE", state="running") == "320"
    assert await listed(state="ended") == await listed("CP-ALICE", state="ended") == "1"
    assert await listed(state="orphan") == await listed("CP-BOB", state="running") == ""
    assert await listed(evse_id=1) == "31"
    assert await listed(since=NOON + HOUR, until=NOON + 3 * HOUR) == "21"
    page = await storage.transactions.list(
        ORGANIZATION, None, 10, begun[2], Wanted(until=NOON + 3 * HOUR)
    )
    assert [one.transaction_id for one in page] == ["1", "0"]


# ---- meter values ----


async def test_meter_values_come_back_in_the_order_they_were_told(storage: Storage) -> None:
    told = [value(1.5), value(2.0)._replace(phase=None, context=None, location=None), value(3.0)]

    storage.transactions.note_meter_values(told[:2])
    storage.transactions.note_meter_values([value(9.0, "4712")])
    await storage.transactions.note_meter_values(told[2:])

    assert await storage.transactions.meter_values(ALICE, "4711") == told
    assert await storage.transactions.meter_values(BOB, "4711") == []


async def test_meter_values_tell_the_energy_so_far(storage: Storage) -> None:
    await storage.transactions.note_started(transaction(ALICE))

    metered = replace(transaction(ALICE), meter_start_wh=900.0, energy_wh=100.0)
    await storage.transactions.note_meter_values([value(1000.0)], metered)

    assert await stored(storage) == metered


async def test_meter_values_are_read_message_by_message(storage: Storage) -> None:
    for each in range(3):
        await storage.transactions.note_meter_values([value(each), value(each + 0.5)])

    first = await storage.transactions.readings(ALICE, "4711", 2)
    rest = await storage.transactions.readings(ALICE, "4711", 2, after=first[-1].id)

    assert [[one.value for one in each.values] for each in (*first, *rest)] == [
        [0.0, 0.5],
        [1.0, 1.5],
        [2.0, 2.5],
    ]
    assert len(first) == 2
    assert await storage.transactions.readings(BOB, "4711", 2) == []
