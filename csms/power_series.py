"""
Make a curve of power of what meters told; pure.

A message tells power, or currents, or else the energy gained since the one before. What no charger
can take is nonsense and left out. Of too many points the first, the last, the lowest and the
highest of each stretch are kept, so that a peak is seen however far one looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from csms.effective import current_of, power_of
from csms.readings import ENERGY_REGISTER, energy_registers
from csms.schedules import Supply
from storage.records import ChargerKey, MeterValue

MOST_POINTS = 2000
MOST_WATTS = 10e6  # no EVSE has as much
_NOBODY = ChargerKey("", "")
_SHORTEST = timedelta(seconds=10)  # in between energies say what power it was
_OF_A_STRETCH = 4  # points

# What was taken by what was told of a moment.
WattsOf: TypeAlias = Callable[[datetime, Sequence[MeterValue]], "float | None"]


class Point(NamedTuple):
    """What was taken at a moment."""

    at: datetime
    watts: float


class _Register(NamedTuple):
    at: datetime
    watt_hours: float


class Series:
    """Collect the points of one session, message by message."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply
        self._before: _Register | None = None
        self.points: list[Point] = []
        self._readers: Mapping[str, WattsOf] = {
            "Power.Active.Import": lambda _, group: power_of(group),
            "Current.Import": self._flowing,
            ENERGY_REGISTER: self._gained,
        }

    def take(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Take in what one message sampled: power, else currents, else energies."""
        told = {sample["measurand"] for sample in samples}
        for measurand, watts_of in self._readers.items():
            if measurand in told and self._read(samples, measurand, watts_of):
                return

    def thin(self, since: datetime, until: datetime, most: int) -> None:
        """Keep of far too many points so many of a span; what comes next goes on behind them."""
        if len(self.points) > 2 * most:
            self.points = thinned(self.points, since, until, most)

    def _read(
        self, samples: Sequence[Mapping[str, Any]], measurand: str, watts_of: WattsOf
    ) -> bool:
        """Take in what was sampled of one measurand; tell whether that says anything."""
        before = len(self.points)
        for at, group in _groups(samples, measurand):
            watts = watts_of(at, group)
            if watts is not None and abs(watts) <= MOST_WATTS:
                self.points.append(Point(at, round(watts, 1)))
        return len(self.points) > before

    def _flowing(self, _at: datetime, group: Sequence[MeterValue]) -> float | None:
        amperes = current_of(group, self._supply)
        return None if amperes is None else amperes.total * self._supply.voltage

    def _gained(self, at: datetime, group: Sequence[MeterValue]) -> float | None:
        registers = energy_registers(list(group))
        if not registers:
            return None
        now, before = _Register(at, registers[-1]), self._before
        if before is None or now.at < before.at or now.watt_hours < before.watt_hours:
            self._before = now  # it begins anew
            return None
        if now.at - before.at < _SHORTEST:
            return None
        self._before = now
        hours = (now.at - before.at).total_seconds() / 3600
        return (now.watt_hours - before.watt_hours) / hours


def _groups(
    samples: Sequence[Mapping[str, Any]], measurand: str
) -> Iterator[tuple[datetime, list[MeterValue]]]:
    groups: dict[str, list[MeterValue]] = {}
    for sample in samples:
        if sample["measurand"] == measurand:
            value = MeterValue(key=_NOBODY, transaction_id="", **sample)
            groups.setdefault(sample["taken_at"], []).append(value)
    for taken_at, group in groups.items():
        yield datetime.fromisoformat(taken_at), group


def thinned(points: Iterable[Point], since: datetime, until: datetime, most: int) -> list[Point]:
    """Return the points of a span in order, one for each moment, and not more than so many."""
    within = {point.at: point for point in points if since <= point.at <= until}
    ordered = sorted(within.values())
    if len(ordered) <= most:
        return ordered
    stretches = max(1, most // _OF_A_STRETCH)
    width = (until - since) / stretches
    kept: dict[int, dict[str, Point]] = {}
    for point in ordered:
        place = min(int((point.at - since) / width), stretches - 1)
        of_it = kept.setdefault(place, {"first": point, "lowest": point, "highest": point})
        of_it["last"] = point
        if point.watts < of_it["lowest"].watts:
            of_it["lowest"] = point
        if point.watts > of_it["highest"].watts:
            of_it["highest"] = point
    return sorted({point for of_it in kept.values() for point in of_it.values()})
