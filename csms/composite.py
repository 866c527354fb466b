"""Reckon the schedule that follows from what lies on a charger, and hold its own against it; pure.

Over the purposes the lowest holds, within one the highest level; a TxProfile goes before a
TxDefaultProfile (1.6 §3.13.3, 2.0.1 K01). What the charger has told of limits from outside counts
as a purpose of its own; what it generates itself comes on top of its mains (OCPP 2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from csms.readings import items, mapping, number, whole, word
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Curve, Fields, Rate, Supply, Unit, read
from storage.clock import timestamp
from storage.operation_records import StationLimit
from storage.records import InstalledProfile, Transaction

EXTERNAL = "ChargingStationExternalConstraints"
_SESSION = frozenset({TX, TX_DEFAULT})
_ROUNDING = 0.1  # of either unit, which is what OCPP can say
_BLINK = timedelta(seconds=2)  # a charger counts whole seconds
_MOST_SCHEDULES = 10  # of one limit from outside

Origin: TypeAlias = InstalledProfile | StationLimit


class Holding(NamedTuple):
    """What holds at a moment, and where it comes from."""

    rate: Rate
    origin: Origin
    # What the charger generates itself, which its mains are not loaded with.
    generated: Rate | None = None


class Step(NamedTuple):
    """What holds from a moment on; None: nothing that we know of."""

    begin: datetime
    holding: Holding | None


@dataclass(frozen=True, slots=True)
class _Layer:
    """One schedule, and what it is of."""

    curve: Curve
    origin: Origin
    purpose: str
    transaction_id: str | None = None
    generates: bool = False

    @property
    def concerns_mains(self) -> bool:
        """Tell whether it is about the station as a whole."""
        outside = self.purpose == EXTERNAL and (self.generates or not self.origin.evse_id)
        return outside or self.purpose == STATION_MAX

    @property
    def changed_at(self) -> datetime:
        """Return since when it lies there."""
        origin = self.origin
        return origin.updated_at if isinstance(origin, StationLimit) else origin.installed_at


@dataclass(frozen=True, slots=True)
class Lying:
    """All that limits one charger by our books; ``running`` are its transactions."""

    layers: tuple[_Layer, ...]
    running: tuple[Transaction, ...] = ()

    @classmethod
    def of(
        cls,
        installed: Iterable[InstalledProfile],
        limits: Iterable[StationLimit] = (),
        running: Iterable[Transaction] = (),
    ) -> Lying:
        """Read the books; what makes no sense is left out."""
        profiles = [layer for one in installed for layer in _installed(one)]
        return cls((*profiles, *(layer for one in limits for layer in _told(one))), tuple(running))

    def at(self, evse_id: int, moment: datetime, supply: Supply) -> Holding | None:
        """Return what holds on an EVSE; 0 is the mains of the station."""
        return self.under(self.mains(moment, supply), evse_id, moment, supply)

    def under(
        self, mains: Holding | None, evse_id: int, moment: datetime, supply: Supply
    ) -> Holding | None:
        """Return what holds on an EVSE where it is known what holds for the station."""
        found = [mains]
        if evse_id:
            found += [self._session(evse_id, moment), *self._external(evse_id, moment)]
        return _lowest(found, supply)

    @property
    def of_mains(self) -> Lying:
        """Return what has a say on the station as a whole."""
        return self._with(lambda one: one.concerns_mains)

    def beside_mains(self, evse_id: int) -> Lying:
        """Return what else has a say on one EVSE; 0 has nothing beside its mains."""
        places = {0, evse_id} if evse_id else set()
        return self._with(lambda one: not one.concerns_mains and one.origin.evse_id in places)

    def _with(self, wanted: Callable[[_Layer], bool]) -> Lying:
        return Lying(tuple(one for one in self.layers if wanted(one)), self.running)

    def steps(
        self, evse_id: int, begin: datetime, duration: timedelta, supply: Supply
    ) -> list[Step]:
        """Return what holds from ``begin`` on, each time that it changes."""
        steps: list[Step] = []
        for moment in [begin, *self.edges(evse_id, begin, duration)]:
            holding = self.at(evse_id, moment, supply)
            if not steps or steps[-1].holding != holding:
                steps.append(Step(moment, holding))
        return steps

    def edges(self, evse_id: int, begin: datetime, duration: timedelta) -> list[datetime]:
        """Return the moments after ``begin`` at which something else may hold, in order."""
        end, started = begin + duration, self._started(evse_id)
        edges = {edge for one in self.layers for edge in one.curve.edges(begin, end, started)}
        return sorted(edge for edge in edges if begin < edge < end)

    def _running(self, evse_id: int) -> Transaction | None:
        return next((one for one in self.running if one.evse_id == evse_id), None)

    def _started(self, evse_id: int) -> datetime | None:
        running = self._running(evse_id)
        return running.started_at if running else None

    def _session(self, evse_id: int, moment: datetime) -> Holding | None:
        running = self._running(evse_id)
        known = {None, running.transaction_id} if running else {None}
        own = [
            one
            for one in self.layers
            if one.purpose in _SESSION
            and one.origin.evse_id in {0, evse_id}
            and (one.purpose == TX_DEFAULT or (running and one.transaction_id in known))
        ]
        return _leading(own, moment, self._started(evse_id))

    def _external(self, evse_id: int, moment: datetime) -> list[Holding | None]:
        return [
            _leading([one], moment, None)
            for one in self.layers
            if one.purpose == EXTERNAL and one.origin.evse_id == evse_id and not one.generates
        ]

    def mains(self, moment: datetime, supply: Supply) -> Holding | None:
        """Return what the station may take in all: from outside, and of its own making."""
        own = [one for one in self.layers if one.purpose == STATION_MAX]
        found = _lowest([_leading(own, moment, None), *self._external(0, moment)], supply)
        making = _lowest(
            [_leading([one], moment, None) for one in self.layers if one.generates], supply
        )
        if found is None or making is None:
            return found
        more = supply.convert(making.rate, found.rate.unit, making.rate.phases)
        rate = replace(found.rate, value=found.rate.value + more)
        return found._replace(rate=rate, generated=making.rate)


def _installed(one: InstalledProfile) -> Iterator[_Layer]:
    rank = (int(one.purpose == TX), one.stack_level, int(one.evse_id > 0))
    try:
        curve = read(one.profile, rank, one.installed_at)
    except (KeyError, IndexError, TypeError, ValueError):
        return
    yield _Layer(curve, one, one.purpose, one.profile.get("transactionId"))


def _told(limit: StationLimit) -> Iterator[_Layer]:
    """Read what a station has told with NotifyChargingLimit; its schedules may be left out."""
    generates = mapping(limit.payload.get("chargingLimit")).get("isLocalGeneration") is True
    for schedule in items(limit.payload.get("chargingSchedule"))[:_MOST_SCHEDULES]:
        profile = {"chargingSchedule": [schedule], "chargingProfileKind": "Absolute"}
        try:
            curve = read(profile, (0,), limit.updated_at)
        except (KeyError, IndexError, TypeError, ValueError):
            continue
        yield _Layer(curve, limit, EXTERNAL, generates=generates)


def _leading(
    layers: Sequence[_Layer], moment: datetime, started: datetime | None
) -> Holding | None:
    for one in sorted(layers, key=lambda one: one.curve.rank, reverse=True):
        rate = one.curve.rate_at(moment, started)
        if rate is not None:
            return Holding(rate, one.origin)
    return None


def _lowest(found: Iterable[Holding | None], supply: Supply) -> Holding | None:
    known = [one for one in found if one is not None]
    return min(known, key=lambda one: _watts(one.rate, supply), default=None)


def _watts(rate: Rate, supply: Supply) -> float:
    return supply.convert(rate, "W", rate.phases)


# ---- as OCPP says it ----


def schedule_of(
    steps: Sequence[Step], evse_id: int, duration: timedelta, unit: Unit | None, supply: Supply
) -> dict[str, Any]:
    """Return steps as a composite schedule of 2.0.1, with null where nothing limits.

    Without a ``unit`` it is the one that all steps have, W where they differ.
    """
    rates = [step.holding.rate for step in steps if step.holding]
    common = {rate.unit for rate in rates}
    said: Unit = unit or (common.pop() if len(common) == 1 else "W")
    return {
        "evseId": evse_id,
        "duration": int(duration.total_seconds()),
        "scheduleStart": timestamp(steps[0].begin),
        "chargingRateUnit": said,
        "chargingSchedulePeriod": [_period(step, steps[0].begin, said, supply) for step in steps],
    }


def _period(step: Step, begin: datetime, unit: Unit, supply: Supply) -> dict[str, Any]:
    start = int((step.begin - begin).total_seconds())
    if step.holding is None:
        return {"startPeriod": start, "limit": None}
    rate = step.holding.rate
    phases = {} if rate.phases is None else {"numberPhases": rate.phases}
    return {
        "startPeriod": start,
        "limit": supply.convert(rate, unit, rate.phases),
        **phases,
    }


def answered(response: Fields, evse_id: int, now: datetime) -> dict[str, Any] | None:
    """Return the schedule of a GetCompositeSchedule response in the shape of 2.0.1.

    None where there is none that can be read. ``now`` is its start where it names none (1.6).
    """
    told = mapping(response.get("schedule"))
    schedule = told or mapping(response.get("chargingSchedule"))
    periods = [_answered(one) for one in map(mapping, items(_periods_of(schedule)))]
    unit = schedule.get("chargingRateUnit")
    if unit not in {"A", "W"} or not periods or None in periods:
        return None
    start = told.get("scheduleStart") or response.get("scheduleStart")
    duration = whole(schedule.get("duration"))
    return {
        "evseId": evse_id,
        **({} if duration is None else {"duration": duration}),
        "scheduleStart": word(start) or word(schedule.get("startSchedule")) or timestamp(now),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
    }


def _periods_of(schedule: Fields) -> Any:
    return schedule.get("chargingSchedulePeriod")


def _answered(period: Fields) -> dict[str, Any] | None:
    start, limit = whole(period.get("startPeriod")), number(period.get("limit"))
    if start is None or limit is None:
        return None
    more = {name: whole(period.get(name)) for name in ("numberPhases", "phaseToUse")}
    told = {name: value for name, value in more.items() if value is not None}
    return {"startPeriod": start, "limit": limit, **told}


# ---- theirs against ours ----


def is_above(
    theirs: Mapping[str, Any], ours: Sequence[Step], supply: Supply, leeway: float = 0.0
) -> bool | None:
    """Tell whether a charger's schedule is above ours anywhere; None where it cannot be read.

    Rounding to 0.1 is no difference, in A where the units differ; ``leeway`` is a share beside it.
    """
    curve = _curve_of(theirs)
    if curve is None or not ours:
        return None
    end = max(ours[0].begin, curve.start) + (curve.duration or timedelta(days=1))
    edges = sorted(
        {edge for edge in curve.edges(ours[0].begin, end, None) if edge > ours[0].begin}
        | {step.begin for step in ours}
        | {end}
    )
    for begin, until in pairwise(edges):
        if until - begin < _BLINK:
            continue
        # In the middle: the seconds around an edge are counted differently.
        middle = begin + (until - begin) / 2
        theirs_then = curve.rate_at(middle, None)
        if theirs_then is not None and _exceeds(theirs_then, _at(ours, middle), supply, leeway):
            return True
    return False


def _curve_of(schedule: Mapping[str, Any]) -> Curve | None:
    start = schedule["scheduleStart"]
    profile = {
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{**schedule, "startSchedule": start}],
    }
    try:
        return read(profile, (0,), datetime.fromisoformat(str(start)))
    except (KeyError, TypeError, ValueError):
        return None


def _at(steps: Sequence[Step], moment: datetime) -> Rate | None:
    held = [step.holding for step in steps if step.begin <= moment]
    return held[-1].rate if held and held[-1] else None


def _exceeds(theirs: Rate, ours: Rate | None, supply: Supply, leeway: float) -> bool:
    if ours is None:
        return False
    if theirs.unit != ours.unit:
        phases = ours.phases or theirs.phases
        theirs, ours = (
            Rate(supply.convert(rate, "A", phases), "A", phases) for rate in (theirs, ours)
        )
    return theirs.value > ours.value * (1 + leeway) + _ROUNDING + 1e-6
