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


# ---- what 1.6 and 2.1 tell besides ----


def test_how_long_a_1_6_charger_waits_in_preparing() -> None:
    assert capabilities.from_configuration(keys(ConnectionTimeOut="90")).connection_timeout == 90
    assert capabilities.from_configuration(keys()).connection_timeout == 60


def test_what_2_1_has_besides() -> None:
    asked = [one["variable"]["name"] for one in capabilities.variables(1, "2.1")["getVariableData"]]
    assert {"MaxExternalConstraintsId", "SupportsMaxOfflineDuration"} <= set(asked)
    assert len(capabilities.variables(1)["getVariableData"]) == 4

    found = capabilities.from_variables(
        {
            "getVariableResult": [
                variable("SupportsMaxOfflineDuration", "true"),
                variable("SupportsDynamicProfiles", "True"),
                variable("SupportedAdditionalPurposes", "PriorityCharging, LocalGeneration"),
            ]
        }
    )
    assert found.offline_duration
    assert found.dynamic
    assert found.purposes == {"PriorityCharging", "LocalGeneration"}


@pytest.mark.parametrize(
    ("kept", "freed"), [("3000", "2999"), ("1000000", "2999"), ("2999", None), ("x", None)]
)
def test_ids_that_a_station_keeps_are_freed(kept: str, freed: str | None) -> None:
    """OCPP 2.1 K01.FR.80."""
    told = {"getVariableResult": [variable("MaxExternalConstraintsId", kept)]}
    freeing = capabilities.ids_to_free(told)

    if freed is None:
        assert freeing is None
    else:
        assert freeing is not None
        [only] = freeing["setVariableData"]
        assert only["attributeValue"] == freed
        assert only["variable"]["name"] == "MaxExternalConstraintsId"
