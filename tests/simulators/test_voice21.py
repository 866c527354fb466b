from __future__ import annotations

from typing import Any

import orjson
import pytest

from simulators.target import Target
from tests.simulators.stage import HURRY, NAME, TOKEN, broken_rules, limit, playing


async def test_a_session_in_ocpp_2_1_breaks_no_rule(target: Target) -> None:
    async with playing(target, "2.1", time_factor=HURRY) as charger:
        transaction = await charger.start(1, TOKEN)
        await charger.until(lambda own: own.energy_wh(1) > 100)
        await charger.stop(1)
        await charger.until(lambda own: not own.waiting)

    told = [one.action for one in target.received]
    assert target.connections[0].subprotocol == "ocpp2.1"
    assert {"BootNotification", "StatusNotification", "Authorize"} <= set(told)
    events = [one.fields for one in target.received if one.action == "TransactionEvent"]
    assert (events[0]["eventType"], events[-1]["eventType"]) == ("Started", "Ended")
    assert events[0]["transactionInfo"]["transactionId"] == transaction.id
    assert broken_rules(target, "2.1") == []


@pytest.mark.parametrize(
    ("own", "status"),
    [
        ({}, "Accepted"),
        ({"chargingProfileKind": "Dynamic"}, "Rejected"),
    ],
)
async def test_a_profile_of_limits_is_obeyed_and_no_other(
    target: Target, own: dict[str, Any], status: str
) -> None:
    async with playing(target, "2.1", max_power_w=11_000.0) as charger:
        await charger.start(1, TOKEN)
        fields = {"evseId": 1, "chargingProfile": limit(5_000.0) | own}
        answer = await target.command(NAME, "SetChargingProfile", fields)

        assert answer["status"] == status
        assert charger.power_w(1) == (5_000.0 if status == "Accepted" else 11_000.0)


async def test_a_setpoint_is_no_limit(target: Target) -> None:
    profile = limit(5_000.0)
    profile["chargingSchedule"][0]["chargingSchedulePeriod"] = [{"startPeriod": 0, "setpoint": 1.0}]
    async with playing(target, "2.1"):
        fields = {"evseId": 1, "chargingProfile": profile}
        answer = await target.command(NAME, "SetChargingProfile", fields)

    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedParam"}}


async def test_a_target_records_what_is_sent_and_answers_nothing(target: Target) -> None:
    stream = {"id": 1, "pending": 0, "basetime": "2026-01-01T00:00:00Z", "data": []}
    async with playing(target, "2.1") as charger:
        assert charger._link is not None
        charger._link.send("NotifyPeriodicEventStream", orjson.dumps(stream))
        await charger.call("Heartbeat", {})
        answered = charger._link.traffic.unsolicited

    told = [one.fields for one in target.received if one.action == "NotifyPeriodicEventStream"]
    assert told == [stream]
    assert answered == 0
