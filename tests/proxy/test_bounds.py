"""Queues keep within their bounds, and what begins or ends a session is never dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms import frames
from proxy.bounds import Bounds, EveryOther, Series, Worth, series
from proxy.parts import RelayParts
from proxy.timings import Timings
from storage.clock import Clock
from storage.records import Charger, ChargerKey, Message, ProxyConfiguration
from storage.repositories.queues import Place
from storage.store import Storage, open_storage
from tests.proxy.stage import (
    GUARD,
    MOMENT,
    QUICK,
    Stage,
    Target,
    configuration,
    organization_of,
    refuses,
)

WEEK = 7 * 86_400


class MovedClock(Clock):
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def passes(self, **duration: float) -> None:
        self.moment += timedelta(**duration)


def message(action: str, fields: Any, version: str = "1.6") -> Message:
    frame = frames.call("1", action, orjson.dumps(fields)).text
    return Message(
        seq=1,
        timestamp=datetime(2026, 11, 21, tzinfo=UTC),
        key=ChargerKey("o", "CP-1"),
        direction="charger_to_platform",
        ocpp_version=version,
        message_type="Call",
        message_id="1",
        action=action,
        frame=frame,
    )


def event(kind: str, transaction_id: str = "T") -> dict[str, Any]:
    return {"eventType": kind, "transactionInfo": {"transactionId": transaction_id}}


class Lot:
    """Chargers of one organization whose targets are away."""

    def __init__(self, storage: Storage, clock: MovedClock) -> None:
        self.storage = storage
        self.clock = clock
        self.queues: dict[str, ProxyConfiguration] = {}

    async def charger(self, name: str) -> ProxyConfiguration:
        key = ChargerKey(await organization_of(self.storage), name)
        now = self.clock.now()
        charger = Charger(key=key, charger_name="", password_digest=b"", created_at=now)
        wanted = configuration(key, "wss://target.example")
        stored = await self.storage.chargers.enroll(charger, wanted)
        assert stored
        self.queues[name] = stored
        return stored

    def says(self, name: str, action: str, fields: Any, version: str = "1.6") -> int:
        frame = frames.call("1", action, orjson.dumps(fields)).text
        append = self.storage.journal.append
        key = self.queues[name].key
        return append(key, "charger_to_platform", version, "Call", "1", action, frame).position

    async def waiting(self, name: str) -> list[Message]:
        stored = self.queues[name]
        await self.storage.journal.flush()
        return await self.storage.queues.waiting(Place(stored.id, stored.key, 0), 10_000)

    async def sweeps(self, timings: Timings, **bounds: Any) -> None:
        parts = RelayParts(storage=self.storage, guard=GUARD, clock=self.clock, timings=timings)
        await self.storage.journal.flush()
        await Bounds(parts, lambda *_: None, **bounds).sweep()

    async def audited(self) -> list[dict[str, Any]]:
        rows = await self.storage.audit.list(await organization_of(self.storage))
        return [dict(row.details) for row in rows if row.action == "queue.sweep"]


@pytest.fixture
async def lot(tmp_path: Path) -> AsyncIterator[Lot]:
    clock = MovedClock()
    async with open_storage(tmp_path, clock) as storage:
        yield Lot(storage, clock)


def seqs(messages: Sequence[Message]) -> list[int]:
    return [each.seq for each in messages]


# ---- what a message is worth ----


@pytest.mark.parametrize(
    ("told", "worth"),
    [
        (message("StartTransaction", {}), Worth.MOST),
        (message("StopTransaction", {"transactionId": 1}), Worth.MOST),
        (message("SecurityEventNotification", {}), Worth.MOST),
        (message("TransactionEvent", event("Started"), "2.0.1"), Worth.MOST),
        (message("TransactionEvent", event("Ended"), "2.0.1"), Worth.MOST),
        (message("TransactionEvent", event("Updated"), "2.0.1"), Worth.LEAST),
        (message("TransactionEvent", [], "2.0.1"), Worth.MOST),
        (message("MeterValues", {"transactionId": 1}), Worth.LEAST),
        (message("MeterValues", {"evseId": 1}, "2.0.1"), Worth.LEAST),
        (message("FirmwareStatusNotification", {}), Worth.LITTLE),
        (message("NotifyEvent", {}, "2.0.1"), Worth.LITTLE),
        (replace(message("MeterValues", {}), frame=b"[2,"), Worth.LEAST),
        (replace(message("TransactionEvent", {}), frame=b"[2,"), Worth.MOST),
    ],
)
def test_what_a_message_is_worth(told: Message, worth: Worth) -> None:
    assert series(told).worth is worth


def test_every_other_of_each_session_goes() -> None:
    one, two = [message("MeterValues", {"transactionId": id, "connectorId": 1}) for id in (1, 2)]
    goes = EveryOther()

    assert [goes(each) for each in (one, two, one, one, two, two)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
    assert not goes(message("StopTransaction", {"transactionId": 1}))
    assert series(one) != series(two)
    assert isinstance(series(one), Series)


# ---- too old ----


async def test_what_has_waited_a_week_is_dropped_but_no_start_and_no_stop(lot: Lot) -> None:
    await lot.charger("A")
    start = lot.says("A", "StartTransaction", {})
    lot.says("A", "MeterValues", {"transactionId": 1})
    lot.says("A", "FirmwareStatusNotification", {})
    stop = lot.says("A", "StopTransaction", {"transactionId": 1})
    lot.clock.passes(seconds=WEEK + 1)
    news = lot.says("A", "MeterValues", {"transactionId": 2})
    await lot.sweeps(QUICK)

    assert seqs(await lot.waiting("A")) == [start, stop, news]
    assert await lot.audited() == [{"expired": 2}]
    assert await lot.storage.queues.skipped(lot.queues["A"].id) == 2


async def test_what_is_young_and_small_is_left_alone(lot: Lot) -> None:
    await lot.charger("A")
    told = [lot.says("A", "MeterValues", {"transactionId": 1}) for _ in range(3)]
    lot.clock.passes(seconds=WEEK - 1)
    await lot.sweeps(QUICK)

    assert seqs(await lot.waiting("A")) == told
    assert await lot.audited() == []


# ---- too much ----


def room_for(messages: Sequence[Message]) -> Timings:
    return replace(QUICK, largest_queue=sum(len(each.frame) for each in messages))


async def test_meter_values_are_thinned_until_the_rest_fits(lot: Lot) -> None:
    await lot.charger("A")
    lot.says("A", "StartTransaction", {})
    for number in range(8):
        lot.says("A", "MeterValues", {"transactionId": 1, "n": number})
    lot.says("A", "StopTransaction", {"transactionId": 1})
    told = await lot.waiting("A")
    # The first pass leaves 1, 3, 5 and 7 of 0 to 7, the second 3 and 7.
    for room, left in ((6, [1, 3, 5, 7]), (4, [3, 7]), (2, [])):
        await lot.sweeps(room_for(told[-room:]))
        waiting = await lot.waiting("A")
        assert [orjson.loads(each.frame)[3]["n"] for each in waiting[1:-1]] == left

    assert [each.action for each in await lot.waiting("A")] == [
        "StartTransaction",
        "StopTransaction",
    ]
    assert [row["thinned"] for row in await lot.audited()] == [2, 2, 4]


async def test_no_more_goes_than_has_to_and_the_oldest_goes_first(lot: Lot) -> None:
    await lot.charger("A")
    told = [lot.says("A", "MeterValues", {"transactionId": 1}) for _ in range(10)]
    waiting = await lot.waiting("A")
    await lot.sweeps(room_for(waiting[:8]))

    assert seqs(await lot.waiting("A")) == [told[1], *told[3:]]


async def test_what_belongs_to_no_session_goes_after_all_meter_values(lot: Lot) -> None:
    await lot.charger("A")
    note = lot.says("A", "FirmwareStatusNotification", {})
    lot.says("A", "MeterValues", {"transactionId": 1})
    stop = lot.says("A", "StopTransaction", {"transactionId": 1})
    told = await lot.waiting("A")
    await lot.sweeps(room_for([told[0], told[2]]))
    assert seqs(await lot.waiting("A")) == [note, stop]

    await lot.sweeps(replace(QUICK, largest_queue=1))
    assert seqs(await lot.waiting("A")) == [stop]
    assert await lot.audited() == [{"overflow": 1}, {"thinned": 1}]


async def test_the_room_is_the_organization_s_and_the_largest_queue_is_thinned_first(
    lot: Lot,
) -> None:
    await lot.charger("A")
    await lot.charger("B")
    small = [lot.says("A", "MeterValues", {"transactionId": 1}) for _ in range(2)]
    for _ in range(6):
        lot.says("B", "MeterValues", {"transactionId": 1})
    await lot.sweeps(room_for([*await lot.waiting("A"), *(await lot.waiting("B"))[:3]]))

    assert seqs(await lot.waiting("A")) == small
    assert len(await lot.waiting("B")) == 3


async def test_a_sweep_reads_only_so_much_and_the_next_goes_on(lot: Lot) -> None:
    await lot.charger("A")
    for _ in range(600):
        lot.says("A", "MeterValues", {"transactionId": 1})
    little = replace(QUICK, largest_queue=1)
    await lot.sweeps(little, most_read=200)
    first = len(await lot.waiting("A"))
    await lot.sweeps(little, most_read=200)

    assert first == 500
    assert len(await lot.waiting("A")) == 400


# ---- where it is being delivered ----


async def test_a_target_that_comes_back_gets_what_is_left(stage: Stage) -> None:
    async with Target().up() as target:
        key = await stage.enrol(target.url)
        accepts = target.answers["BootNotification"]
        target.answers["BootNotification"] = refuses("InternalError")
        async with stage.charger(key) as charger:
            for number in range(6):
                metered = [{"timestamp": MOMENT, "sampledValue": [{"value": str(number)}]}]
                fields = {"connectorId": 1, "meterValue": metered}
                await charger.call("MeterValues", fields)
            parts = replace(stage.relays.parts, timings=replace(QUICK, largest_queue=500))
            await Bounds(parts, stage.relays._live).sweep()
            left = (await stage.status(key)).queue_length
            target.answers["BootNotification"] = accepts
            await stage.reaches(key, "ready")
            await target.hears("MeterValues", left)
            assert (await stage.status(key)).skipped == 6 - left > 0
