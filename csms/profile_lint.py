"""Tell what is wrong with a charging profile, and where, before a charger sees it; pure.

Profiles are in the words of OCPP 2.0.1. A target is held to ``flaws_of_any``, as a charger would
hold it; the operator also to ``flaws_of_ours``, lest a profile is accepted and does nothing.
Sources: 2.0.1 Part 2 K01, reason codes of its Appendix 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from csms.limits import Abilities
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Fields, moment_of
from storage.records import ChargingProfile, Transaction

LARGEST = (1 << 31) - 1
HIGHEST = 10_000_000  # W, and more than any charger has
_ABSURD = 1e12  # W: who wants no limit may say so by a large one
EARLY, LATE = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LATEST_START = datetime(9900, 1, 1, tzinfo=UTC)  # a schedule is never longer than 69 years
_SEVERAL = 3

_PROFILE, _SCHEDULE, _SCHEDULES = "InvalidProfile", "InvalidSchedule", "chargingSchedule"
_PERIODS = "chargingSchedulePeriod"
# A Dynamic one changes without being set again (2.1 K08.FR.04).
_DYNAMIC, _INTERVAL = "Dynamic", "dynUpdateInterval"
_KINDS = frozenset({"Absolute", "Recurring", "Relative"})
OF_21 = frozenset({"LocalGeneration", "PriorityCharging"})
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
_MODE, _PLAIN_MODE = "operationMode", "ChargingOnly"


class Flaw(NamedTuple):
    """What is wrong: where in the profile by dotted path, a reason code, and a sentence."""

    path: str
    code: str
    sentence: str


class Place(NamedTuple):
    """A profile, where it is meant to be, and what the charger can.

    Of a start the transaction is yet to come. ``ours`` it is if the operator wants it, who may
    overrule or add to what others limit where a 2.1 station says that it can.
    """

    evse_id: int
    profile: Mapping[str, Any]
    transaction: Transaction | None
    abilities: Abilities
    starting: bool = False
    ours: bool = False


Rule: TypeAlias = Callable[[Place], Iterator[Flaw]]
OfSchedule: TypeAlias = Callable[[str, Fields, Place], Iterator[Flaw]]


def flaws_of_any(place: Place) -> Iterator[Flaw]:
    """Yield what a charger would not have, whoever wants it."""
    for rule in _FOR_ANY:
        yield from rule(place)
    yield from _in_schedules(place, _FOR_ANY_SCHEDULE)


def flaws_of_ours(place: Place, now: datetime) -> Iterator[Flaw]:
    """Yield what else makes no sense, or would never hold from ``now`` on.

    The profile has to be without ``flaws_of_any``.
    """
    for rule in _FOR_OURS:
        yield from rule(place)
    yield from _in_schedules(place, _FOR_OUR_SCHEDULE)
    yield from _validity(place.profile, now)


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


# ---- whoever wants it ----


def _purpose(place: Place) -> Iterator[Flaw]:
    purpose, path = place.profile["chargingProfilePurpose"], "chargingProfilePurpose"
    # External constraints are no system's to set (K01.FR.22); priority charging and local
    # generation overrule or add to what others limit (2.1 K21.FR.04, K04.FR.05).
    further = place.abilities.purposes & OF_21 if place.ours else frozenset()
    if purpose not in {STATION_MAX, TX_DEFAULT, TX} | further:
        yield Flaw(path, _PROFILE, f"The charger does not say that it takes {purpose}.")
    if purpose == STATION_MAX and place.evse_id:
        yield Flaw(path, _PROFILE, f"{purpose} is of a whole station, not of an EVSE.")
    if purpose == STATION_MAX and place.profile["chargingProfileKind"] == "Relative":
        told = f"{purpose} cannot be Relative: no transaction begins there."  # K01.FR.38
        yield Flaw("chargingProfileKind", _PROFILE, told)


def _kind(place: Place) -> Iterator[Flaw]:
    kind = place.profile["chargingProfileKind"]
    if kind not in _KINDS and not (kind == _DYNAMIC and place.ours and place.abilities.dynamic):
        told = f"The charger does not say that it takes {kind} profiles."
        yield Flaw("chargingProfileKind", _PROFILE, told)


def _transaction(place: Place) -> Iterator[Flaw]:
    is_tx = place.profile["chargingProfilePurpose"] == TX
    if is_tx and place.transaction is None and not place.starting:  # K01.FR.16, .33
        told = "A TxProfile is for a transaction that is running on this EVSE of this station."
        yield Flaw("transactionId", "TxNotFound", told)


def _several(place: Place) -> Iterator[Flaw]:
    most = _SEVERAL if place.profile["chargingProfilePurpose"] == TX else 1
    if not 1 <= len(place.profile[_SCHEDULES]) <= most:
        yield Flaw(_SCHEDULES, _SCHEDULE, "Only a TxProfile may have several schedules, up to 3.")


def _beyond(place: Place) -> Iterator[Flaw]:
    for path, part in parts(place.profile):
        said = {name for name, value in part.items() if value is not None and value is not False}
        beyond = sorted(said & _BEYOND)
        if part.get(_MODE, _PLAIN_MODE) != _PLAIN_MODE:
            beyond.append(_MODE)
        for name in beyond:
            told = "This cannot be joined with the limits of others."
            yield Flaw(path + name, "UnsupportedParam", told)


def _recurrency(place: Place) -> Iterator[Flaw]:
    recurring = place.profile["chargingProfileKind"] == "Recurring"
    if recurring and "recurrencyKind" not in place.profile:
        yield Flaw("recurrencyKind", _SCHEDULE, "A Recurring profile says how often: name it.")


def _moments(place: Place) -> Iterator[Flaw]:
    for name in ("validFrom", "validTo"):
        if not _readable(place.profile.get(name)):
            yield Flaw(name, _SCHEDULE, "This is no moment in time.")


def _begin(path: str, schedule: Fields, _place: Place) -> Iterator[Flaw]:
    start = schedule.get("startSchedule")
    if not _readable(start) or (moment_of(start) or EARLY) > _LATEST_START:
        yield Flaw(f"{path}.startSchedule", _SCHEDULE, "This is no moment in time.")
    if abs(schedule.get("duration", 0)) > LARGEST:
        yield Flaw(f"{path}.duration", _SCHEDULE, "This is longer than anything lasts.")


def _order(path: str, schedule: Fields, _place: Place) -> Iterator[Flaw]:
    starts = [period["startPeriod"] for period in schedule[_PERIODS]]
    if starts[:1] != [0]:  # K01.FR.31
        told = "The first period starts at 0."
        yield Flaw(f"{path}.{_PERIODS}.0.startPeriod", _SCHEDULE, told)
    for n, (before, start) in enumerate(pairwise(starts), 1):
        if not before < start <= LARGEST:  # K01.FR.35
            told = "Each period starts after the one before it."
            yield Flaw(f"{path}.{_PERIODS}.{n}.startPeriod", _SCHEDULE, told)


def _unit(path: str, schedule: Fields, place: Place) -> Iterator[Flaw]:
    if schedule["chargingRateUnit"] not in place.abilities.units:
        only = "/".join(sorted(place.abilities.units))
        told = f"The charger takes schedules in {only} only."
        yield Flaw(f"{path}.chargingRateUnit", "UnsupportedRateUnit", told)


def _limits(path: str, schedule: Fields, _place: Place) -> Iterator[Flaw]:
    for n, period in enumerate(schedule[_PERIODS]):
        if not isinstance(period.get("limit"), int | float):
            told = "What a schedule allows is said by `limit`."
        elif period["limit"] < 0:
            told = "A limit is not below zero."
        elif period["limit"] > _ABSURD:
            told = "This is more than there is."
        else:
            continue
        yield Flaw(f"{path}.{_PERIODS}.{n}.limit", _SCHEDULE, told)


def _count(path: str, schedule: Fields, place: Place) -> Iterator[Flaw]:
    most = place.abilities.max_periods
    if len(schedule[_PERIODS]) > most:
        yield Flaw(f"{path}.{_PERIODS}", _SCHEDULE, f"The charger takes at most {most} periods.")


_FOR_ANY: tuple[Rule, ...] = (
    _purpose,
    _kind,
    _transaction,
    _several,
    _beyond,
    _recurrency,
    _moments,
)
_FOR_ANY_SCHEDULE: tuple[OfSchedule, ...] = (_begin, _order, _unit, _limits, _count)


# ---- what else we ask of our own ----


def _numbers(place: Place) -> Iterator[Flaw]:
    for name, least in (("id", 1), ("stackLevel", 0)):
        if not least <= place.profile[name] <= LARGEST:
            yield Flaw(name, _PROFILE, f"This is a number from {least} to {LARGEST}.")


def _companions(place: Place) -> Iterator[Flaw]:
    profile = place.profile
    kind = profile["chargingProfileKind"]
    if kind != "Recurring" and "recurrencyKind" in profile:
        yield Flaw("recurrencyKind", _PROFILE, f"Only a Recurring profile has it, not {kind}.")
    if kind != _DYNAMIC and _INTERVAL in profile:
        yield Flaw(_INTERVAL, _PROFILE, f"Only a {_DYNAMIC} profile has it, not {kind}.")
    if profile["chargingProfilePurpose"] != TX and "transactionId" in profile:
        yield Flaw("transactionId", _PROFILE, "Only a TxProfile is for one transaction.")


def _start(path: str, schedule: Fields, place: Place) -> Iterator[Flaw]:
    kind, given = place.profile["chargingProfileKind"], "startSchedule" in schedule
    if kind == "Recurring" and not given:
        told = "A Recurring schedule says when it began."  # K01.FR.40
        yield Flaw(f"{path}.startSchedule", _SCHEDULE, told)
    if kind == "Relative" and given:
        told = "A Relative schedule begins with its transaction."  # K01.FR.41
        yield Flaw(f"{path}.startSchedule", _SCHEDULE, told)


def _dynamic(path: str, schedule: Fields, place: Place) -> Iterator[Flaw]:
    if place.profile["chargingProfileKind"] == _DYNAMIC and len(schedule[_PERIODS]) > 1:
        yield Flaw(f"{path}.{_PERIODS}.1", _SCHEDULE, "A Dynamic schedule has one period.")


def _duration(path: str, schedule: Fields, _place: Place) -> Iterator[Flaw]:
    duration = schedule.get("duration")
    if duration is None:
        return
    if duration < 1:
        yield Flaw(f"{path}.duration", _SCHEDULE, "A schedule lasts for at least 1 s.")
        return
    for n, period in enumerate(schedule[_PERIODS]):
        if period["startPeriod"] >= duration:
            told = f"The schedule is over after {duration} s, before this period starts."
            yield Flaw(f"{path}.{_PERIODS}.{n}.startPeriod", _SCHEDULE, told)


def _phases(path: str, schedule: Fields, _place: Place) -> Iterator[Flaw]:
    for n, period in enumerate(schedule[_PERIODS]):
        here, phases = f"{path}.{_PERIODS}.{n}", period.get("numberPhases")
        if phases is not None and not 1 <= phases <= 3:
            yield Flaw(f"{here}.numberPhases", _SCHEDULE, "There are 1 to 3 phases.")
        if "phaseToUse" not in period:
            continue
        if not 1 <= period["phaseToUse"] <= 3:
            yield Flaw(f"{here}.phaseToUse", _SCHEDULE, "The phases are 1, 2 and 3.")
        if phases != 1:
            told = "Which phase to use is said where numberPhases is 1."
            yield Flaw(f"{here}.phaseToUse", _SCHEDULE, told)


def _size(path: str, schedule: Fields, _place: Place) -> Iterator[Flaw]:
    for n, period in enumerate(schedule[_PERIODS]):
        if period["limit"] > HIGHEST:
            told = f"A limit is at most {HIGHEST}."
            yield Flaw(f"{path}.{_PERIODS}.{n}.limit", _SCHEDULE, told)
    if not 0 <= schedule.get("minChargingRate", 0) <= HIGHEST:
        told = f"A rate is from 0 to {HIGHEST}."
        yield Flaw(f"{path}.minChargingRate", _SCHEDULE, told)


_FOR_OURS: tuple[Rule, ...] = (_numbers, _companions)
_FOR_OUR_SCHEDULE: tuple[OfSchedule, ...] = (
    _start,
    _dynamic,
    _duration,
    _phases,
    _size,
)


def _validity(profile: Fields, now: datetime) -> Iterator[Flaw]:
    until = valid_to(profile)
    if valid_from(profile) >= until:
        yield Flaw("validTo", _PROFILE, "This is not after validFrom.")
    elif until <= now:
        yield Flaw("validTo", _PROFILE, "This has passed.")


# ---- reading ----


def parts(profile: Fields) -> Iterator[tuple[str, Fields]]:
    """Yield the profile, its schedules and their periods, each with the path in front of it."""
    yield "", profile
    for n, schedule in enumerate(profile[_SCHEDULES]):
        path = f"{_SCHEDULES}.{n}."
        yield path, schedule
        for m, period in enumerate(schedule[_PERIODS]):
            yield f"{path}{_PERIODS}.{m}.", period


def valid_from(profile: Fields) -> datetime:
    """Return the moment from which on a profile may hold; raise ValueError."""
    return moment_of(profile.get("validFrom")) or EARLY


def valid_to(profile: Fields) -> datetime:
    """Return the moment until which a profile may hold; raise ValueError."""
    return moment_of(profile.get("validTo")) or LATE


def _in_schedules(place: Place, rules: Iterable[OfSchedule]) -> Iterator[Flaw]:
    for n, schedule in enumerate(place.profile[_SCHEDULES]):
        for rule in rules:
            yield from rule(f"{_SCHEDULES}.{n}", schedule, place)


def _readable(moment: Any) -> bool:
    try:
        moment_of(moment)
    except ValueError:
        return False
    return True


def _overlap(one: Fields, other: Fields) -> bool:
    return valid_from(one) < valid_to(other) and valid_from(other) < valid_to(one)
