"""What a charger's schedules may be made of is asked once, and its record goes before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from csms.frames import Call
from csms.known_abilities import KnownAbilities
from csms.schedules import Supply
from tests.proxy.stage import OCPP16, OCPP201, Device, Stage, says, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


def telling(device: Device, phases: str = "3") -> KnownAbilities:
    result: dict[str, Any] = {
        "component": {"name": "EVSE"},
        "variable": {"name": "SupplyPhases"},
        "attributeStatus": "Accepted",
        "attributeValue": phases,
    }
    device.answers["GetVariables"] = says({"getVariableResult": [result]})
    device.answers["GetConfiguration"] = says(b"{}")
    return KnownAbilities(device.connection.station)


@pytest.mark.parametrize(
    ("subprotocol", "action", "times"),
    [(OCPP16, "GetConfiguration", 1), (OCPP201, "GetVariables", 2)],
)
async def test_a_2_x_charger_is_asked_once_for_each_evse(
    stage: Stage, subprotocol: str, action: str, times: int
) -> None:
    async with stage.charger(await stage.enrol(), subprotocol) as device:
        known = telling(device)
        for evse_id in (1, 2, 1, 2):
            await known.of(evse_id)
        assert device.actions.count(action) == times
        known.forget()
        await known.of(1)
        assert device.actions.count(action) == times + 1


async def test_what_was_asked_before_a_boot_is_asked_again(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        known = telling(device, phases="1")
        before = device.answers["GetVariables"]

        def forgotten_meanwhile(call: Call) -> Any:
            known.forget()
            return before(call)

        device.answers["GetVariables"] = forgotten_meanwhile
        assert (await known.of(1)).supply.phases == 1
        telling(device, phases="3")
        assert (await known.of(1)).supply.phases == 3


async def test_the_chargers_record_goes_before_what_it_says(stage: Stage) -> None:
    """Item 6."""
    key = await stage.enrol()
    async with stage.charger(key, OCPP201) as device:
        known = telling(device)
        assert (await known.of(1)).supply == Supply(3, 230.0)
        known.forget()
        await stage.storage.chargers.update(key, supply_phases=1, nominal_voltage=120.0)
        assert (await known.of(1)).supply == Supply(1, 120.0)
