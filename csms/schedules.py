"""Read what a charging profile says of a moment; pure.

A profile is the JSON object of OCPP 2.0.1, with its words for purposes, whatever version it came
in (`csms/profile_words.py`). Sources: 1.6 §3.13, 2.0.1 Part 2 K01.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, TypeAlias

Fields: TypeAlias = Mapping[str, Any]
Unit: TypeAlias = Literal["A", "W"]

STATION_MAX = "ChargingStationMaxProfile"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"

CYCLES = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}
NOMINAL_VOLTAGE = 230.0
MOST_PHASES = 3  # what a station assumes where nothing is said (K01.FR.49)


def round_down(value: float) -> float:
    """Return a limit with the one decimal that OCPP allows, never a higher one."""
    return math.floor(round(value * 10, 6)) / 10


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit: A on each of so many phases, or W in all; ``direct`` current has no A of ours."""

    value: float
    unit: Unit
    phases: int | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Supply:
    """The mains of an EVSE as far as it is known, with the nominal voltage in V."""

    phases: int | None = None
    voltage: float = NOMINAL_VOLTAGE

    def convert(self, rate: Rate, unit: Unit, phases: int | None = None) -> float:
        """Return the limit in a unit, rounded down; ``phases`` are those it will be used on."""
        if rate.unit == unit:
            return round_down(rate.value)
        volts = self.voltage * min(phases or MOST_PHASES, self.phases or MOST_PHASES)
        return round_down(rate.value / volts if unit == "A" else rate.value * volts)

    def lowest(self, rates: Iterable[Rate | None], unit: Unit) -> Rate | None:
        """Return what keeps to all of these limits, None where there are none.

        Fewer phases than three are said: a station shares W among three (K01.FR.49).
        """
        known = [rate for rate in rates if rate is not None]
        direct = any(rate.direct for rate in known)
        few = [self.phases] if self.phases in {1, 2} and not direct else []
        phases = min((one for one in (*few, *(rate.phases for rate in known)) if one), default=None)
        values = [self.convert(rate, unit, phases) for rate in known]
        return Rate(min(values), unit, phases) if values else None


@dataclass(frozen=True, slots=True)
class Curve:
    """A profile that can be asked; ``rank`` decides between those of one owner."""

    rank: tuple[int, ...]
    kind: str
    starts: tuple[float, ...]  # s from the start of the schedule, ascending
    rates: tuple[Rate, ...]
    start: datetime
    duration: timedelta | None = None
    cycle: timedelta | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def uncertain(self) -> bool:
        """Tell whether what holds depends on when a transaction starts."""
        steady = self.duration is None and len(self.rates) == 1 and self.starts[0] == 0
        return self.kind == "Relative" and not steady

    @property
    def least(self) -> Rate:
        """Return what is below all periods, which have one unit."""
        phases = min((rate.phases for rate in self.rates if rate.phases), default=None)
        return Rate(min(rate.value for rate in self.rates), self.rates[0].unit, phases)

    def valid(self, moment: datetime) -> bool:
        """Tell whether the moment lies within validFrom and validTo."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_to is None or moment < self.valid_to
        )

    def rate_at(self, moment: datetime, started: datetime | None) -> Rate | None:
        """Return the limit of this moment, None where the profile says nothing.

        ``started`` is when the transaction began; without it a Relative profile says its lowest.
        """
        if not self.valid(moment):
            return None
        if self.kind == "Relative" and started is None:
            return self.least
        age = moment - self._began(moment, started)
        if age < timedelta() or (self.duration is not None and age >= self.duration):
            return None
        place = bisect_right(self.starts, age.total_seconds()) - 1
        return self.rates[place] if place >= 0 else None

    def is_endless(self, since: datetime) -> bool:
        """Tell whether it says something at every moment from this one on."""
        bounded = self.duration or self.valid_from or self.valid_to
        return not bounded and (self.kind == "Relative" or self.start <= since)

    def is_over(self, moment: datetime) -> bool:
        """Tell whether it says nothing from this moment on."""
        if self.valid_to is not None and self.valid_to <= moment:
            return True
        once = self.kind == "Absolute" and self.duration is not None
        return once and self.start + (self.duration or timedelta()) <= moment

    def edges(self, begin: datetime, end: datetime, started: datetime | None) -> Iterator[datetime]:
        """Yield the moments after ``begin`` at which it may say something else.

        Of a recurring profile those until ``end``, of the others all.
        """
        yield from (edge for edge in (self.valid_from, self.valid_to) if edge)
        began = self._began(begin, started)
        last = end if self.cycle else began
        while began <= last:
            yield from (began + timedelta(seconds=start) for start in self.starts)
            if self.duration is not None:
                yield began + self.duration
            if self.cycle is None:
                return
            began += self.cycle

    def _began(self, moment: datetime, started: datetime | None) -> datetime:
        if self.kind == "Relative":
            return started or moment
        if self.cycle is None or moment < self.start:
            return self.start
        return self.start + (moment - self.start) // self.cycle * self.cycle


def read(fields: Fields, rank: tuple[int, ...], received: datetime) -> Curve:
    """Read a profile, of several schedules the first; raise ValueError for what makes no sense.

    Without a start an absolute schedule began when it was received.
    """
    schedule, kind = fields["chargingSchedule"][0], fields["chargingProfileKind"]
    periods = schedule["chargingSchedulePeriod"]
    starts = tuple(float(period["startPeriod"]) for period in periods)
    if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
        raise ValueError("chargingSchedulePeriod")  # K01.FR.31
    return Curve(
        rank=rank,
        kind=kind,
        starts=starts,
        rates=_rates(periods, schedule["chargingRateUnit"]),
        start=moment_of(schedule.get("startSchedule")) or received,
        duration=_seconds(schedule.get("duration")),
        cycle=CYCLES[fields.get("recurrencyKind", "")] if kind == "Recurring" else None,
        valid_from=moment_of(fields.get("validFrom")),
        valid_to=moment_of(fields.get("validTo")),
    )


def constant(rate: Rate, rank: tuple[int, ...], since: datetime, delay: float = 0.0) -> Curve:
    """Return a limit that always holds, or from so many s after the start of charging on."""
    return Curve(rank, "Relative", (delay,), (rate,), since)


def moment_of(text: Any) -> datetime | None:
    """Return the moment that a timestamp names, taken as UTC without a zone; raise ValueError."""
    if text is None:
        return None
    found = datetime.fromisoformat(str(text))
    try:
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except OverflowError as cause:
        raise ValueError(text) from cause


def leading(curves: Sequence[Curve], moment: datetime, started: datetime | None) -> list[Rate]:
    """Return what one owner allows at a moment: its highest rank that says anything.

    More than one where it cannot be known which of them holds: the lowest is safe.
    """
    found = []
    for curve in sorted(curves, key=lambda curve: curve.rank, reverse=True):
        rate = curve.rate_at(moment, started)
        if rate is not None:
            found.append(rate)
            if started is not None or not curve.uncertain:
                break
    return found


def _rates(periods: Sequence[Fields], unit: Unit) -> tuple[Rate, ...]:
    return tuple(
        Rate(float(period["limit"]), unit, _phases(period.get("numberPhases")))
        for period in periods
    )


def _phases(number: Any) -> int | None:
    return None if number is None else int(number)


def _seconds(duration: Any) -> timedelta | None:
    return None if duration is None else timedelta(seconds=float(duration))
