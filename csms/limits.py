"""Turn a power limit into a charging profile, and several owners' profiles into one; pure.

What lies on the charger is never above what any owner allows, and equal to the lowest of them
where one profile can say that (`proxy-semantics` B.6: virtual stacks; ADR 0015).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from csms.schedules import (
    CYCLES,
    MOST_PHASES,
    TX,
    Curve,
    Fields,
    Rate,
    Supply,
    Unit,
    leading,
    moment_of,
    round_down,
)
from storage.clock import timestamp

LEAD = timedelta(seconds=60)  # an absolute schedule begins in the past: clocks differ
MIN_CURRENT_A = 6.0  # below it a phase stops charging AC (IEC 61851-1)
_FAR = 1_000_000.0  # W or A: no limit, where one profile has to say something in between


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a charger's schedules may be made of; ``supply`` is of the EVSE in question."""

    units: frozenset[Unit] = frozenset({"A", "W"})
    max_level: int = 0
    max_periods: int = 24
    supply: Supply = field(default_factory=Supply)

    def unit_for(self, *wanted: Unit, direct: bool = False) -> Unit:
        """Return the unit in which limits of these units are said: A where they differ.

        A limit in A holds on each phase, so whatever a vehicle uses stays below the W; of direct
        current A say nothing without its voltage.
        """
        if direct and "W" in self.units:
            return "W"
        common = set(wanted) & self.units if len(set(wanted)) == 1 else self.units
        return "A" if "A" in (common or self.units) else "W"


class Merged(NamedTuple):
    """One profile for several, without id and level; exact until a moment, always where None."""

    profile: dict[str, Any]
    exact_until: datetime | None = None


# ---- power limit to profile ----


def limit_profile(
    id: int, purpose: str, rate: Rate, now: datetime, transaction_id: str | None = None
) -> dict[str, Any]:
    """Return the profile of a constant limit: it began a minute ago and does not end."""
    period = _period(0, rate)
    bound = {} if transaction_id is None else {"transactionId": transaction_id}
    return {
        "id": id,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        **bound,
        "chargingSchedule": [
            {
                "id": id,
                "startSchedule": timestamp(now - LEAD),
                "chargingRateUnit": rate.unit,
                "chargingSchedulePeriod": [period],
            }
        ],
    }


def below_minimum(rate: Rate, supply: Supply) -> bool:
    """Tell whether AC charging pauses under a limit."""
    return supply.convert(rate, "A", rate.phases) < MIN_CURRENT_A


# ---- one profile for several ----


def capped(profile: Fields, cap: Rate, abilities: Abilities) -> dict[str, Any]:
    """Return a profile whose every period keeps to a limit; nothing else of it changes."""
    schedules = [
        _capped_schedule(schedule, cap, abilities) for schedule in profile["chargingSchedule"]
    ]
    return {**profile, "chargingSchedule": schedules}


def merge(
    profiles: Sequence[Fields],
    curves: Sequence[Curve],
    cap: Rate | None,
    abilities: Abilities,
    now: datetime,
    horizon: timedelta,
    started: datetime | None = None,
) -> Merged:
    """Return one profile that keeps to one owner's profiles and to the platform's limit.

    ``curves`` are the profiles, read. Where something recurs, and is too much for one profile, it
    is expanded for ``horizon``; what follows then is as low as anything that may hold.
    """
    if len(profiles) == 1 and cap is not None:
        own = capped(profiles[0], cap, abilities)
        if profiles[0]["chargingProfilePurpose"] == TX or not has_gaps(own, now - LEAD):
            return Merged(own)
        if _can_be_filled(own):
            return Merged(_filled(own, cap, abilities, now - LEAD))
    return _expanded(profiles[0], curves, cap, abilities, now - LEAD, horizon, started)


def has_gaps(profile: Fields, begin: datetime) -> bool:
    """Tell whether a profile says nothing at some moment from ``begin`` on."""
    if "validFrom" in profile or "validTo" in profile:
        return True
    relative = profile["chargingProfileKind"] == "Relative"
    return any(
        "duration" in schedule or not (relative or _has_begun(schedule, begin))
        for schedule in profile["chargingSchedule"]
    )


def _has_begun(schedule: Fields, begin: datetime) -> bool:
    start = moment_of(schedule.get("startSchedule"))
    return start is None or start <= begin


def _capped_schedule(schedule: Fields, cap: Rate, abilities: Abilities) -> dict[str, Any]:
    unit = abilities.unit_for(schedule["chargingRateUnit"], cap.unit, direct=cap.direct)
    periods = []
    for period in schedule["chargingSchedulePeriod"]:
        phases = period.get("numberPhases")
        own = Rate(float(period["limit"]), schedule["chargingRateUnit"], phases)
        lowest = abilities.supply.lowest((own, cap), unit)
        assert lowest is not None  # noqa: S101 - of two
        # One that stays keeps its spelling: 16 does not become 16.0.
        same = unit == own.unit and lowest.value == own.value
        said = {} if lowest.phases is None else {"numberPhases": lowest.phases}
        limit = period["limit"] if same else lowest.value
        periods.append({**period, "limit": limit, **said})
    kept = dict(schedule)
    if unit != schedule["chargingRateUnit"]:
        kept.pop("minChargingRate", None)
    return {**kept, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}


def _can_be_filled(profile: Fields) -> bool:
    bounded = "validFrom" in profile or "validTo" in profile
    lasting = profile["chargingProfileKind"] in {"Recurring", "Relative"}
    return lasting and not bounded and len(profile["chargingSchedule"]) == 1


def _filled(
    profile: Mapping[str, Any], cap: Rate, abilities: Abilities, begin: datetime
) -> dict[str, Any]:
    """Let the limit hold where a recurring or relative profile says nothing."""
    schedule = dict(profile["chargingSchedule"][0])
    duration = schedule.pop("duration", None)
    cycle = CYCLES.get(profile.get("recurrencyKind", ""))
    start = moment_of(schedule.get("startSchedule"))
    if cycle is not None and start is not None and start > begin:
        schedule["startSchedule"] = timestamp(start - (-((begin - start) // cycle)) * cycle)
    if duration is not None and (cycle is None or duration < cycle.total_seconds()):
        unit: Unit = schedule["chargingRateUnit"]
        rate = Rate(abilities.supply.convert(cap, unit, cap.phases), unit, cap.phases)
        kept = [one for one in schedule["chargingSchedulePeriod"] if one["startPeriod"] < duration]
        schedule["chargingSchedulePeriod"] = [*kept, _period(duration, rate)]
    return {**profile, "chargingSchedule": [schedule]}


def _expanded(
    like: Fields,
    curves: Sequence[Curve],
    cap: Rate | None,
    abilities: Abilities,
    begin: datetime,
    horizon: timedelta,
    started: datetime | None,
) -> Merged:
    end = begin + horizon
    edges = {edge for curve in curves for edge in curve.edges(begin, end, started)}
    unit = abilities.unit_for(
        *(rate.unit for curve in curves for rate in curve.rates),
        *((cap.unit,) if cap else ()),
        direct=cap is not None and cap.direct,
    )
    steps: list[tuple[datetime, Rate | None]] = []
    for moment in [begin, *sorted(edge for edge in edges if edge > begin)]:
        rates = [*leading(curves, moment, started), cap]
        rate = abilities.supply.lowest(rates, unit)
        if not steps or steps[-1][1] != rate:
            steps.append((moment, rate))
    kept, exact_until = _bounded(steps, curves, end, abilities.max_periods)
    if exact_until is not None:
        floor = abilities.supply.lowest(
            [*(curve.least for curve in curves), cap, kept[-1][1]], unit
        )
        kept[-1] = (kept[-1][0], floor)
    return Merged(_absolute(like, kept, unit), exact_until)


def _bounded(
    steps: list[tuple[datetime, Rate | None]],
    curves: Sequence[Curve],
    end: datetime,
    max_periods: int,
) -> tuple[list[tuple[datetime, Rate | None]], datetime | None]:
    """Return as many steps as there is room for, and until when they are exact."""
    endless = any(curve.cycle for curve in curves)
    known = [step for step in steps if not endless or step[0] < end] or steps[:1]
    if endless:
        known = [*known, (end, known[-1][1])]
    if endless or len(known) > max_periods:
        known = known[:max_periods]
        return known, known[-1][0]
    return known, None


def _absolute(
    like: Fields, steps: Sequence[tuple[datetime, Rate | None]], unit: Unit
) -> dict[str, Any]:
    first = next((n for n, (_, rate) in enumerate(steps) if rate is not None), 0)
    begin = steps[first][0].replace(microsecond=0)
    periods = _whole_seconds(steps[first:], begin)
    schedule: dict[str, Any] = {"startSchedule": timestamp(begin), "chargingRateUnit": unit}
    if len(periods) > 1 and periods[-1][1] is None:
        schedule["duration"] = periods.pop()[0]
    schedule["chargingSchedulePeriod"] = [
        _period(start, rate or Rate(_FAR, unit)) for start, rate in periods
    ]
    return {
        "chargingProfilePurpose": like["chargingProfilePurpose"],
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }


def _whole_seconds(
    steps: Sequence[tuple[datetime, Rate | None]], begin: datetime
) -> list[tuple[int, Rate | None]]:
    """Return the steps in s from the begin: what falls comes early, what rises comes late."""
    periods: list[tuple[int, Rate | None]] = []
    height = math.inf
    for moment, rate in steps:
        before, height = height, _height(rate)
        exact = (moment - begin).total_seconds()
        early, late = math.floor(exact), math.ceil(exact)
        while periods and periods[-1][0] > (early if height < before else late - 1):
            periods.pop()  # it would hold for a part of this second only
        lower = periods and periods[-1][0] == early and _height(periods[-1][1]) <= height
        if height < before and periods and periods[-1][0] == early and not lower:
            periods.pop()
        periods.append((early if height < before and not lower else late, rate))
    return periods


def _height(rate: Rate | None) -> float:
    """Return what is compared to tell whether one step is below another."""
    if rate is None:
        return math.inf
    return rate.value if rate.unit == "W" else rate.value * (rate.phases or MOST_PHASES)


def _period(start: float, rate: Rate) -> dict[str, Any]:
    phases = {} if rate.phases is None else {"numberPhases": rate.phases}
    return {"startPeriod": start, "limit": round_down(rate.value), **phases}
