"""Installed charging profiles and the power limit that holds now; pure.

Reads the profiles of OCPP 1.6 and 2.0.1 into one shape. Purposes carry their 2.0.1 names. Sources:
1.6 §3.13, 2.0.1 Part 2 K01-K10.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators.watched import Fields, read_timestamp

STATION_MAX = "ChargingStationMaxProfile"
EXTERNAL = "ChargingStationExternalConstraints"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"
CSO, EMS = "CSO", "EMS"  # whose profile it is: a CSMS sets those of the CSO

_PURPOSES_OF_16 = {"ChargePointMaxProfile": STATION_MAX}
_CYCLES = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Supply:
    """The mains of one EVSE: phases (0: direct current), and volts of one phase."""

    phases: int = 3
    voltage: float = 230.0

    def watts(self, amperes: float, phases: int | None = None) -> float:
        """Convert; a schedule that names no phases means three (K01.FR.49)."""
        lines = min(phases or 3, self.phases) if self.phases else 1
        return amperes * self.voltage * lines

    def share(self, watts: float, phases: int | None = None) -> float:
        """Return what these phases carry of a limit in W, which is spread over those it names."""
        return watts * min(1.0, self.phases / (phases or 3)) if self.phases else watts

    def amperes(self, watts: float) -> float:
        """Convert W on all phases of this supply to A a phase."""
        return watts / self.voltage / (self.phases or 1)


@dataclass(frozen=True, slots=True)
class Period:
    """One step of a schedule: seconds from its start, limit in its unit."""

    start: float
    limit: float
    phases: int | None


@dataclass(frozen=True, slots=True)
class Running:
    """What profiles need to know of a transaction."""

    id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """One charging profile of one EVSE (0: the station), with the fields as they came."""

    id: int
    evse_id: int
    purpose: str
    kind: str
    level: int
    unit: str
    periods: tuple[Period, ...]
    duration: timedelta | None
    start: datetime
    cycle: timedelta | None
    valid_from: datetime | None
    valid_to: datetime | None
    transaction_id: str | None
    max_offline: timedelta | None
    ends_offline: bool
    source: str
    fields: Fields

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether the moment lies within validFrom and validTo."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_to is None or moment < self.valid_to
        )

    def began(self, moment: datetime, running: Running | None) -> datetime:
        """Return when the schedule that covers this moment began."""
        if self.kind == "Relative":
            return running.started_at if running else moment
        if self.cycle is None or moment < self.start:
            return self.start
        return self.start + (moment - self.start) // self.cycle * self.cycle

    def period_at(self, moment: datetime, running: Running | None) -> Period | None:
        """Return the period that holds at this moment, None where the profile says nothing."""
        age = moment - self.began(moment, running)
        over = self.duration is not None and age >= self.duration
        if not self.valid_at(moment) or age < timedelta(0) or over:
            return None
        place = bisect_right([period.start for period in self.periods], age.total_seconds())
        return self.periods[place - 1] if place else None

    def watts_at(self, moment: datetime, running: Running | None, supply: Supply) -> float | None:
        """Return the limit in W at this moment, None where the profile says nothing."""
        period = self.period_at(moment, running)
        if period is None:
            return None
        if self.unit == "A":
            return supply.watts(period.limit, period.phases)
        # The station's W are the sum over all its EVSEs, on whatever phases they are.
        return (
            period.limit
            if self.purpose == STATION_MAX
            else supply.share(period.limit, period.phases)
        )

    def edges(self, moment: datetime, running: Running | None) -> Iterator[datetime]:
        """Yield the moments around now at which the limit may change."""
        yield from (edge for edge in (self.valid_from, self.valid_to) if edge)
        began = self.began(moment, running)
        for start in (began, began + self.cycle) if self.cycle else (began,):
            yield from (start + timedelta(seconds=period.start) for period in self.periods)
            if self.duration is not None:
                yield start + self.duration


def read(evse_id: int, fields: Fields, now: datetime, source: str = CSO) -> Profile:
    """Read a profile of either version; raise KeyError or ValueError where it is none."""
    schedules: Any = fields["chargingSchedule"]
    schedule = schedules[0] if isinstance(schedules, list) else schedules
    kind, cycle = fields["chargingProfileKind"], _CYCLES.get(fields.get("recurrencyKind", ""))
    purpose: str = fields["chargingProfilePurpose"]
    transaction_id = fields.get("transactionId")
    return Profile(
        id=fields["chargingProfileId"] if "chargingProfileId" in fields else fields["id"],
        evse_id=evse_id,
        purpose=_PURPOSES_OF_16.get(purpose, purpose),
        kind=kind,
        level=int(fields["stackLevel"]),
        unit=schedule["chargingRateUnit"],
        periods=tuple(sorted(_periods(schedule), key=lambda period: period.start)),
        duration=_seconds(schedule.get("duration")),
        # Without a start an absolute schedule begins when it is installed.
        start=_moment(schedule.get("startSchedule")) or now,
        cycle=cycle if kind == "Recurring" else None,
        valid_from=_moment(fields.get("validFrom")),
        valid_to=_moment(fields.get("validTo")),
        transaction_id=None if transaction_id is None else str(transaction_id),
        max_offline=_seconds(fields.get("maxOfflineDuration")),
        ends_offline=bool(fields.get("invalidAfterOfflineDuration")),
        source=source,
        fields=fields,
    )


def _periods(schedule: Fields) -> Iterator[Period]:
    for period in schedule["chargingSchedulePeriod"]:
        phases = period.get("numberPhases")
        yield Period(
            float(period["startPeriod"]),
            float(period["limit"]),
            None if phases is None else int(phases),
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else read_timestamp(text)


def _seconds(duration: float | None) -> timedelta | None:
    return None if duration is None else timedelta(seconds=duration)


class Profiles:
    """Hold the profiles of a charger.

    Without ``knows_connectors`` a level and a purpose are one place on the whole charger, as some
    makes read 1.6 §3.13.2.
    """

    def __init__(self, *, knows_connectors: bool = True) -> None:
        self._profiles: list[Profile] = []
        self._knows_connectors = knows_connectors
        self._offline_since: datetime | None = None

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._profiles)

    def put(self, profile: Profile) -> None:
        """Install a profile in place of one with its id, or its EVSE, purpose and level.

        1.6 §3.13.2, 2.0.1 K01.FR.05.
        """
        self.remove(lambda old: old.id == profile.id or self._same_place(old, profile))
        self._profiles.append(profile)

    def lose_link(self, moment: datetime) -> None:
        """Count from now how long profiles hold without a CSMS (2.1 K01.FR.101)."""
        self._offline_since = self._offline_since or moment

    def find_link(self, moment: datetime) -> None:
        """Hold again what was suspended; what is over for good is removed."""
        self.remove(lambda one: one.ends_offline and not self._bears(one, moment))
        self._offline_since = None

    def edges(self, moment: datetime, running: Running | None) -> Iterator[datetime]:
        """Yield the moments around now at which a limit may change."""
        for profile in self:
            yield from profile.edges(moment, running)
            if profile.max_offline is not None and self._offline_since is not None:
                yield self._offline_since + profile.max_offline

    def _bears(self, profile: Profile, moment: datetime) -> bool:
        """Tell whether a profile still holds without a CSMS."""
        if profile.max_offline is None or self._offline_since is None:
            return True
        return moment < self._offline_since + profile.max_offline

    def rival(self, profile: Profile) -> Profile | None:
        """Return another profile on the same EVSE, purpose and level (2.0.1 K01.FR.06)."""
        return next(
            (old for old in self if old.id != profile.id and self._same_place(old, profile)), None
        )

    def remove(self, chosen: Callable[[Profile], bool]) -> int:
        """Remove the chosen profiles and return how many there were."""
        kept = [profile for profile in self._profiles if not chosen(profile)]
        removed = len(self._profiles) - len(kept)
        self._profiles = kept
        return removed

    def station_w(self, moment: datetime, supply: Supply) -> float | None:
        """Return the limit of the whole station in W."""
        limits = (self._leading(purpose, 0, moment, None, supply) for purpose in _STATION)
        return _lowest(limits)

    def evse_w(
        self, evse_id: int, moment: datetime, running: Running | None, supply: Supply
    ) -> float | None:
        """Return the limit of one EVSE in W, the station's limit included.

        A TxProfile overrules the TxDefaultProfile, also where it allows more (K02.FR.04); over
        the purposes the lowest holds (1.6 §3.13.3).
        """
        own = self._leading(TX, evse_id, moment, running, supply) if running else None
        if own is None:
            own = self._leading(TX_DEFAULT, evse_id, moment, running, supply)
        external = self._leading(EXTERNAL, evse_id, moment, running, supply)
        return _lowest((own, external, self.station_w(moment, supply)))

    def _leading(
        self, purpose: str, evse_id: int, moment: datetime, running: Running | None, supply: Supply
    ) -> float | None:
        best, limit = (-1, -1), None
        for profile in self:
            if profile.purpose != purpose or not _concerns(profile, evse_id, running):
                continue
            if not self._bears(profile, moment):
                continue
            watts = profile.watts_at(moment, running, supply)
            # Within a purpose the highest level wins; on one level the EVSE's own profile.
            if watts is not None and (profile.level, profile.evse_id) > best:
                best, limit = (profile.level, profile.evse_id), watts
        return limit

    def _same_place(self, one: Profile, other: Profile) -> bool:
        # One EVSE has one transaction at a time, and its profiles go with it.
        place = (one.purpose, one.level) == (other.purpose, other.level)
        return place and (not self._knows_connectors or one.evse_id == other.evse_id)


_STATION = (STATION_MAX, EXTERNAL)


def _concerns(profile: Profile, evse_id: int, running: Running | None) -> bool:
    if profile.evse_id not in (0, evse_id):
        return False
    if profile.purpose != TX or profile.transaction_id is None:
        return True
    return running is not None and profile.transaction_id == running.id


def _lowest(limits: Iterable[float | None]) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)
