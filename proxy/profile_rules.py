"""What a target may set as a charging profile, and which of its own it names; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from csms.limits import Abilities
from csms.profile_words import Words, purpose_of
from csms.readings import mapping
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Fields, moment_of, read
from storage.records import ChargingProfile, Transaction

Chosen: TypeAlias = Callable[[ChargingProfile], bool]

_EARLY, _LATE = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# A Dynamic one changes without being set again (2.1 K08.FR.04).
_KINDS = frozenset({"Absolute", "Recurring", "Relative"})
# What 2.1 can say and a schedule that is merged of several owners' cannot.
_BEYOND = frozenset(
    {
        "dischargeLimit",
        "dischargeLimit_L2",
        "dischargeLimit_L3",
        "evseSleep",
        "invalidAfterOfflineDuration",
        "limitAtSoC",
        "limit_L2",
        "limit_L3",
        "maxOfflineDuration",
        "randomizedDelay",
        "setpoint",
        "setpoint_L2",
        "setpoint_L3",
        "setpointReactive",
        "setpointReactive_L2",
        "setpointReactive_L3",
        "useLocalTime",
        "v2xBaseline",
        "v2xFreqWattCurve",
        "v2xSignalWattCurve",
    }
)
_PLAIN_MODE = "ChargingOnly"


class Place(NamedTuple):
    """A profile, where it is meant to be, and what the charger can."""

    evse_id: int
    profile: dict[str, Any]
    transaction: Transaction | None
    abilities: Abilities


def flaw_of(place: Place, *, starting: bool = False) -> str | None:
    """Return the reason code (2.0.1 Part 2 Appendix 5) against a profile, None if it may be."""
    purpose = place.profile["chargingProfilePurpose"]
    kind = place.profile["chargingProfileKind"]
    # External constraints are no system's to set (K01.FR.22); priority charging and local
    # generation overrule or add to what others limit (2.1 K21.FR.04, K04.FR.05).
    if purpose not in {STATION_MAX, TX_DEFAULT, TX} or kind not in _KINDS:
        return "InvalidProfile"
    if purpose == STATION_MAX and (place.evse_id != 0 or kind == "Relative"):
        return "InvalidProfile"  # K01.FR.38
    if purpose == TX and place.transaction is None and not starting:
        return "TxNotFound"  # K01.FR.16, .33
    several = len(place.profile["chargingSchedule"]) > 1
    if several and purpose != TX:
        return "InvalidSchedule"
    return "UnsupportedParam" if _goes_beyond(place.profile) else _flaw_of_schedule(place)


def _goes_beyond(profile: Fields) -> bool:
    schedules = profile["chargingSchedule"]
    periods = [one for schedule in schedules for one in schedule["chargingSchedulePeriod"]]
    said = {
        name
        for part in (profile, *schedules, *periods)
        for name, value in part.items()
        if value is not None and value is not False
    }
    modes = {period.get("operationMode", _PLAIN_MODE) for period in periods}
    return not said.isdisjoint(_BEYOND) or not modes <= {_PLAIN_MODE}


def _flaw_of_schedule(place: Place) -> str | None:
    try:
        curve = read(place.profile, (), _EARLY)
    except (KeyError, TypeError, ValueError):
        return "InvalidSchedule"
    if not {rate.unit for rate in curve.rates} <= place.abilities.units:
        return "UnsupportedRateUnit"  # as the charger would say, whatever else lies there
    negative = any(rate.value < 0 for rate in curve.rates)
    return "InvalidSchedule" if negative or len(curve.rates) > place.abilities.max_periods else None


def rivals(own: Iterable[ChargingProfile], place: Place) -> list[ChargingProfile]:
    """Return what lies at the same EVSE, purpose and level at the same time (K01.FR.06, .39)."""
    return [
        one
        for one in own
        if (one.evse_id, one.purpose, one.stack_level)
        == (place.evse_id, place.profile["chargingProfilePurpose"], place.profile["stackLevel"])
        and one.transaction_id == (place.transaction.transaction_id if place.transaction else None)
        and _overlap(one.profile, place.profile)
    ]


def chosen_by(words: Words, fields: Any) -> Chosen:
    """Return which profiles a ClearChargingProfile names: by id alone, or by criteria."""
    fields = mapping(fields)
    id = fields.get("id", fields.get("chargingProfileId"))
    if id is not None:  # K10.FR.02, 1.6 errata 3.25: an id stands alone
        return lambda one: one.profile_id == id
    criteria = mapping(fields.get("chargingProfileCriteria")) or fields
    purpose = criteria.get("chargingProfilePurpose")
    wanted = {
        "evse_id": criteria.get(words.evse),
        "purpose": None if purpose is None else purpose_of(purpose),
        "stack_level": criteria.get("stackLevel"),
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return lambda one: all(getattr(one, name) == value for name, value in given.items())


def _overlap(one: Fields, other: Fields) -> bool:
    return _from(one) < _to(other) and _from(other) < _to(one)


def _from(profile: Fields) -> datetime:
    return moment_of(profile.get("validFrom")) or _EARLY


def _to(profile: Fields) -> datetime:
    return moment_of(profile.get("validTo")) or _LATE
