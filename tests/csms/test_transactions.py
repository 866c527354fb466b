from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from csms.transactions import TransactionLedger, random_transaction_id
from storage.operation_records import AskedStart
from storage.records import Transaction
from tests.csms.desk import Desk, open_desk
from tests.storage.doubles import ALICE, BOB, NOON, empty_disk, fill_disk

START: dict[str, Any] = {
    "evse_id": 1,
    "id_token": "TAG",
    "timestamp": "2026-03-01T11:00:00Z",
    "meter_start": 1000,
}
STOP = {
    "timestamp": "2026-03-01T11:30:00Z",
    "meter_stop": 4500,
    "reason": "EVDisconnected",
    "transaction_data": None,
}
BEGUN = Transaction(
    key=ALICE,
    transaction_id="1",
    evse_id=1,
    connector_id=1,
    id_token="TAG",
    started_at=NOON - timedelta(hours=1),
    meter_start_wh=1000.0,
    start_timestamp="2026-03-01T11:00:00Z",
)


def ledger_of(desk: Desk, **more: Any) -> TransactionLedger:
    """Return a ledger that has nothing in mind."""
    storage = desk.storage
    return TransactionLedger(storage.transactions, storage.remote_starts, desk.clock, **more)


def energy(
    reading: Any, unit: str = "Wh", at: str = "2026-03-01T11:15:00Z", **more: Any
) -> list[Any]:
    sample = {"value": reading, "unit": unit, **more}
    return [{"timestamp": at, "sampledValue": [sample]}]


# ---- 1.6: start ----


async def test_a_start_is_recorded_with_an_id_of_ours(desk: Desk) -> None:
    assert await desk.books.transactions.start(ALICE, **START) == 1

    assert await desk.transactions() == [BEGUN]


def test_ids_are_random_positive_and_of_31_bits() -> None:
    drawn = [random_transaction_id() for _ in range(10_000)]

    assert all(0 < id < 2**31 for id in drawn)
    assert max(drawn) > 2**30  # not a counter
    assert len(set(drawn)) > 9_990


async def test_a_repeated_start_gets_the_same_id_and_stores_nothing_new(desk: Desk) -> None:
    ledger = desk.books.transactions

    assert await ledger.start(ALICE, **START) == 1
    await desk.storage.group.flush()
    assert await ledger.start(ALICE, **START) == 1

    assert await desk.transactions() == [BEGUN]


async def test_a_start_that_comes_twice_in_one_moment_is_one_transaction(desk: Desk) -> None:
    ledger = desk.books.transactions

    ids = await asyncio.gather(*(ledger.start(ALICE, **START) for _ in range(5)))

    assert len(set(ids)) == 1
    assert len(await desk.transactions()) == 1


async def test_a_start_that_comes_twice_while_it_is_committed_is_one_transaction(
    desk: Desk,
) -> None:
    ledger = desk.books.transactions

    async def late(moments: int) -> int:
        for _ in range(moments):
            await asyncio.sleep(0)
        return await ledger.start(ALICE, **START)

    assert set(await asyncio.gather(*map(late, range(40)))) == {1}


async def test_a_repeat_after_a_restart_is_recognised(desk: Desk) -> None:
    assert await desk.books.transactions.start(ALICE, **START) == 1
    await desk.storage.group.flush()
    restarted = ledger_of(desk)

    assert await restarted.start(ALICE, **START) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"evse_id": 2},
        {"id_token": "OTHER"},
        {"id_token": None},
        {"timestamp": "2026-03-01T11:00:01Z"},
        {"meter_start": 1001},
        {"meter_start": None},
    ],
)
async def test_another_start_is_another_transaction(desk: Desk, change: dict[str, Any]) -> None:
    ledger = desk.books.transactions

    assert await ledger.start(ALICE, **START) != await ledger.start(ALICE, **(START | change))


async def test_the_same_start_of_another_charger_is_another_transaction(desk: Desk) -> None:
    ledger = desk.books.transactions

    assert await ledger.start(ALICE, **START) != await ledger.start(BOB, **START)


async def test_a_start_like_one_that_has_ended_is_new(desk: Desk) -> None:
    ledger = desk.books.transactions
    first = await ledger.start(ALICE, **START)
    await desk.storage.group.flush()
    await ledger.stop(ALICE, str(first), **STOP)

    assert await ledger.start(ALICE, **START) != first


async def test_an_id_is_given_once_within_the_organization(tmp_path: Path) -> None:
    numbers = chain([7, 7, 7, 8], repeat(9))
    async with open_desk(tmp_path, lambda: next(numbers)) as desk:
        ledger = desk.books.transactions

        ids = await asyncio.gather(ledger.start(ALICE, **START), ledger.start(BOB, **START))
        await desk.storage.group.flush()

        assert sorted(ids) == [7, 8]
        assert await ledger.start(ALICE, **(START | {"evse_id": 2})) == 9


async def test_a_start_that_could_not_be_stored_is_forgotten(desk: Desk) -> None:
    ledger = desk.books.transactions
    await fill_disk(desk.storage.database)
    stored, lost = 0, START
    while len(await desk.transactions()) == stored:  # some still fit into the last pages
        lost = START | {"id_token": f"{stored:03}" * 85}
        unanswered = await ledger.start(ALICE, **lost)
        stored += 1

    await empty_disk(desk.storage.database)
    await desk.storage.group.back()
    again = await ledger.start(ALICE, **lost)

    assert again != unanswered
    assert str(again) in [one.transaction_id for one in await desk.transactions()]


@pytest.mark.parametrize(
    "absurd",
    ["222222017-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "1970-01-01", "", None, 17, {"a": []}],
)
async def test_an_absurd_timestamp_is_recorded_as_now(desk: Desk, absurd: Any) -> None:
    await desk.books.transactions.start(ALICE, **(START | {"timestamp": absurd}))

    [begun] = await desk.transactions()
    assert begun.started_at == NOON
    assert len(begun.start_timestamp) <= 64


# ---- 1.6: meter values and stop ----


async def started(desk: Desk, **change: Any) -> str:
    return str(await desk.books.transactions.start(ALICE, **(START | change)))


async def test_meter_values_are_stored_and_tell_the_energy_so_far(desk: Desk) -> None:
    id = await started(desk)

    await desk.books.transactions.meter(ALICE, id, energy("2,5", "kWh"))

    [value] = await desk.measured(id)
    assert (value.value, value.unit, value.evse_id) == (2.5, "kWh", 1)
    [running] = await desk.transactions()
    assert (running.state, running.energy_wh) == ("running", 1500.0)


async def test_a_stop_ends_the_transaction_with_its_energy(desk: Desk) -> None:
    id = await started(desk)

    await desk.books.transactions.stop(ALICE, id, **STOP)

    assert await desk.transactions() == [
        replace(
            BEGUN,
            state="ended",
            stopped_at=NOON - timedelta(minutes=30),
            meter_stop_wh=4500.0,
            energy_wh=3500.0,
            stop_reason="EVDisconnected",
            ended_by="charger",
        )
    ]


async def test_transaction_data_of_a_stop_are_meter_values(desk: Desk) -> None:
    id = await started(desk)

    await desk.books.transactions.stop(ALICE, id, **(STOP | {"transaction_data": energy(4400)}))

    assert [value.value for value in await desk.measured(id)] == [4400.0]
    [ended] = await desk.transactions()
    assert ended.meter_stop_wh == 4500.0


@pytest.mark.parametrize("meter_stop", [None, "", "full", {}])
async def test_without_a_meter_stop_the_last_reading_counts(desk: Desk, meter_stop: Any) -> None:
    id = await started(desk)

    await desk.books.transactions.meter(ALICE, id, energy(2000))
    await desk.books.transactions.meter(ALICE, id, energy(3000))
    await desk.books.transactions.stop(ALICE, id, **(STOP | {"meter_stop": meter_stop}))

    [ended] = await desk.transactions()
    assert (ended.meter_stop_wh, ended.energy_wh) == (3000.0, 2000.0)


async def test_the_last_reading_counts_also_after_a_restart(desk: Desk) -> None:
    id = await started(desk)
    await desk.books.transactions.meter(ALICE, id, energy(3000))
    await desk.storage.group.flush()
    restarted = ledger_of(desk)

    await restarted.stop(ALICE, id, **(STOP | {"meter_stop": None}))

    [ended] = await desk.transactions()
    assert ended.energy_wh == 2000.0


async def test_a_repeated_stop_changes_nothing(desk: Desk) -> None:
    id = await started(desk)
    await desk.books.transactions.stop(ALICE, id, **STOP)
    ended = await desk.transactions()

    await desk.books.transactions.stop(
        ALICE, id, **(STOP | {"meter_stop": 9999, "transaction_data": energy(9999)})
    )

    assert await desk.transactions() == ended
    assert await desk.measured(id) == []


async def test_a_stop_right_after_its_start_finds_it_uncommitted(desk: Desk) -> None:
    ledger = desk.books.transactions

    await ledger.stop(ALICE, str(await ledger.start(ALICE, **START)), **STOP)

    [ended] = await desk.transactions()
    assert ended.state == "ended"


async def test_what_no_longer_is_in_mind_is_read_again(desk: Desk) -> None:
    ledger = ledger_of(desk, max_known=1)
    ids = [str(await ledger.start(key, **START)) for key in (ALICE, BOB)]
    await desk.storage.group.flush()

    for key, id in zip((ALICE, BOB), ids, strict=True):
        await ledger.meter(key, id, energy(3000))
        await ledger.stop(key, id, **STOP)

    records = [*await desk.transactions(ALICE), *await desk.transactions(BOB)]
    assert [one.energy_wh for one in records] == [3500.0, 3500.0]


async def test_no_transaction_ends_before_it_began(desk: Desk) -> None:
    id = await started(desk)

    await desk.books.transactions.stop(ALICE, id, **(STOP | {"timestamp": "2026-01-01T00:00:00Z"}))

    [ended] = await desk.transactions()
    assert ended.stopped_at == ended.started_at


async def test_a_charger_cannot_touch_another_charger_s_transaction(desk: Desk) -> None:
    """The flaw of CVE-2026-28230."""
    id = await started(desk)

    with capture_logs() as logs:
        await desk.books.transactions.meter(BOB, id, energy(9999))
        await desk.books.transactions.stop(BOB, id, **STOP)

    assert await desk.transactions(ALICE) == [BEGUN]
    assert await desk.measured(id) == []
    assert [(one.transaction_id, one.state) for one in await desk.transactions(BOB)] == [
        (id, "orphan")
    ]
    assert [(log["event"], log["charge_box_id"]) for log in logs] == [
        ("unknown_transaction", BOB.charge_box_id)
    ]


async def test_a_charger_is_busy_while_a_transaction_runs(desk: Desk) -> None:
    ledger = desk.books.transactions
    assert not await ledger.busy(ALICE)

    id = await started(desk)
    assert await ledger.busy(ALICE)
    await desk.storage.group.flush()
    assert await ledger.busy(ALICE)
    assert not await ledger.busy(BOB)

    await ledger.stop(ALICE, id, **STOP)
    assert not await ledger.busy(ALICE)


# ---- who ended it ----


async def test_a_stop_that_we_asked_for_is_the_operator_s(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)

    await ledger.note_stop_asked(ALICE, id)
    [asked] = await desk.transactions()
    await ledger.stop(ALICE, id, **STOP)

    [ended] = await desk.transactions()
    assert (asked.state, asked.ended_by, asked.stop_asked_at) == ("running", None, NOON)
    assert (ended.ended_by, ended.stop_reason) == ("operator", "EVDisconnected")


async def test_a_stop_asked_for_while_an_event_is_looked_through_is_the_operator_s(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, named = desk.books.transactions, desk.storage.remote_starts.named

    async def meanwhile(*start: Any) -> AskedStart | None:
        await ledger.note_stop_asked(ALICE, "tx-1")
        return await named(*start)

    await ledger.event(ALICE, **event("Started"))
    monkeypatch.setattr(desk.storage.remote_starts, "named", meanwhile)
    started = {"transactionId": "tx-1", "remoteStartId": 77}
    await ledger.event(ALICE, **event("Updated", transaction_info=started))
    await ledger.event(ALICE, **event("Ended", "2026-03-01T11:30:00Z"))

    [ended] = await desk.transactions()
    assert (ended.ended_by, ended.remote_start_id) == ("operator", 77)


async def test_a_stop_that_the_charger_refused_is_not(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)

    await ledger.note_stop_asked(ALICE, id)
    await ledger.note_stop_refused(ALICE, id)
    await ledger.stop(ALICE, id, **STOP)

    [ended] = await desk.transactions()
    assert ended.ended_by == "charger"


async def test_that_a_stop_was_asked_for_outlives_us(desk: Desk) -> None:
    id = await started(desk)
    await desk.books.transactions.note_stop_asked(ALICE, id)
    await desk.storage.group.flush()

    await ledger_of(desk).stop(ALICE, id, **STOP)

    [ended] = await desk.transactions()
    assert ended.ended_by == "operator"


async def test_nobody_can_ask_for_what_is_over_or_another_charger_s(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)
    await ledger.note_stop_asked(BOB, id)
    await ledger.stop(ALICE, id, **STOP)
    await ledger.note_stop_asked(ALICE, id)

    [ended] = await desk.transactions()
    assert (ended.ended_by, ended.stop_asked_at) == ("charger", None)


LATER = {"timestamp": "2026-03-01T11:20:00Z", "id_token": "NEXT"}


async def test_the_next_start_on_a_connector_ends_what_runs_there(desk: Desk) -> None:
    """Whose stop was lost is no zombie (field note 20)."""
    id = await started(desk)
    await desk.books.transactions.meter(ALICE, id, energy(3000))

    await started(desk, **LATER)
    await started(desk, **LATER, evse_id=2)

    lost, *others = await desk.transactions()
    assert (lost.state, lost.ended_by, lost.stop_reason) == ("ended", "superseded", None)
    assert lost.stopped_at == NOON - timedelta(minutes=40)
    assert (lost.meter_stop_wh, lost.energy_wh) == (3000.0, 2000.0)
    assert [one.state for one in others] == ["running", "running"]


async def test_the_next_start_ends_what_is_not_committed_yet(desk: Desk) -> None:
    ledger = desk.books.transactions
    for minute in range(3):
        await ledger.start(ALICE, **(START | {"timestamp": f"2026-03-01T11:0{minute}:00Z"}))

    assert [one.ended_by for one in await desk.transactions()] == ["superseded"] * 2 + [None]
    assert [one.transaction_id for one in await ledger.running(ALICE)] == ["3"]


async def test_a_start_of_long_ago_that_is_told_late_ends_nothing(desk: Desk) -> None:
    await started(desk)
    await started(desk, timestamp="2026-03-01T09:00:00Z")

    assert [one.state for one in await desk.transactions()] == ["running", "running"]


async def test_a_late_stop_corrects_what_was_concluded(desk: Desk) -> None:
    id = await started(desk)
    await started(desk, **LATER)

    await desk.books.transactions.meter(ALICE, id, energy(2000))
    await desk.books.transactions.stop(ALICE, id, **STOP)
    await desk.books.transactions.stop(ALICE, id, **(STOP | {"meter_stop": 9999}))

    ended = (await desk.transactions())[0]
    assert (ended.ended_by, ended.stop_reason) == ("charger", "EVDisconnected")
    assert (ended.stopped_at, ended.energy_wh) == (NOON - timedelta(minutes=30), 3500.0)


# ---- what a boot tells ----


async def test_a_boot_alone_ends_nothing(desk: Desk) -> None:
    """Some chargers boot at each reconnect, in the middle of a session (field note 3)."""
    await started(desk)

    await desk.books.transactions.booted(ALICE)

    assert [one.state for one in await desk.transactions()] == ["running"]


async def test_a_connector_that_is_idle_after_a_boot_has_lost_its_transaction(desk: Desk) -> None:
    ledger = desk.books.transactions
    await started(desk)
    await started(desk, evse_id=2)

    await ledger.booted(ALICE)
    ledger.idle(BOB, 1, 1)
    ledger.idle(ALICE, 1, 1)

    lost, other = await desk.transactions()
    assert (lost.state, lost.ended_by, lost.stop_reason) == ("ended", "boot", None)
    assert lost.stopped_at == NOON
    assert other.state == "running"


async def test_a_connector_that_is_idle_without_a_boot_has_not(desk: Desk) -> None:
    """Its stop is still on its way."""
    await started(desk)

    desk.books.transactions.idle(ALICE, 1, 1)

    assert [one.state for one in await desk.transactions()] == ["running"]


@pytest.mark.parametrize(("connector_id", "state"), [(2, "running"), (1, "ended")])
async def test_another_plug_of_its_evse_may_be_idle(
    desk: Desk, connector_id: int, state: str
) -> None:
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started", evse={"id": 1, "connectorId": 1}))
    await ledger.booted(ALICE)

    ledger.idle(ALICE, 1, connector_id)

    assert [one.state for one in await desk.transactions()] == [state]


async def test_what_began_after_the_boot_is_not_in_question(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.booted(ALICE)
    await started(desk)

    ledger.idle(ALICE, 1, 1)

    assert [one.state for one in await desk.transactions()] == ["running"]


async def test_what_is_measured_after_the_boot_goes_on(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)
    await ledger.booted(ALICE)

    await ledger.meter(ALICE, id, energy(3000, at="2026-03-01T12:01:00Z"))
    ledger.idle(ALICE, 1, 1)

    assert [one.state for one in await desk.transactions()] == ["running"]


async def test_what_seemed_lost_runs_again_when_the_charger_measures_it(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)
    await ledger.booted(ALICE)
    ledger.idle(ALICE, 1, 1)

    await ledger.meter(ALICE, id, energy(2000))  # of before the boot
    [lost] = await desk.transactions()
    await ledger.meter(ALICE, id, energy(3000, at="2026-03-01T12:01:00Z"))

    [running] = await desk.transactions()
    assert (lost.state, lost.energy_wh) == ("ended", 1000.0)
    assert (running.state, running.ended_by, running.stopped_at) == ("running", None, None)
    assert running.energy_wh == 2000.0
    assert await ledger.busy(ALICE)


async def test_its_late_stop_corrects_the_end_at_the_boot(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)
    await ledger.booted(ALICE)
    ledger.idle(ALICE, 1, 1)

    await ledger.stop(ALICE, id, **(STOP | {"reason": "PowerLoss"}))

    [ended] = await desk.transactions()
    assert (ended.ended_by, ended.stop_reason, ended.energy_wh) == ("charger", "PowerLoss", 3500.0)


# ---- what cannot be ----


async def test_a_register_that_runs_backwards_is_kept_and_not_counted(desk: Desk) -> None:
    id = await started(desk)
    for register in (5000, 200, 4000):
        await desk.books.transactions.meter(ALICE, id, energy(register))

    [running] = await desk.transactions()
    assert [value.value for value in await desk.measured(id)] == [5000.0, 200.0, 4000.0]
    assert (running.energy_wh, running.doubts) == (4000.0, ("register_backwards",))


async def test_a_stop_at_a_meter_that_cannot_be_has_the_energy_measured_before(desk: Desk) -> None:
    id = await started(desk)
    await desk.books.transactions.meter(ALICE, id, energy(3000))

    await desk.books.transactions.stop(ALICE, id, **(STOP | {"meter_stop": 4_000_000_000}))

    [ended] = await desk.transactions()
    assert (ended.energy_wh, ended.meter_stop_wh) == (2000.0, 4e9)
    assert ended.doubts == ("register_implausible",)


async def test_what_is_wrong_with_its_times_is_named(desk: Desk) -> None:
    id = await started(desk, timestamp="2026-03-01T13:00:00Z")
    await desk.books.transactions.stop(ALICE, id, **(STOP | {"timestamp": "1970-01-01T00:00:00Z"}))

    [ended] = await desk.transactions()
    assert ended.doubts == ("clock_ahead", "timestamp_not_credible", "ends_before_start")


# ---- whose start we never had ----


async def test_meter_values_of_no_transaction_that_we_know_are_kept(desk: Desk) -> None:
    ledger = desk.books.transactions

    await ledger.meter(ALICE, "777", energy(1000), 2)
    await ledger.meter(ALICE, "777", energy(1500, at="2026-03-01T11:20:00Z"), 2)

    [orphan] = await desk.transactions()
    assert (orphan.transaction_id, orphan.state, orphan.evse_id) == ("777", "orphan", 2)
    assert orphan.started_at == NOON - timedelta(minutes=45)
    assert orphan.energy_wh == 500.0
    assert len(await desk.measured("777")) == 2
    assert not await ledger.busy(ALICE)


async def test_its_stop_ends_it_once(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.meter(ALICE, "777", energy(1000))

    for meter_stop in (4500, 9999):
        await ledger.stop(ALICE, "777", **(STOP | {"meter_stop": meter_stop}))

    [orphan] = await desk.transactions()
    assert (orphan.state, orphan.ended_by, orphan.stop_reason) == (
        "orphan",
        "charger",
        "EVDisconnected",
    )
    assert (orphan.energy_wh, orphan.stopped_at) == (3500.0, NOON - timedelta(minutes=30))


async def test_a_stop_without_an_id_is_kept_once_under_one_of_ours(desk: Desk) -> None:
    """Offline starts come with -1 or 0 in the stop (field note 9)."""
    for _ in range(2):
        await desk.books.transactions.stop(ALICE, None, **STOP, id_token="TAG")
        await desk.storage.group.flush()
    await desk.books.transactions.stop(ALICE, None, **(STOP | {"meter_stop": 1}), id_token="TAG")

    found = await desk.transactions()
    assert [(one.state, one.id_token, one.meter_stop_wh) for one in found] in (
        [("orphan", "TAG", 4500.0), ("orphan", "TAG", 1.0)],
        [("orphan", "TAG", 1.0), ("orphan", "TAG", 4500.0)],
    )
    assert all(one.transaction_id.startswith("lost-") for one in found)


async def test_a_start_that_comes_after_all_takes_its_orphan_s_place(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.meter(ALICE, "777", energy(1000))
    await ledger.start(ALICE, **START, given=777)
    await ledger.meter(ALICE, "777", energy(1500))

    [running] = await desk.transactions()
    assert (running.state, running.id_token, running.energy_wh) == ("running", "TAG", 500.0)


# ---- which start it came of ----


def asked_start(**more: Any) -> AskedStart:
    given: dict[str, Any] = {
        "key": ALICE,
        "remote_start_id": 77,
        "evse_id": 1,
        "id_token": "TAG",
        "details": {"contractId": "DE-ABC"},
        "created_at": NOON,
    }
    return AskedStart(**(given | more))


async def test_a_1_6_start_is_bound_to_the_start_that_we_asked_for(desk: Desk) -> None:
    await desk.storage.remote_starts.note(asked_start())

    await started(desk)
    await started(desk, **LATER)
    await desk.storage.group.flush()
    await started(desk, timestamp="2026-03-01T11:40:00Z")

    first, *others = await desk.transactions()
    assert (first.remote_start_id, first.remote_start) == (77, {"contractId": "DE-ABC"})
    assert [one.remote_start for one in others] == [None, None]


# ---- 2.0.1 ----


def event(kind: str, at: str = "2026-03-01T11:00:00Z", **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "event_type": kind,
        "timestamp": at,
        "transaction_info": {"transactionId": "tx-1"},
        "evse": None,
        "id_token": None,
        "meter_value": None,
    }
    return given | more


async def test_events_tell_one_transaction_from_start_to_end(desk: Desk) -> None:
    ledger = desk.books.transactions

    await ledger.event(
        ALICE,
        **event(
            "Started",
            evse={"id": 2, "connectorId": 1},
            id_token={"idToken": "TAG", "type": "Central"},
            transaction_info={"transactionId": "tx-1", "remoteStartId": 77},
            meter_value=energy(1000),
        ),
    )
    await ledger.event(ALICE, **event("Updated", meter_value=energy(2000)))
    await ledger.event(
        ALICE,
        **event(
            "Ended",
            "2026-03-01T11:30:00Z",
            transaction_info={"transactionId": "tx-1", "stoppedReason": "Remote"},
            meter_value=energy(3.5, "kWh"),
        ),
    )

    assert await desk.transactions() == [
        Transaction(
            key=ALICE,
            transaction_id="tx-1",
            evse_id=2,
            connector_id=1,
            id_token="TAG",
            started_at=NOON - timedelta(hours=1),
            stopped_at=NOON - timedelta(minutes=30),
            meter_start_wh=1000.0,
            meter_stop_wh=3500.0,
            energy_wh=2500.0,
            state="ended",
            stop_reason="Remote",
            remote_start_id=77,
            start_timestamp="2026-03-01T11:00:00Z",
            ended_by="charger",
        )
    ]
    assert [value.evse_id for value in await desk.measured("tx-1")] == [2, 2, 2]


async def test_a_repeated_event_changes_nothing(desk: Desk) -> None:
    for _ in range(2):
        for kind in ("Started", "Ended"):
            await desk.books.transactions.event(ALICE, **event(kind, meter_value=energy(1000)))
        await desk.storage.group.flush()

    [ended] = await desk.transactions()
    assert ended.state == "ended"
    assert len(await desk.measured("tx-1")) == 2


@pytest.mark.parametrize("first", ["Updated", "Ended", "Paused", None])
async def test_a_transaction_is_recorded_from_the_first_event_that_came(
    desk: Desk, first: Any
) -> None:
    readings = [*energy(1000), *energy(1800)]

    await desk.books.transactions.event(ALICE, **event(first, meter_value=readings))

    [record] = await desk.transactions()
    assert (record.state == "ended") == (first == "Ended")
    assert record.energy_wh == 800.0


async def test_a_start_without_a_reading_takes_the_first_that_comes(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started"))
    await ledger.event(ALICE, **event("Updated", meter_value=energy(1000)))
    await ledger.event(ALICE, **event("Ended", meter_value=energy(1700)))

    [ended] = await desk.transactions()
    assert (ended.meter_start_wh, ended.meter_stop_wh, ended.energy_wh) == (1000, 1700, 700)


async def test_token_and_evse_may_come_after_the_cable(desk: Desk) -> None:
    ledger = desk.books.transactions
    token = {"idToken": "TAG", "type": "Central"}
    await ledger.event(ALICE, **event("Started", evse={"id": 2}))
    await ledger.event(ALICE, **event("Updated", evse={"id": 2, "connectorId": 1}, id_token=token))
    await ledger.event(ALICE, **event("Updated", evse={"id": 9}, id_token={"idToken": "OTHER"}))

    [running] = await desk.transactions()
    assert (running.evse_id, running.connector_id, running.id_token) == (2, 1, "TAG")


async def test_the_same_id_at_another_station_is_another_transaction(desk: Desk) -> None:
    """The flaw of CVE-2026-28230, where the station chooses the id."""
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started"))
    await ledger.event(BOB, **event("Ended"))

    assert [one.state for one in await desk.transactions(ALICE)] == ["running"]
    assert [one.state for one in await desk.transactions(BOB)] == ["ended"]


@pytest.mark.parametrize("info", [None, {}, [], {"transactionId": None}, {"transactionId": ""}])
async def test_an_event_without_an_id_is_not_recorded(desk: Desk, info: Any) -> None:
    await desk.books.transactions.event(ALICE, **event("Started", transaction_info=info))

    assert await desk.transactions() == []


async def test_the_next_transaction_on_an_evse_ends_what_runs_there(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started", evse={"id": 1}))
    second: dict[str, Any] = {
        "transaction_info": {"transactionId": "tx-2"},
        "at": "2026-03-01T11:20:00Z",
    }

    await ledger.event(ALICE, **event("Started", **second))  # it does not say where yet
    before = [one.state for one in await desk.transactions()]
    await ledger.event(ALICE, **event("Updated", **second, evse={"id": 1}))

    assert before == ["running", "running"]
    assert [one.ended_by for one in await desk.transactions()] == ["superseded", None]


async def test_what_is_over_when_it_is_first_told_ends_nothing(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started", evse={"id": 1}))
    other = {"transaction_info": {"transactionId": "tx-0"}, "evse": {"id": 1}}

    await ledger.event(ALICE, **event("Ended", "2026-03-01T11:20:00Z", **other))

    assert {one.transaction_id: one.state for one in await desk.transactions()} == {
        "tx-1": "running",
        "tx-0": "ended",
    }


async def test_an_event_since_the_boot_shows_that_it_runs(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started", evse={"id": 1}))
    await ledger.booted(ALICE)
    ledger.idle(ALICE, 1, 1)
    await ledger.event(ALICE, **event("Updated", "2026-03-01T11:59:00Z"))
    before = [one.ended_by for one in await desk.transactions()]

    await ledger.event(ALICE, **event("Updated", "2026-03-01T12:01:00Z"))

    assert before == ["boot"]
    assert [one.state for one in await desk.transactions()] == ["running"]


async def test_a_superseded_one_does_not_run_again_and_its_end_is_still_heard(desk: Desk) -> None:
    ledger = desk.books.transactions
    await ledger.event(ALICE, **event("Started", evse={"id": 1}))
    second = {"transaction_info": {"transactionId": "tx-2"}, "evse": {"id": 1}}
    await ledger.event(ALICE, **event("Started", "2026-03-01T11:20:00Z", **second))
    await ledger.event(ALICE, **event("Updated", "2026-03-01T11:30:00Z", meter_value=energy(1000)))
    before = [one.state for one in await desk.transactions()]

    await ledger.event(ALICE, **event("Ended", "2026-03-01T11:19:00Z", meter_value=energy(1700)))

    first, _ = await desk.transactions()
    assert before == ["ended", "running"]
    assert (first.ended_by, first.energy_wh) == ("charger", 700.0)
    assert first.stopped_at == NOON - timedelta(minutes=41)


@pytest.mark.parametrize("told_by", ["Started", "Updated"])
async def test_a_number_of_ours_binds_a_session_to_the_start_asked_for(
    desk: Desk, told_by: str
) -> None:
    """F01.FR.25."""
    await desk.storage.remote_starts.note(asked_start(id_token="OTHER", evse_id=9))
    if told_by == "Updated":
        await desk.books.transactions.event(ALICE, **event("Started"))

    info = {"transactionId": "tx-1", "remoteStartId": 77}
    await desk.books.transactions.event(ALICE, **event(told_by, transaction_info=info))

    [running] = await desk.transactions()
    assert running.remote_start == {"contractId": "DE-ABC"}


async def test_of_two_that_turn_out_to_be_on_one_evse_the_later_runs(desk: Desk) -> None:
    ledger = desk.books.transactions
    second: dict[str, Any] = {"transaction_info": {"transactionId": "tx-2"}, "evse": {"id": 1}}
    await ledger.event(ALICE, **event("Started"))  # it does not say where
    await ledger.event(ALICE, **event("Started", **second))

    await ledger.event(ALICE, **event("Updated", evse={"id": 1}))

    assert {one.transaction_id: one.ended_by for one in await desk.transactions()} == {
        "tx-1": "superseded",
        "tx-2": None,
    }


async def test_what_seemed_lost_does_not_run_beside_what_began_since(desk: Desk) -> None:
    ledger, id = desk.books.transactions, await started(desk)
    await ledger.booted(ALICE)
    ledger.idle(ALICE, 1, 1)
    await started(desk, timestamp="2026-03-01T12:02:00Z")

    await ledger.meter(ALICE, id, energy(3000, at="2026-03-01T12:01:00Z"))

    assert [one.ended_by for one in await desk.transactions()] == ["superseded", None]
