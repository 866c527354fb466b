"""What a power limit becomes for a charger's units and phases, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from csms.commands import ClearPowerLimit, LimitKind, Outcome, SetPowerLimit
from csms.errors import InvalidCommand
from tests.proxy.stage import OCPP16, OCPP201, Device, Stage, says, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


def variables(**values: str) -> Any:
    results = [
        {
            "variable": {"name": name},
            "component": {"name": "x"},
            "attributeStatus": "Accepted",
            "attributeValue": value,
        }
        for name, value in values.items()
    ]
    return says({"getVariableResult": results})


async def limit(
    device: Device, value: float, kind: LimitKind = "acMaxPowerKw", **more: Any
) -> Outcome:
    device.answers.setdefault("SetChargingProfile", says({"status": "Accepted"}))
    command = SetPowerLimit(1, kind, value, **more)
    return await device.connection.station.perform(command)


def period(device: Device) -> tuple[str, Any]:
    """Return unit and only period of the last profile that was set."""
    fields = device.payloads("SetChargingProfile")[-1]
    profile = fields.get("chargingProfile") or fields["csChargingProfiles"]
    schedule = profile["chargingSchedule"]
    schedule = schedule[0] if isinstance(schedule, list) else schedule
    [only] = schedule["chargingSchedulePeriod"]
    return schedule["chargingRateUnit"], only


@pytest.mark.parametrize(
    ("units", "phases", "kind", "value", "said", "told"),
    [
        ("A,W", "3", "acMaxPowerKw", 11, ("W", 11_000.0, None), None),
        ("A,W", "3", "acMaxPowerA", 16, ("A", 16.0, None), None),
        ("A,W", "1", "acMaxPowerKw", 3.7, ("W", 3700.0, 1), None),
        ("A", "1", "acMaxPowerKw", 3.7, ("A", 16.0, 1), "UnitConverted"),
        ("A", "3", "acMaxPowerKw", 11, ("A", 15.9, None), "UnitConverted"),
        ("W", "3", "acMaxPowerA", 16, ("W", 11_040.0, None), "UnitConverted"),
        ("A,W", "3", "acMaxPowerKw", 3, ("W", 3000.0, None), "BelowMinimum"),
        ("A,W", "3", "acMaxPowerA", 5.9, ("A", 5.9, None), "BelowMinimum"),
        ("A,W", "0", "dcMaxPowerKw", 1, ("W", 1000.0, None), None),
        ("A,W", "1", "dcMaxPowerKw", 50, ("W", 50_000.0, None), None),
        ("W", "3", "acMaxPowerKw", 0.00009, ("W", 0.0, None), "BelowMinimum"),
    ],
)
async def test_units_and_phases(
    stage: Stage, units: str, phases: str, kind: LimitKind, value: float, said: Any, told: Any
) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        device.answers["GetVariables"] = variables(RateUnit=units, SupplyPhases=phases)
        outcome = await limit(device, value, kind)

        assert outcome.status == "Accepted"
        unit, only = period(device)
        assert (unit, only["limit"], only.get("numberPhases")) == said
        assert (outcome.status_info or {}).get("reasonCode") == told


async def test_dc_power_cannot_be_said_in_amperes(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        device.answers["GetVariables"] = variables(RateUnit="A")
        with pytest.raises(InvalidCommand):
            await limit(device, 50, "dcMaxPowerKw")
        assert device.payloads("SetChargingProfile") == []


async def test_everything_that_was_changed_is_told(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        device.answers["GetVariables"] = variables(RateUnit="A", ProfileStackLevel="2")
        outcome = await limit(device, 1, stack_level=1000)

        assert outcome.status_info == {
            "reasonCode": "UnitConverted",
            "additionalInfo": "Sent as 1.4 A. The highest stack level is 2. "
            "AC charging pauses below 6 A per phase.",
        }


async def test_a_chargers_own_reason_stays(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        own = {"reasonCode": "InvalidSchedule", "additionalInfo": "No."}
        device.answers["SetChargingProfile"] = says({"status": "Rejected", "statusInfo": own})
        outcome = await limit(device, 1)

        assert outcome.status == "Rejected"
        assert outcome.status_info == {
            "reasonCode": "InvalidSchedule",
            "additionalInfo": "No. AC charging pauses below 6 A per phase.",
        }


async def test_what_1_6_calls_not_supported_is_a_reason(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP16) as device:
        device.answers["SetChargingProfile"] = says({"status": "NotSupported"})
        outcome = await limit(device, 11)

        assert outcome.status == "Rejected"
        assert outcome.status_info is not None
        assert outcome.status_info["reasonCode"] == "NotSupported"


async def test_own_limits_are_layers_of_one_profile(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP16) as device:
        device.answers["ClearChargingProfile"] = says({"status": "Accepted"})
        await limit(device, 9)
        await limit(device, 8, profile_id=77, stack_level=4)
        assert period(device)[1]["limit"] == 8000.0
        await limit(device, 7)
        assert period(device)[1]["limit"] == 8000.0, "the higher level holds"
        ids = [
            one["csChargingProfiles"]["chargingProfileId"]
            for one in device.payloads("SetChargingProfile")
        ]
        assert ids == [3006, 77]


# ---- options ----


async def kept(device: Device) -> dict[int, tuple[int, int, str]]:
    """Return EVSE, level and purpose of the platform's wishes, by their ids."""
    wishes = await device.connection.station.profiles.wishes(0)
    return {one.profile_id: (one.evse_id, one.stack_level, one.purpose) for one in wishes}


async def test_each_set_of_options_is_a_limit_of_its_own(stage: Stage) -> None:
    """Item 10; with a condition the level is 1000 unless one is given."""
    async with stage.charger(await stage.enrol(), OCPP16) as device:
        device.answers["ClearChargingProfile"] = says({"status": "Accepted"})
        await limit(device, 9)
        await limit(device, 8, delay=60)
        told = await limit(device, 7, condition="whenNoCloudConnection")
        assert told.status_info is None, "nobody asked for level 1000"
        await limit(device, 6, condition="whenNoCloudConnection", delay=60)
        await limit(device, 5, condition="whenSessionNotAuthorized", stack_level=4)

        default = "TxDefaultProfile"
        assert await kept(device) == {
            3006: (1, 0, default),
            3007: (1, 0, default),
            3008: (1, 1000, default),
            3009: (1, 1000, default),
            3010: (1, 4, default),
        }
        lifted = await device.connection.station.perform(ClearPowerLimit(1))
        assert lifted.status == "Accepted"
        assert await kept(device) == {}


async def test_a_limit_that_nobody_authorized_is_called_emulated(stage: Stage) -> None:
    """Item 9."""
    async with stage.charger(await stage.enrol(), OCPP16) as device:
        told = await limit(device, 8, condition="whenSessionNotAuthorized")

        assert told.status == "Accepted"
        assert told.status_info is not None
        assert told.status_info["reasonCode"] == "Emulated"
        assert device.payloads("SetChargingProfile") == [], "nobody is plugged in"


async def begins(device: Device, id: str, **more: Any) -> None:
    event = {
        "eventType": "Started",
        "timestamp": "2026-11-21T12:00:00Z",
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": id},
        "idToken": {"idToken": "CARD", "type": "ISO14443"},
        **more,
    }
    await device.call("TransactionEvent", event)


async def test_transactions_without_an_evse_have_limits_of_their_own(stage: Stage) -> None:
    """Item 14, K01.FR.16: they wait, each under an id of its own, and come to their EVSEs."""
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        device.answers["GetVariables"] = variables()
        await begins(device, "A")
        await begins(device, "B")
        for id, kw in (("A", 9), ("B", 8), ("A", 7)):
            told = await limit(device, kw, transaction_id=id)
            assert told.status_info is not None
            assert told.status_info["reasonCode"] == "Deferred"
        assert await kept(device) == {-1: (0, 0, "TxProfile"), -2: (0, 0, "TxProfile")}
        assert device.payloads("SetChargingProfile") == []

        told_later = {"eventType": "Updated", "seqNo": 1, "evse": {"id": 2, "connectorId": 1}}
        await begins(device, "A", **told_later)
        profile = (await device.hears("SetChargingProfile"))["chargingProfile"]
        assert (profile["id"], profile["transactionId"]) == (4152, "A")
        assert period(device)[1]["limit"] == 7000.0
        assert await kept(device) == {4152: (2, 0, "TxProfile"), -2: (0, 0, "TxProfile")}


async def test_a_transaction_that_has_ended_meanwhile_has_no_limit(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        with pytest.raises(InvalidCommand) as refused:
            await limit(device, 8, transaction_id="gone")
        assert set(refused.value.fields) == {"transactionId"}
