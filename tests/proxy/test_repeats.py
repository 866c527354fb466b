"""What a charger says again is answered as before, and nobody hears it twice (R-3)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms import frames
from csms.errors import LinkClosed
from csms.frames import Call
from csms.transactions import TransactionLedger
from proxy.repeats import WINDOW, Repeats, digest
from storage.journal import Journal
from storage.records import ChargerKey, Exchange
from tests.proxy.stage import (
    CLOCK,
    MOMENT,
    OCPP201,
    Stage,
    Target,
    never,
    refuses,
    says,
    staged,
)

SECURITY = {"type": "InvalidFirmwareSignature", "timestamp": MOMENT}


def event(seq_no: int, event_type: str = "Updated", **more: Any) -> dict[str, Any]:
    return {
        "eventType": event_type,
        "timestamp": MOMENT,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "T-1"},
        **more,
    }


def values(sample: str, timestamp: str = MOMENT) -> dict[str, Any]:
    metered = [{"timestamp": timestamp, "sampledValue": [{"value": sample}]}]
    return {"connectorId": 1, "meterValue": metered}


def call(action: str, fields: Mapping[str, Any]) -> Call:
    made = frames.parse(frames.call("1", action, orjson.dumps(fields)).text)
    assert isinstance(made, Call)
    return made


# ---- what is a repeat ----


@pytest.mark.parametrize(
    ("action", "first", "second"),
    [
        ("MeterValues", values("1"), values("2")),
        ("MeterValues", values("1"), values("1", "2026-11-21T10:00:01.000Z")),
        ("MeterValues", values("1"), {**values("1"), "connectorId": 2}),
        ("MeterValues", values("1"), {**values("1"), "transactionId": 7}),
        ("SecurityEventNotification", SECURITY, {**SECURITY, "techInfo": "x"}),
        ("TransactionEvent", event(1), event(2)),
        ("TransactionEvent", event(1), event(1, "Ended")),
        ("TransactionEvent", event(1), event(1, meterValue=[])),
    ],
)
def test_another_content_is_no_repeat(action: str, first: Any, second: Any) -> None:
    assert digest(call(action, first)) != digest(call(action, second))


@pytest.mark.parametrize(
    ("action", "first", "second"),
    [
        ("MeterValues", values("1"), values("1")),
        ("SecurityEventNotification", SECURITY, SECURITY),
        ("TransactionEvent", event(1), dict(reversed(event(1).items()))),
        ("TransactionEvent", event(1), event(1, offline=True)),
        (
            "StopTransaction",
            {"transactionId": 1, "timestamp": MOMENT, "meterStop": 9},
            {"transactionId": 1, "timestamp": MOMENT, "meterStop": 9, "reason": "PowerLoss"},
        ),
    ],
)
def test_the_same_content_is_a_repeat(action: str, first: Any, second: Any) -> None:
    assert digest(call(action, first)) == digest(call(action, second)) is not None


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("Heartbeat", {}),
        ("StartTransaction", {"timestamp": MOMENT}),
        ("StatusNotification", {"timestamp": MOMENT}),
        ("MeterValues", {"connectorId": 1, "meterValue": []}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": []}]}),
        ("StopTransaction", {"transactionId": 1}),
        ("SecurityEventNotification", {"type": "X"}),
    ],
)
def test_what_tells_no_time_may_well_be_said_twice(action: str, fields: Any) -> None:
    assert digest(call(action, fields)) is None


# ---- what becomes of it ----


async def test_a_stop_that_is_said_again_is_answered_and_not_passed_on(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        ours = (await charger.starts())["transactionId"]
        first = await charger.stops(ours)
        again = await charger.stops(ours)
        await charger.starts(meter=2)
        await target.hears("StartTransaction", 2)

    assert first == again
    assert len(target.payloads("StopTransaction")) == 1


async def test_meter_values_that_are_said_again_are_kept_once(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        ours = (await charger.starts())["transactionId"]
        for value in (1, 1, 2):
            await charger.meters(ours, value)
        await target.hears("MeterValues", 2)
        kept = await stage.storage.transactions.meter_values(key, str(ours))

    assert [value.value for value in kept] == [1.0, 2.0]
    assert len(target.payloads("MeterValues")) == 2


async def test_who_has_no_target_is_answered_the_same(stage: Stage) -> None:
    key = await stage.enrol()
    async with stage.charger(key) as charger:
        ours = (await charger.starts())["transactionId"]
        first, again = [await charger.meters(ours, 1) for _ in range(2)]
        assert first == again

        assert len(await stage.storage.transactions.meter_values(key, str(ours))) == 1


async def test_a_repeat_is_known_on_the_next_link_and_after_a_restart(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            ours = (await charger.starts())["transactionId"]
            await charger.meters(ours, 1)
            await charger.stops(ours)
        async with stage.charger(key) as charger:
            await charger.stops(ours)
    async with staged(tmp_path) as stage, stage.charger(key) as charger:
        await charger.meters(ours, 1)
        await charger.stops(ours)
        await charger.meters(ours, 2)
        await target.hears("MeterValues", 2)

    assert target.actions[1:].count("StopTransaction") == 1
    assert len(target.payloads("MeterValues")) == 2


async def test_a_repeat_waits_in_no_queue(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/")
        async with stage.charger(key) as charger:
            for _ in range(3):
                await charger.call("SecurityEventNotification", SECURITY)
            assert (await stage.status(key)).queue_length == 1
    async with staged(tmp_path) as stage:
        await stage.change(key, target_websocket_url=target.url)
        async with stage.charger(key) as charger:
            await charger.call("SecurityEventNotification", {**SECURITY, "techInfo": "last"})
            await target.hears("SecurityEventNotification", 2)

    assert target.payloads("SecurityEventNotification") == [
        SECURITY,
        {**SECURITY, "techInfo": "last"},
    ]


async def test_an_event_gets_the_answer_that_the_target_gave_to_the_first(
    stage: Stage, target: Target
) -> None:
    told = {"idTokenInfo": {"status": "Blocked"}, "totalCost": 1.5}
    target.answers["TransactionEvent"] = says(told)
    key = await stage.enrol(target.url)
    started = event(0, "Started", idToken={"idToken": "CARD", "type": "ISO14443"})
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        first = await charger.call("TransactionEvent", started)
        again = await charger.call("TransactionEvent", {**started, "offline": True})

    assert first == again == told
    assert len(target.payloads("TransactionEvent")) == 1


async def test_what_was_not_answered_yet_is_answered_by_us_and_told_once(
    stage: Stage, target: Target
) -> None:
    target.answers["TransactionEvent"] = never
    key = await stage.enrol(target.url)
    started = event(0, "Started", idToken={"idToken": "CARD", "type": "ISO14443"})
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        lost = asyncio.create_task(charger.call("TransactionEvent", started))
        await target.hears("TransactionEvent")
    with pytest.raises(LinkClosed):
        await lost
    async with stage.charger(key, OCPP201) as charger:
        answer = await charger.call("TransactionEvent", started)

    assert answer == {"idTokenInfo": {"status": "Invalid"}}  # nobody has accepted the token yet
    assert len(target.payloads("TransactionEvent")) == 1


@pytest.mark.parametrize("slow", ["look_back", "books"])
async def test_what_was_stored_when_its_link_ended_is_told_once(
    stage: Stage, target: Target, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    reached = asyncio.Event()

    async def hangs(*arguments: Any, **named: Any) -> Any:
        if reached.is_set():  # the target's queue may look back as well
            return await unpatched(*arguments, **named)
        reached.set()
        return await asyncio.Event().wait()

    owner, name = {
        "look_back": (Repeats, "_look_back"),
        "books": (TransactionLedger, "stop"),
    }[slow]
    unpatched = getattr(owner, name)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await charger.meters(ours, 1)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, hangs)
        async with stage.charger(key) as charger:
            lost = asyncio.create_task(charger.stops(ours))
            await reached.wait()
    with pytest.raises(LinkClosed):
        await lost
    async with stage.charger(key) as charger:
        await charger.stops(ours)
        await target.hears("StopTransaction")

    assert target.actions[1:] == ["StartTransaction", "MeterValues", "StopTransaction"]


async def test_what_we_could_not_answer_is_no_first_copy(stage: Stage) -> None:
    key = await stage.enrol()
    async with stage.charger(key) as charger:
        journal = stage.storage.journal
        security = call("SecurityEventNotification", SECURITY)
        repeats = Repeats(key, charger.connection.station.dialect, journal)
        assert await repeats.repeated(security, 1) is None
        repeats.refused(security)

        assert await repeats.repeated(security, 2) is None
        assert await repeats.repeated(security, 3) == 2


async def test_a_target_s_refusal_is_no_reason_to_say_it_twice(
    stage: Stage, target: Target
) -> None:
    target.answers["StopTransaction"] = refuses("NotSupported")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        ours = (await charger.starts())["transactionId"]
        first, again = [await charger.stops(ours) for _ in range(2)]

    assert first == again


async def test_only_a_few_are_remembered(stage: Stage) -> None:
    key = ChargerKey(stage.organization_uuid, "CP-1")
    repeats = Repeats(key, frames.OCPP16, stage.storage.journal)
    told = [call("MeterValues", values(str(number))) for number in range(WINDOW + 1)]
    for position, one in enumerate(told, 1):
        assert await repeats.repeated(one, position) is None

    assert await repeats.repeated(told[-1], 100) == WINDOW + 1
    assert await repeats.repeated(told[0], 101) is None


class CountedJournal(Journal):
    """The same journal, and how often it was read."""

    reads = 0

    async def exchanges(self, *args: Any, **filters: Any) -> list[Exchange]:
        self.reads += 1
        return await super().exchanges(*args, **filters)


async def test_no_message_costs_a_read_but_the_first(stage: Stage) -> None:
    key, storage = ChargerKey(stage.organization_uuid, "CP-1"), stage.storage
    journal = await CountedJournal.open(storage.database, storage.group, CLOCK)
    assert isinstance(journal, CountedJournal)
    repeats = Repeats(key, frames.OCPP16, journal)
    for number in range(20):
        await repeats.repeated(call("MeterValues", values(str(number))), number + 1)

    assert journal.reads == 1
