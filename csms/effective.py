"""Tell which limit holds on a charger now, who set it, and whether the meter obeys it; pure.

What counts is what lies on the charger and what it told of others (`csms/composite.py`); who is
behind it is told from what owners want. A charger may accept a limit and ignore it: only its
meter tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from csms.composite import Holding, Lying
from csms.parties import is_limit
from csms.profile_ids import PLATFORM_IDS, is_reserved_for_targets
from csms.readings import ENERGY_REGISTER
from csms.schedules import MOST_PHASES, STATION_MAX, TX, Rate, Supply, read
from storage.operation_records import StationLimit
from storage.records import ChargingProfile, InstalledProfile, MeterValue, Transaction

_AHEAD = timedelta(days=1)
_GRACE = timedelta(seconds=60)  # in which a vehicle follows a new limit
_RECENT = timedelta(minutes=15)
_MISSED = 3  # values that may be missing
_TOLERANCE, _SLACK = 0.05, {"W": 100.0, "A": 0.5}
_POWER, _CURRENT = "Power.Active.Import", "Current.Import"
_WATTS = {"W": 1.0, "kW": 1000.0}
_WATT_HOURS = {"Wh": 1.0, "kWh": 1000.0}
_OUTLET = (None, "Outlet")


class Effective(NamedTuple):
    """The limit that holds now; ``until`` it changes, as far as that is known for a day.

    The source is platform, profile or target, or the name that the charger has told; the id is
    that of the owner.
    """

    rate: Rate
    source: str
    profile_id: int | None
    until: datetime | None = None


class Measured(NamedTuple):
    """What a session takes: W in all, and A on the phase with the most where that was told."""

    watts: float | None
    amperes: float | None
    taken_at: datetime
    interval: timedelta | None = None


# ---- the limit ----


def effective(
    lying: Lying,
    wishes: Iterable[ChargingProfile],
    evse_id: int,
    now: datetime,
    supply: Supply,
) -> Effective | None:
    """Return the limit that holds on an EVSE, 0 the station; None where none is known."""
    steps = lying.steps(evse_id, now, _AHEAD, supply)
    holding = steps[0].holding
    if holding is None:
        return None
    changes = (one.begin for one in steps[1:] if _rate(one.holding) != holding.rate)
    until = next(changes, None)
    origin = holding.origin
    if isinstance(origin, StationLimit):
        return Effective(holding.rate, origin.source, None, until)
    source, profile_id = owner_of(origin, holding.rate, list(wishes), now, supply, lying.running)
    return Effective(holding.rate, source, profile_id, until)


def _rate(holding: Holding | None) -> Rate | None:
    return holding.rate if holding else None


def owner_of(
    lying: InstalledProfile,
    rate: Rate,
    wishes: Sequence[ChargingProfile],
    now: datetime,
    supply: Supply,
    running: Sequence[Transaction],
) -> tuple[str, int]:
    """Tell whose wish it is that holds: of those at the place the one that says just this."""
    started = next((one.started_at for one in running if one.evse_id == lying.evse_id), None)
    watts = supply.convert(rate, "W", rate.phases)
    near = []
    for wish in wishes:
        said = _said(wish, now, started) if _is_behind(wish, lying) else None
        if said is not None:
            off = abs(supply.convert(said, "W", said.phases) - watts)
            near.append((off, not is_limit(wish), wish.profile_id, wish))
    if near:
        # A conversion rounds to 0.1 A on each phase.
        off, _, _, wish = min(near, key=lambda one: one[:3])
        if off <= supply.convert(Rate(0.1, "A"), "W") + 0.1:
            return _source(wish), wish.profile_id
    return _source_of_id(int(lying.profile["id"])), int(lying.profile["id"])


def _is_behind(wish: ChargingProfile, lying: InstalledProfile) -> bool:
    """Tell whether a wish has a say about what lies at a place: for sessions both purposes do."""
    if STATION_MAX in {wish.purpose, lying.purpose}:
        return wish.purpose == lying.purpose
    if wish.purpose == TX:
        return wish.transaction_id == lying.profile.get("transactionId")
    return wish.evse_id in {0, lying.evse_id}


def _said(wish: ChargingProfile, now: datetime, started: datetime | None) -> Rate | None:
    try:
        return read(wish.profile, (0,), wish.created_at).rate_at(now, started)
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def _source(wish: ChargingProfile) -> str:
    if wish.owner:
        return "target"
    return "platform" if is_limit(wish) else "profile"


def _source_of_id(id: int) -> str:
    if is_reserved_for_targets(id):
        return "target"
    return "platform" if id in PLATFORM_IDS else "profile"


# ---- the meter ----


def measured(values: Sequence[MeterValue], supply: Supply) -> Measured | None:
    """Return what the newest of a session's values say, oldest first; None where nothing.

    Power is read before current, and what the energy register has gained before nothing.
    """
    moments = sorted({value.taken_at for value in values})
    interval = moments[-1] - moments[-2] if len(moments) > 1 else None
    for moment in reversed(moments):
        group = [value for value in values if value.taken_at == moment]
        watts, amperes = power_of(group), current_of(group, supply)
        if watts is None and amperes is not None:
            watts = amperes.total * supply.voltage
        if watts is not None:
            return Measured(watts, amperes.most if amperes else None, moment, interval)
    return _gained(values, interval)


def power_of(group: Sequence[MeterValue]) -> float | None:
    """Return the W that a meter told at one moment, None where it told none."""
    found = [
        (one.phase, one.value * _WATTS[one.unit])
        for one in group
        if one.measurand == _POWER and one.unit in _WATTS and one.location in _OUTLET
    ]
    return _total(found)


def _total(found: Sequence[tuple[str | None, float]]) -> float | None:
    whole = [value for phase, value in found if phase is None]
    return whole[-1] if whole else sum(value for _, value in found) if found else None


class Currents(NamedTuple):
    """A of the phase with the most, and of all together."""

    most: float
    total: float


def current_of(group: Sequence[MeterValue], supply: Supply) -> Currents | None:
    """Return the A of the phase with the most, and of all; without phases it is each one's."""
    found = [
        (one.phase, one.value)
        for one in group
        if one.measurand == _CURRENT and one.unit == "A" and one.location in _OUTLET
    ]
    lines = [value for phase, value in found if phase is not None and phase.startswith("L")]
    if lines:
        return Currents(max(lines), sum(lines))
    whole = [value for phase, value in found if phase is None]
    return Currents(whole[-1], whole[-1] * (supply.phases or MOST_PHASES)) if whole else None


def _gained(values: Sequence[MeterValue], interval: timedelta | None) -> Measured | None:
    registers = {
        one.taken_at: one.value * _WATT_HOURS[one.unit]
        for one in values
        if one.measurand == ENERGY_REGISTER
        and one.unit in _WATT_HOURS
        and one.phase is None
        and one.location in _OUTLET
    }
    if len(registers) < 2:
        return None
    (began, before), (ended, after) = sorted(registers.items())[-2:]
    hours = (ended - began).total_seconds() / 3600
    return Measured((after - before) / hours, None, ended, interval) if after >= before else None


# ---- the one against the other ----


def obeys(
    lying: Lying, evse_id: int, sessions: Sequence[Measured | None], now: datetime, supply: Supply
) -> bool | None:
    """Tell whether what is measured keeps to the limit of an EVSE, with 0 of the station.

    None where nobody knows: no session or limit, no recent values, or the limit is still new.
    """
    known = [one for one in sessions if one is not None and _is_recent(one, now)]
    if not known:
        return None
    kept = _keeps_to(lying, evse_id, _together(known), supply)
    # One that is not known can only take more.
    return kept if len(known) == len(sessions) or kept is False else None


def _is_recent(session: Measured, now: datetime) -> bool:
    oldest = max(_RECENT, _MISSED * (session.interval or timedelta()))
    return now - session.taken_at <= oldest


def _together(sessions: Sequence[Measured]) -> Measured:
    watts = sum(one.watts or 0.0 for one in sessions)
    amperes = sessions[0].amperes if len(sessions) == 1 else None
    return Measured(watts, amperes, min(one.taken_at for one in sessions))


def _keeps_to(lying: Lying, evse_id: int, taken: Measured, supply: Supply) -> bool | None:
    holding = lying.at(evse_id, taken.taken_at, supply)
    if holding is None or taken.taken_at < _began(holding):
        return None  # it was measured under another limit, or under none
    if not _exceeds(taken, holding.rate, supply):
        return True
    before = taken.taken_at - _GRACE
    earlier = lying.at(evse_id, before, supply)
    if earlier is None or before < _began(earlier) or before < _began(holding):
        return None
    return False if _exceeds(taken, earlier.rate, supply) else None


def _began(holding: Holding) -> datetime:
    origin = holding.origin
    return origin.updated_at if isinstance(origin, StationLimit) else origin.installed_at


def _exceeds(taken: Measured, limit: Rate, supply: Supply) -> bool:
    if limit.unit == "A" and taken.amperes is not None:
        return _beyond(taken.amperes, limit.value, "A")
    return _beyond(taken.watts or 0.0, supply.convert(limit, "W", limit.phases), "W")


def _beyond(value: float, limit: float, unit: str) -> bool:
    return value > limit + max(limit * _TOLERANCE, _SLACK[unit])
