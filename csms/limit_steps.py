"""
Tell what limit holds when: ahead by what lies on a charger, back by what was foreseen; pure.

In W, because that is what is measured beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from csms.composite import Holding, Lying
from csms.effective import owner_of
from csms.schedules import Rate, Supply
from storage.history_records import LimitRecord, LimitStep
from storage.operation_records import StationLimit
from storage.records import ChargerKey, ChargingProfile, InstalledProfile, Transaction

AHEAD = timedelta(days=1)
FEWEST_STEPS, MOST_STEPS = 24, 400  # of one EVSE, that are looked for ahead
_WORK = 4000  # schedules that are asked for it


class Limit(NamedTuple):
    """What holds from a moment on: W, and who wants that; None: nothing that is known."""

    begin: datetime
    watts: float | None
    source: str | None


class Prospect(NamedTuple):
    """What holds from now on, and until when that is known."""

    limits: tuple[Limit, ...]
    until: datetime


def foreseen(
    lying: Lying,
    wishes: Sequence[ChargingProfile],
    evses: Iterable[int],
    now: datetime,
    supply: Supply,
) -> Iterator[tuple[int, Prospect]]:
    """Yield what holds on each EVSE, 0 the station, within the next day.

    What holds for the station is looked up once for all: a charger with many may tell much.
    """
    mains = _Mains(lying.of_mains, now, supply)
    for evse_id in evses:
        own = lying.beside_mains(evse_id)
        edges = sorted({*mains.edges, *own.edges(evse_id, now, AHEAD)})
        most = _most(own, mains.lying)
        until = edges[most] if len(edges) > most else now + AHEAD
        teller = _Teller(wishes, supply, lying.running)
        limits = []
        for moment in [now, *edges[:most]]:
            holding = own.under(mains.at(moment), evse_id, moment, supply)
            limits.append(Limit(moment, *teller.of(holding, moment)))
        yield evse_id, Prospect(tuple(merged(limits)), until)


class _Mains:
    """What holds for the station, looked up once for each moment."""

    def __init__(self, lying: Lying, now: datetime, supply: Supply) -> None:
        self.lying = lying
        # More than the next ones are not needed for any EVSE.
        self.edges = lying.edges(0, now, AHEAD)[: MOST_STEPS + 1]
        self._supply = supply
        self._known: dict[datetime, Holding | None] = {}

    def at(self, moment: datetime) -> Holding | None:
        """Return what holds at a moment."""
        if moment not in self._known:
            self._known[moment] = self.lying.mains(moment, self._supply)
        return self._known[moment]


def _most(*lying: Lying) -> int:
    """Return how many steps are looked for: fewer where each takes longer."""
    layers = sum(len(one.layers) for one in lying)
    return max(FEWEST_STEPS, min(MOST_STEPS, _WORK // (1 + layers)))


class _Teller:
    """Tell how much holdings are and whose, which is the same for many steps."""

    def __init__(
        self,
        wishes: Sequence[ChargingProfile],
        supply: Supply,
        running: Sequence[Transaction],
    ) -> None:
        self._wishes, self._supply, self._running = wishes, supply, running
        self._known: dict[tuple[int, Rate], tuple[float, str]] = {}

    def of(
        self, holding: Holding | None, moment: datetime
    ) -> tuple[float, str] | tuple[None, None]:
        if holding is None:
            return None, None
        place = (id(holding.origin), holding.rate)
        if place not in self._known:
            self._known[place] = self._told(holding, moment)
        return self._known[place]

    def _told(self, holding: Holding, moment: datetime) -> tuple[float, str]:
        rate, origin = holding.rate, holding.origin
        watts = self._supply.convert(rate, "W", rate.phases)
        if isinstance(origin, StationLimit):
            return watts, origin.source
        assert isinstance(origin, InstalledProfile)  # noqa: S101 - one of two
        source, _ = owner_of(origin, rate, self._wishes, moment, self._supply, self._running)
        return watts, source


def merged(limits: Iterable[Limit]) -> list[Limit]:
    """Return limits without those that say the same as the one before."""
    found: list[Limit] = []
    for limit in limits:
        if not found or found[-1][1:] != limit[1:]:
            found.append(limit)
    return found


def held(records: Sequence[LimitRecord], since: datetime, until: datetime) -> list[Limit]:
    """Return what held in a span by records of one EVSE, oldest first; each holds until the next.

    Before the first record nothing is known.
    """
    ends = [*(record.at for record in records[1:]), until]
    found = [
        limit
        for record, end in zip(records, ends, strict=False)
        for limit in clipped(limits_of(record, min(end, until)), since, min(end, until))
    ]
    unknown = [] if found and found[0].begin <= since else [Limit(since, None, None)]
    return merged([*unknown, *found])


def limits_of(record: LimitRecord, until: datetime) -> list[Limit]:
    """Return what a record foresaw up to a moment: a plan of a day may hold for a minute."""
    seconds = (until - record.at).total_seconds()
    return [
        Limit(record.at + timedelta(seconds=step.after), step.watts, step.source)
        for step in takewhile(lambda step: step.after <= seconds, record.steps)
    ]


def clipped(limits: Sequence[Limit], since: datetime, until: datetime) -> list[Limit]:
    """Return the part of limits that holds in a span, each until the next one."""
    ends = [*(limit.begin for limit in limits[1:]), until]
    return [
        limit._replace(begin=max(limit.begin, since))
        for limit, end in zip(limits, ends, strict=False)
        if max(limit.begin, since) < min(end, until)
    ]


def record_of(key: ChargerKey, evse_id: int, at: datetime, limits: Iterable[Limit]) -> LimitRecord:
    """Return the record of what is foreseen at a moment."""
    steps = (
        LimitStep(round((limit.begin - at).total_seconds(), 3), limit.watts, limit.source)
        for limit in limits
    )
    return LimitRecord(key=key, evse_id=evse_id, at=at, steps=tuple(steps))


def tells_the_same(record: LimitRecord | None, at: datetime, limits: Sequence[Limit]) -> bool:
    """Tell whether a record foresaw just this; no record foresaw nothing."""
    until = at + AHEAD
    before = held([record] if record else [], at, until)
    return before == clipped(limits, at, until)
