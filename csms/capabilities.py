"""What a charger's charging schedules may be made of, from its own settings; pure.

A setting that is missing or makes no sense is as if it were not there: then level 0 alone is
used, which every charger has, and both units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.limits import Abilities
from csms.readings import items, mapping, whole, word
from csms.schedules import Supply, Unit

# ---- OCPP 1.6: configuration keys (§9.4) ----

_UNITS_16, _LEVEL_16, _PERIODS_16 = (
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleMaxPeriods",
)
CONFIGURATION: Mapping[str, Any] = {"key": [_UNITS_16, _LEVEL_16, _PERIODS_16]}

# ---- OCPP 2.0.1: variables (Part 2 Appendix 3) ----

_CONTROLLER = "SmartChargingCtrlr"
_SUPPLY = "SupplyPhases"
_ASKED = ("RateUnit", "ProfileStackLevel", "PeriodsPerSchedule")


def variables(evse_id: int) -> Mapping[str, Any]:
    """Return the GetVariables that asks about one EVSE, 0 for the station."""
    place: dict[str, Any] = {"name": "EVSE", "evse": {"id": evse_id}}
    component = place if evse_id else {"name": "ChargingStation"}
    own = [{"component": {"name": _CONTROLLER}, "variable": {"name": name}} for name in _ASKED]
    supply = {"component": component, "variable": {"name": _SUPPLY}}
    return {"getVariableData": [*own, supply]}


def from_configuration(answer: Any) -> Abilities:
    """Read the answer to a GetConfiguration."""
    found = {
        str(one.get("key")): word(one.get("value"))
        for one in map(mapping, items(mapping(answer).get("configurationKey")))
    }
    return _abilities(found.get(_UNITS_16), found.get(_LEVEL_16), found.get(_PERIODS_16))


def from_variables(answer: Any) -> Abilities:
    """Read the answer to a GetVariables."""
    found = {
        str(mapping(one.get("variable")).get("name")): word(one.get("attributeValue"))
        for one in map(mapping, items(mapping(answer).get("getVariableResult")))
        if one.get("attributeStatus") == "Accepted"
    }
    return _abilities(*(found.get(name) for name in (*_ASKED, _SUPPLY)))


_WORDS: Mapping[str, Unit] = {"current": "A", "a": "A", "power": "W", "w": "W"}


def _abilities(
    units: str | None, level: str | None, periods: str | None, phases: str | None = None
) -> Abilities:
    named = {_WORDS.get(unit.strip().lower()) for unit in (units or "").split(",")} - {None}
    usual = Abilities()
    known = whole(phases)
    return Abilities(
        units=frozenset(unit for unit in named if unit) or usual.units,
        max_level=whole(level) or 0,
        max_periods=max(whole(periods) or usual.max_periods, 1),
        # 0 is how a DC station says that it has none (2.0.1 EVSE.SupplyPhases).
        supply=Supply(known if known in {1, 2, 3} else None),
    )
