"""A row of the overview says what is most telling of a charger, and nothing that is not known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from storage.records import MeterValue, Transaction
from tests.api.conftest import Api, Connect

ENERGY, POWER, CURRENT = "Energy.Active.Import.Register", "Power.Active.Import", "Current.Import"


async def row(api: Api, charge_box_id: str = "CP-1") -> Mapping[str, Any]:
    await api.storage.journal.flush()
    path = f"{api.organization}/fleet?charge_box_id={charge_box_id}"
    [found] = (await api.get(path))["chargers"]
    assert isinstance(found, dict)
    return found


def says(api: Api, *statuses: str) -> None:
    key = api.charger_key("CP-1")
    for number, status in enumerate(statuses):
        api.storage.chargers.note_status(key, number, number, status, b"{}", "NoError")


def charges(api: Api, id: str = "1", evse_id: int = 1) -> None:
    api.storage.transactions.note_started(
        Transaction(
            key=api.charger_key("CP-1"),
            transaction_id=id,
            evse_id=evse_id,
            started_at=api.clock.now(),
            start_timestamp="",
        )
    )


def measures(api: Api, *samples: tuple[Any, ...], id: str = "1", minute: int = 0) -> None:
    at = api.clock.now() + timedelta(minutes=minute)
    key = api.charger_key("CP-1")
    values = [MeterValue(key, id, 1, at, *sample) for sample in samples]
    api.storage.transactions.note_meter_values(values)


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ((), "unknown"),
        (("Available", "Available"), "available"),
        (("Available", "Dancing"), "available"),
        (("Dancing",), "unknown"),
        (("Available", "Unavailable"), "unavailable"),
        (("Available", "Reserved", "Unavailable"), "reserved"),
        (("Available", "Reserved", "Preparing"), "occupied"),
        (("Available", "SuspendedEV"), "occupied"),
        (("Available", "SuspendedEVSE"), "occupied"),
        (("Available", "Finishing"), "occupied"),
        (("Available", "Occupied"), "occupied"),
        (("Available", "Charging", "Occupied"), "charging"),
        (("Available", "Charging", "Faulted"), "faulted"),
    ],
)
async def test_the_most_telling_of_its_connectors_is_its_state(
    api: Api, connect: Connect, statuses: tuple[str, ...], state: str
) -> None:
    await api.enrol()
    says(api, *statuses)
    offline = await row(api)
    await connect()
    online = await row(api)

    assert (offline["state"], online["state"]) == ("offline", state)
    assert [each["status"] for each in online["connectors"]] == list(statuses)


async def test_of_2_x_what_runs_tells_who_charges(api: Api, connect: Connect) -> None:
    await api.enrol()
    await connect()
    says(api, "Available", "Occupied")
    charges(api)
    begun = await row(api)
    measures(api, (POWER, 0.0, "W"))
    paused = await row(api)

    assert (begun["state"], begun["power_w"]) == ("charging", None)
    assert (paused["state"], paused["power_w"]) == ("occupied", 0.0)


@pytest.mark.parametrize(
    ("told", "watts"),
    [
        ([], None),
        ([[(POWER, 7.4, "kW")]], 7400.0),
        ([[(POWER, 9.0, "kW")], [(POWER, 7.4, "kW"), (ENERGY, 5.0, "Wh")]], 7400.0),
        ([[(CURRENT, 16.0, "A", line) for line in ("L1", "L2", "L3")]], 11040.0),
        ([[(ENERGY, 1000.0, "Wh")]], None),
        ([[(ENERGY, 1000.0, "Wh")], [(ENERGY, 1.1, "kWh")]], 6000.0),
        ([[("Voltage", 230.0, "V")]], None),
        ([[(POWER, 7.4, "kW")], [("Voltage", 230.0, "V")]], 7400.0),
    ],
    ids=["nothing", "power", "newest", "current", "once", "gained", "voltage", "before"],
)
async def test_its_power_is_what_its_meter_told_last(
    api: Api, connect: Connect, told: list[list[tuple[Any, ...]]], watts: float | None
) -> None:
    await api.enrol()
    await connect()
    charges(api)
    for minute, samples in enumerate(told):
        measures(api, *samples, minute=minute)

    assert (await row(api))["power_w"] == watts


async def test_what_all_its_sessions_take_is_added_up(api: Api, connect: Connect) -> None:
    await api.enrol()
    await connect()
    for number in ("1", "2", "3"):
        charges(api, number, int(number))
    measures(api, (POWER, 7000.0, "W"), id="1")
    measures(api, (ENERGY, 0.0, "Wh"), id="2")
    measures(api, (ENERGY, 50.0, "Wh"), id="2", minute=1)

    found = await row(api)

    assert (found["power_w"], found["running_transactions"]) == (10_000.0, 3)


async def test_where_its_target_is_stands_with_it(api: Api) -> None:
    made = await api.enrol_with_proxy()

    assert (await row(api))["target"] == {
        "proxy_configuration_id": made["proxy_configuration"]["id"],
        "target_platform_identifier": "Main_CSMS",
        "state": "dialing",
        "reason": None,
    }
