"""What lies on a charger is brought in line with a plan by the least frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csms.errors import CallRefused
from csms.installed import Installed
from csms.plans import Planned
from csms.scenes import Place
from csms.schedules import TX_DEFAULT
from tests.doubles import PATIENCE
from tests.proxy.stage import (
    OCPP16,
    OCPP201,
    QUICK,
    Device,
    Stage,
    never,
    refuses,
    says,
    staged,
)

ACCEPTED = says({"status": "Accepted"})
ALONE = replace(QUICK, settling=PATIENCE)  # the charger's own profiles are not looked after here


def planned(id: int, level: int = 0, evse_id: int = 1, limit: float = 16) -> Planned:
    schedule = {
        "id": id,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    profile = {
        "id": id,
        "stackLevel": level,
        "chargingProfilePurpose": TX_DEFAULT,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
    return Planned(Place(evse_id, TX_DEFAULT, level), profile)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, ALONE) as stage:
        yield stage


def obeying(device: Device) -> Installed:
    device.answers.update({"SetChargingProfile": ACCEPTED, "ClearChargingProfile": ACCEPTED})
    return Installed(device.connection.station)


def told(device: Device) -> list[tuple[str, int]]:
    """Return which ids were set and cleared, and forget them."""
    found = []
    changes = [one for one in device.heard if one.action.endswith("ChargingProfile")]
    for call in changes:
        fields: Any = call.fields
        profile = fields.get("csChargingProfiles") or fields.get("chargingProfile") or fields
        names = ("chargingProfileId", "id")
        found.append((call.action[:3], next(profile[name] for name in names if name in profile)))
    device.heard.clear()
    return found


async def test_only_the_difference_is_sent(stage: Stage) -> None:
    async with stage.charger(await stage.enrol()) as device:
        installed = obeying(device)
        assert await installed.nothing()
        await installed.bring([planned(1), planned(2, 1)])
        await installed.bring([planned(1), planned(2, 1, limit=10)])
        await installed.bring([planned(1)])
        assert told(device) == [("Set", 2), ("Set", 1), ("Set", 2), ("Cle", 2)]

        device.answers["GetCompositeSchedule"] = refuses("NotSupported")
        await installed.check(booted=True)  # it may have forgotten, and does not tell
        await installed.bring([planned(1)])
        assert told(device) == [("Set", 1)]
        assert not await installed.nothing()


@pytest.mark.parametrize(
    ("subprotocol", "sent"),
    [(OCPP16, [("Set", 2)]), (OCPP201, [("Cle", 1), ("Set", 2)])],
)
async def test_another_id_on_the_same_level(
    stage: Stage, subprotocol: str, sent: list[tuple[str, int]]
) -> None:
    async with stage.charger(await stage.enrol(), subprotocol) as device:
        installed = obeying(device)
        await installed.bring([planned(1)])
        told(device)
        await installed.bring([planned(2)])

        assert told(device) == sent
        assert [one.profile["id"] for one in (await installed.read()).values()] == [2]


async def test_another_id_lies_above_before_the_old_one_goes(stage: Stage) -> None:
    # Its place is empty at no time: smart-charging item 2 keeps a slot free for that.
    variable = {"component": {"name": "SmartChargingCtrlr"}, "attributeStatus": "Accepted"}
    level = {**variable, "variable": {"name": "ProfileStackLevel"}, "attributeValue": "2"}
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        device.answers["GetVariables"] = says({"getVariableResult": [level]})
        installed = obeying(device)
        await installed.bring([planned(1)])
        told(device)
        await installed.bring([planned(2)])

        assert told(device) == [("Set", 2), ("Cle", 1), ("Set", 2)]
        assert [place.level for place in await installed.read()] == [0]


async def test_the_same_id_on_another_level_replaces_itself(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        installed = obeying(device)
        await installed.bring([planned(1)])
        await installed.bring([planned(1, 1)])

        assert told(device) == [("Set", 1), ("Set", 1)]
        assert list(await installed.read()) == [Place(1, TX_DEFAULT, 1)]


async def test_on_1_6_a_default_for_all_connectors_may_take_theirs_away(stage: Stage) -> None:
    async with stage.charger(await stage.enrol()) as device:
        installed = obeying(device)
        await installed.bring([planned(1)])
        await installed.bring([planned(5, 0, evse_id=0), planned(1)])

        assert told(device) == [("Set", 1), ("Set", 5), ("Set", 1)]


async def test_what_is_refused_does_not_lie_there(stage: Stage) -> None:
    async with stage.charger(await stage.enrol()) as device:
        installed = obeying(device)
        device.answers["SetChargingProfile"] = refuses("NotSupported")
        refusal = await installed.bring([planned(1)])

        assert isinstance(refusal, CallRefused)
        assert await installed.nothing()


async def test_what_may_lie_there_is_sent_again(stage: Stage) -> None:
    async with stage.charger(await stage.enrol()) as device:
        installed = obeying(device)
        device.answers["SetChargingProfile"] = says(b"{}")  # neither yes nor no
        assert await installed.bring([planned(1)]) is not None
        device.answers["SetChargingProfile"] = ACCEPTED
        await installed.bring([planned(1)])

        assert told(device) == [("Set", 1), ("Set", 1)]


@pytest.mark.parametrize("silent", ["SetChargingProfile", "ClearChargingProfile"])
async def test_what_was_asked_in_vain_is_known_before_it_is_said(
    tmp_path: Path, silent: str
) -> None:
    async with staged(tmp_path, ALONE) as stage:
        key = await stage.enrol()
        async with stage.charger(key) as device:
            installed = obeying(device)
            await installed.bring([planned(2, 1)])
            device.answers[silent] = never
            told(device)
            asking = asyncio.create_task(installed.bring([planned(1)]))
            await device.hears(silent)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
    async with staged(tmp_path, ALONE) as stage, stage.charger(key) as device:
        await obeying(device).bring([planned(2, 1)])
        stray = [("Cle", 1)]

        assert told(device) == (stray if silent.startswith("Set") else [("Set", 2), *stray])


async def test_what_is_refused_leaves_what_lay_there(stage: Stage) -> None:
    async with stage.charger(await stage.enrol()) as device:
        installed = obeying(device)
        await installed.bring([planned(1)])
        for refusal in (refuses("NotSupported"), says({"status": "Rejected"})):
            device.answers["SetChargingProfile"] = refusal
            assert await installed.bring([planned(1, limit=10)]) is not None
        device.answers["ClearChargingProfile"] = refuses("InternalError")
        assert await installed.bring([]) is not None
        told(device)
        assert await installed.bring([planned(1)]) is None

        assert told(device) == []


async def test_it_is_known_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path, ALONE) as stage:
        key = await stage.enrol()
        async with stage.charger(key) as device:
            await obeying(device).bring([planned(1)])
    async with staged(tmp_path, ALONE) as stage, stage.charger(key) as device:
        await obeying(device).bring([planned(2)])
        assert told(device) == [("Set", 2)]
