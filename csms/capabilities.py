"""What a charger's charging schedules may be made of, from its own settings; pure.

A setting that is missing or makes no sense is as if it were not there: then level 0 alone is
used, which every charger has, and both units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from csms.limits import Abilities
from csms.profile_ids import PLATFORM_IDS
from csms.readings import items, mapping, whole, word
from csms.schedules import Supply, Unit

# ---- OCPP 1.6: configuration keys (§9.4) ----

_UNITS_16, _LEVEL_16, _PERIODS_16, _PROFILES_16, _TIMEOUT_16 = (
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "ConnectionTimeOut",
)
CONFIGURATION: Mapping[str, Any] = {
    "key": [_UNITS_16, _LEVEL_16, _PERIODS_16, _PROFILES_16, _TIMEOUT_16]
}

# ---- OCPP 2.x: variables (2.0.1 Part 2 Appendix 3) ----

_CONTROLLER = {"name": "SmartChargingCtrlr"}
_SUPPLY, _UNITS, _LEVEL, _PERIODS = (
    "SupplyPhases",
    "RateUnit",
    "ProfileStackLevel",
    "PeriodsPerSchedule",
)
_KEPT_IDS, _OFFLINE, _PURPOSES, _DYNAMIC = (
    "MaxExternalConstraintsId",
    "SupportsMaxOfflineDuration",
    "SupportedAdditionalPurposes",
    "SupportsDynamicProfiles",
)
_OF_21 = (_KEPT_IDS, _OFFLINE, _PURPOSES, _DYNAMIC)
_HIGHEST_KEPT_ID = PLATFORM_IDS.start - 1


def variables(evse_id: int, version: str = "2.0.1") -> Mapping[str, Any]:
    """Return the GetVariables that asks about one EVSE, 0 for the station."""
    place: dict[str, Any] = {"name": "EVSE", "evse": {"id": evse_id}}
    component = place if evse_id else {"name": "ChargingStation"}
    names = (_UNITS, _LEVEL, _PERIODS, *(_OF_21 if version == "2.1" else ()))
    own = [{"component": _CONTROLLER, "variable": {"name": name}} for name in names]
    supply = {"component": component, "variable": {"name": _SUPPLY}}
    return {"getVariableData": [*own, supply]}


def ids_to_free(answer: Any) -> Mapping[str, Any] | None:
    """Return the SetVariables that leaves our ids to us where a GetVariables says otherwise.

    A 2.1 station keeps the lower ids for what others set on it (K01.FR.80).
    """
    kept = whole(_values(answer).get(_KEPT_IDS))
    if kept is None or kept <= _HIGHEST_KEPT_ID:
        return None
    variable = {"component": _CONTROLLER, "variable": {"name": _KEPT_IDS}}
    return {"setVariableData": [{**variable, "attributeValue": str(_HIGHEST_KEPT_ID)}]}


def from_configuration(answer: Any) -> Abilities:
    """Read the answer to a GetConfiguration."""
    found = {
        str(one.get("key")): word(one.get("value"))
        for one in map(mapping, items(mapping(answer).get("configurationKey")))
    }
    timeout = whole(found.get(_TIMEOUT_16))
    return Abilities(
        units=_units(found.get(_UNITS_16)),
        max_level=whole(found.get(_LEVEL_16)) or 0,
        max_periods=_periods(found.get(_PERIODS_16)),
        max_profiles=whole(found.get(_PROFILES_16)) or None,
        connection_timeout=_USUAL.connection_timeout if timeout is None else timeout,
    )


def from_variables(answer: Any) -> Abilities:
    """Read the answer to a GetVariables."""
    found = _values(answer)
    phases = whole(found.get(_SUPPLY))
    return Abilities(
        units=_units(found.get(_UNITS)),
        max_level=whole(found.get(_LEVEL)) or 0,
        max_periods=_periods(found.get(_PERIODS)),
        # 0 is how a DC station says that it has none (2.0.1 EVSE.SupplyPhases).
        supply=Supply(phases if phases in {1, 2, 3} else None),
        offline_duration=_is_true(found.get(_OFFLINE)),
        dynamic=_is_true(found.get(_DYNAMIC)),
        purposes=frozenset(_listed(found.get(_PURPOSES))),
    )


_WORDS: Mapping[str, Unit] = {"current": "A", "a": "A", "power": "W", "w": "W"}
_USUAL = Abilities()


def _values(answer: Any) -> Mapping[str, str | None]:
    return {
        str(mapping(one.get("variable")).get("name")): word(one.get("attributeValue"))
        for one in map(mapping, items(mapping(answer).get("getVariableResult")))
        if one.get("attributeStatus") == "Accepted"
    }


def _units(said: str | None) -> frozenset[Unit]:
    named = (_WORDS.get(unit.lower()) for unit in _listed(said))
    return frozenset(unit for unit in named if unit) or _USUAL.units


def _periods(said: str | None) -> int:
    return max(whole(said) or _USUAL.max_periods, 1)


def _is_true(said: str | None) -> bool:
    return (said or "").strip().lower() == "true"


def _listed(said: str | None) -> Iterable[str]:
    return (one.strip() for one in (said or "").split(",") if one.strip())
