"""What a charger's schedules may be made of, whatever it answers."""

from __future__ import annotations

from typing import Any

import pytest

from csms import capabilities
from csms.limits import Abilities
from csms.schedules import Supply


def keys(**values: str) -> Any:
    return {"configurationKey": [{"key": key, "value": value} for key, value in values.items()]}


def variable(name: str, value: str, status: str = "Accepted") -> Any:
    return {"variable": {"name": name}, "attributeStatus": status, "attributeValue": value}


@pytest.mark.parametrize(
    ("value", "units"),
    [
        ("Current,Power", {"A", "W"}),
        ("Current", {"A"}),
        (" power ", {"W"}),
        ("A", {"A"}),
        ("", {"A", "W"}),
        ("Horsepower", {"A", "W"}),
    ],
)
def test_units_of_1_6(value: str, units: set[str]) -> None:
    found = capabilities.from_configuration(keys(ChargingScheduleAllowedChargingRateUnit=value))

    assert found.units == units


def test_levels_and_periods_of_1_6() -> None:
    answer = keys(ChargeProfileMaxStackLevel="8", ChargingScheduleMaxPeriods="10")
    found = capabilities.from_configuration(answer)

    assert (found.max_level, found.max_periods) == (8, 10)


def test_variables_of_2_0_1() -> None:
    answer = {
        "getVariableResult": [
            variable("RateUnit", "A"),
            variable("ProfileStackLevel", "3"),
            variable("PeriodsPerSchedule", "50"),
            variable("SupplyPhases", "1"),
        ]
    }

    assert capabilities.from_variables(answer) == Abilities(frozenset({"A"}), 3, 50, Supply(1))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [],
        {"getVariableResult": "x", "configurationKey": [None, 7, {"key": []}]},
        {"getVariableResult": [variable("ProfileStackLevel", "9", "Rejected"), {}, None]},
        {"getVariableResult": [variable("PeriodsPerSchedule", "0")]},
        keys(ChargeProfileMaxStackLevel="many"),
    ],
)
def test_what_is_not_said_is_assumed_to_be_the_least(answer: Any) -> None:
    for found in (capabilities.from_variables(answer), capabilities.from_configuration(answer)):
        assert found.max_level == 0
        assert found.max_periods >= 1
        assert found.supply == Supply()


def test_an_evse_is_asked_for_its_own_supply() -> None:
    *_, last = capabilities.variables(2)["getVariableData"]
    assert last["component"] == {"name": "EVSE", "evse": {"id": 2}}

    *_, last = capabilities.variables(0)["getVariableData"]
    assert last["component"] == {"name": "ChargingStation"}
