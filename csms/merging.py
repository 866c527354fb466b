"""Say in one charging profile what several parties want; pure.

Where only one profile is wanted beside constant limits it is cut, which is exact and leaves the
rest to the letter. All else is expanded into one absolute profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from csms.limits import LEAD, Abilities, Merged, by_age, content, period, steadily
from csms.parties import Party, conditions_of
from csms.schedules import CYCLES, MOST_PHASES, TX, TX_DEFAULT, Fields, Rate, Unit, moment_of
from storage.clock import timestamp

HORIZON = timedelta(days=2)  # what recurs is expanded so far, where it cannot be said as it is


class Stretch(NamedTuple):
    """Who has a say until a moment, None: from then on always."""

    parties: Sequence[Party]
    end: datetime | None = None


def merge(
    parties: Sequence[Party], purpose: str, abilities: Abilities, now: datetime, *, relative: bool
) -> Merged:
    """Return one profile that keeps to what every party wants.

    ``relative`` allows one that each transaction begins anew, where limits have a delay. Where
    something recurs, and is too much for one profile, it is expanded for two days; what follows
    then is as low as anything that may hold.
    """
    own = [wish.profile for party in parties if not party.limits for wish in party.wishes]
    limits = [party for party in parties if party.limits]
    caps = [party.steady for party in limits]
    known = [cap for cap in caps if cap is not None]
    if len(known) == len(caps) and not own:
        return Merged(steadily(purpose, parties, abilities))
    if len(known) == len(caps) and len(own) == 1:
        whole = purpose != TX or not all(_is_of_connector(party) for party in limits)
        cut = _cut(own[0], known, abilities, now - LEAD, whole=whole)
        if cut is not None:
            return Merged({**cut, "chargingProfilePurpose": purpose})
    if not own and relative and purpose == TX_DEFAULT:
        return Merged(by_age(parties, abilities, now))
    return expand([Stretch(parties)], purpose, abilities, now)


def _is_of_connector(party: Party) -> bool:
    """Tell whether limits hold within a transaction too where its own profile says nothing."""
    return all(one.purpose != TX and not conditions_of(one) for one in party.wishes)


# ---- one profile under limits ----


def capped(profile: Fields, cap: Rate, abilities: Abilities) -> dict[str, Any]:
    """Return a profile whose every period keeps to a limit; nothing else of it changes."""
    schedules = [
        _capped_schedule(schedule, cap, abilities) for schedule in profile["chargingSchedule"]
    ]
    return {**profile, "chargingSchedule": schedules}


def _cut(
    profile: Fields, caps: Sequence[Rate], abilities: Abilities, begin: datetime, *, whole: bool
) -> dict[str, Any] | None:
    """Return a profile under limits, None where it has gaps that cannot be filled."""
    if not caps:
        return None if whole else dict(profile)
    cap = abilities.lowest(caps)
    own = capped(profile, cap, abilities)
    if not whole or not has_gaps(own, begin):
        return own
    return _filled(own, cap, abilities, begin) if _can_be_filled(own) else None


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
    for one in schedule["chargingSchedulePeriod"]:
        own = Rate(float(one["limit"]), schedule["chargingRateUnit"], one.get("numberPhases"))
        lowest = abilities.supply.lowest((own, cap), unit)
        assert lowest is not None  # noqa: S101 - of two
        # One that stays keeps its spelling: 16 does not become 16.0.
        same = unit == own.unit and lowest.value == own.value
        said = {} if lowest.phases is None else {"numberPhases": lowest.phases}
        periods.append({**one, "limit": one["limit"] if same else lowest.value, **said})
    kept = dict(schedule)
    if unit != schedule["chargingRateUnit"]:
        kept.pop("minChargingRate", None)
    return {**kept, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}


def _can_be_filled(profile: Fields) -> bool:
    bounded = "validFrom" in profile or "validTo" in profile
    lasts = profile["chargingProfileKind"] in {"Recurring", "Relative"}
    return lasts and not bounded and len(profile["chargingSchedule"]) == 1


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
        schedule["chargingSchedulePeriod"] = [*kept, period(duration, rate)]
    return {**profile, "chargingSchedule": [schedule]}


# ---- several, second by second ----


def expand(
    stretches: Sequence[Stretch], purpose: str, abilities: Abilities, now: datetime
) -> Merged:
    """Return an absolute profile of what holds in one stretch after another.

    Where there are more steps than the charger takes, the last is as low as all that follow.
    """
    begin, horizon = now - LEAD, now - LEAD + HORIZON
    unit = abilities.unit_of(
        rate
        for stretch in stretches
        for party in stretch.parties
        for curve in party.curves
        for rate in curve.rates
    )
    steps: list[tuple[datetime, Rate | None]] = []
    start = begin
    for stretch in stretches:
        for moment in _moments(stretch, start, horizon):
            rates = [rate for party in stretch.parties for rate in party.rates(moment)]
            lowest = abilities.supply.lowest(rates, unit)
            if not steps or steps[-1][1] != lowest:
                steps.append((moment, lowest))
        start = stretch.end or start
    endless = any(curve.cycle for party in stretches[-1].parties for curve in party.curves)
    kept, exact_until = _bounded(steps, horizon if endless else None, abilities.max_periods)
    if exact_until is not None:
        lowest = abilities.supply.lowest(_later(stretches, steps, exact_until), unit)
        kept[-1] = (kept[-1][0], lowest)
    return Merged(_absolute(purpose, kept, unit, abilities), exact_until)


def _moments(stretch: Stretch, start: datetime, horizon: datetime) -> list[datetime]:
    end = stretch.end or horizon
    edges = {
        edge
        for party in stretch.parties
        for curve in party.curves
        for edge in curve.edges(start, end, party.started)
    }
    kept = (edge for edge in edges if edge > start and (stretch.end is None or edge < end))
    return [start, *sorted(kept)]


def _later(
    stretches: Sequence[Stretch], steps: Sequence[tuple[datetime, Rate | None]], since: datetime
) -> list[Rate | None]:
    """Return what is below all that may hold from a moment on."""
    floors = [rate for party in stretches[-1].parties for rate in party.floor(since)]
    before = [rate for moment, rate in steps if moment <= since][-1:]
    return [*floors, *before, *(rate for moment, rate in steps if moment > since)]


def _bounded(
    steps: list[tuple[datetime, Rate | None]], end: datetime | None, max_periods: int
) -> tuple[list[tuple[datetime, Rate | None]], datetime | None]:
    """Return as many steps as there is room for, and until when they are exact."""
    known = [step for step in steps if end is None or step[0] < end] or steps[:1]
    if end is not None:
        known = [*known, (end, known[-1][1])]
    if end is not None or len(known) > max_periods:
        known = known[:max_periods]
        return known, known[-1][0]
    return known, None


def _absolute(
    purpose: str,
    steps: Sequence[tuple[datetime, Rate | None]],
    unit: Unit,
    abilities: Abilities,
) -> dict[str, Any]:
    first = next((n for n, (_, rate) in enumerate(steps) if rate is not None), 0)
    begin = steps[first][0].replace(microsecond=0)
    periods = _whole_seconds(steps[first:], begin)
    schedule: dict[str, Any] = {"startSchedule": timestamp(begin), "chargingRateUnit": unit}
    if len(periods) > 1 and periods[-1][1] is None:
        schedule["duration"] = periods.pop()[0]
    far = abilities.far([Rate(0, unit)])
    schedule["chargingSchedulePeriod"] = [period(start, rate or far) for start, rate in periods]
    return content(purpose, "Absolute", schedule)


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
