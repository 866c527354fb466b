"""Turn a power limit into a charging profile, and what several parties want into one; pure.

What lies on the charger is never above what any owner allows, and equal to the lowest of them
where one profile can say that (`proxy-semantics` B.6: virtual stacks; ADR 0015, 0019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from csms.parties import Party, steady_party
from csms.schedules import (
    MOST_PHASES,
    TX_DEFAULT,
    Fields,
    Rate,
    Supply,
    Unit,
    leading,
    round_down,
)
from storage.clock import timestamp

LEAD = timedelta(seconds=60)  # an absolute schedule begins in the past: clocks differ
LONG_AGO = "2000-01-01T00:00:00.000Z"  # to what has to hold whatever a charger's clock says
MIN_CURRENT_A = 6.0  # below it a phase stops charging AC (IEC 61851-1)
_FAR: Mapping[Unit, float] = {"W": 1_000_000.0, "A": 1_000.0}  # as good as no limit


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a charger's schedules may be made of; ``supply`` is of the EVSE in question.

    ``connection_timeout`` is how long in s it waits in Preparing. With ``offline_duration`` a
    profile can end by itself without a CSMS (2.1 K01.FR.101). It takes ``dynamic`` profiles, and
    ``purposes`` that 2.0.1 does not have, where it says so. ``max_profiles`` lie there at most.
    """

    units: frozenset[Unit] = frozenset({"A", "W"})
    max_level: int = 0
    max_periods: int = 24
    supply: Supply = field(default_factory=Supply)
    connection_timeout: int = 60
    offline_duration: bool = False
    dynamic: bool = False
    purposes: frozenset[str] = frozenset()
    max_profiles: int | None = None

    @property
    def can_fall_back(self) -> bool:
        """Tell whether something can lie below something else, or follow it."""
        return self.max_level > 0 or self.max_periods > 1

    def unit_for(self, *wanted: Unit, direct: bool = False) -> Unit:
        """Return the unit in which limits of these units are said: A where they differ.

        A limit in A holds on each phase, so whatever a vehicle uses stays below the W; of direct
        current A say nothing without its voltage.
        """
        if direct and "W" in self.units:
            return "W"
        common = set(wanted) & self.units if len(set(wanted)) == 1 else self.units
        return "A" if "A" in (common or self.units) else "W"

    def unit_of(self, rates: Iterable[Rate]) -> Unit:
        """Return the unit in which all of these are said."""
        known = list(rates)
        units: list[Unit] = [rate.unit for rate in known]
        return self.unit_for(*units, direct=any(rate.direct for rate in known))

    def lowest(self, rates: Sequence[Rate]) -> Rate:
        """Return what keeps to all of these, of which there is at least one."""
        found = self.supply.lowest(rates, self.unit_of(rates))
        assert found is not None  # noqa: S101 - of one at least
        direct = any(rate.direct for rate in rates)
        return Rate(found.value, found.unit, found.phases, direct)

    def far(self, like: Iterable[Rate]) -> Rate:
        """Return what is as good as no limit, in the unit of others."""
        unit, phases = self.unit_of(like), self.supply.phases
        return Rate(_FAR[unit], unit, phases if phases and phases < MOST_PHASES else None)


class Merged(NamedTuple):
    """One profile for several, without id and level; exact until a moment, always where None."""

    profile: dict[str, Any]
    exact_until: datetime | None = None


# ---- power limit to profile ----


def limit_profile(
    id: int, purpose: str, rate: Rate, now: datetime, transaction_id: str | None = None
) -> dict[str, Any]:
    """Return the profile of a constant limit: it began a minute ago and does not end."""
    bound = {} if transaction_id is None else {"transactionId": transaction_id}
    content = steady(purpose, rate, timestamp(now - LEAD))
    schedules = [{"id": id, **one} for one in content.pop("chargingSchedule")]
    return {"id": id, "stackLevel": 0, **content, **bound, "chargingSchedule": schedules}


def steady(purpose: str, rate: Rate, start: str) -> dict[str, Any]:
    """Return what one limit becomes that began at a moment."""
    periods = [period(0, rate)]
    schedule = {
        "startSchedule": start,
        "chargingRateUnit": rate.unit,
        "chargingSchedulePeriod": periods,
    }
    return content(purpose, "Absolute", schedule)


def below_minimum(rate: Rate, supply: Supply) -> bool:
    """Tell whether AC charging pauses under a limit."""
    return supply.convert(rate, "A", rate.phases) < MIN_CURRENT_A


# ---- limits alone ----


def steadily(purpose: str, parties: Sequence[Party], abilities: Abilities) -> dict[str, Any]:
    """Return what limits come to that hold whatever the time is."""
    rates = [party.steady for party in parties]
    since = [party.leader.created_at for party in parties if party.leader is not None]
    known = [rate for rate in rates if rate is not None]
    begin = max(since, default=parties[0].curves[0].start)
    return steady(purpose, abilities.lowest(known), timestamp(begin - LEAD))


def by_age(parties: Sequence[Party], abilities: Abilities, now: datetime) -> dict[str, Any]:
    """Return what limits come to that begin some time after charging does: a Relative profile."""
    ages = sorted({curve.starts[0] for party in parties for curve in party.curves} | {0.0})
    known = [curve.rates[0] for party in parties for curve in party.curves]
    unit = abilities.unit_of(known)
    far = abilities.far(known)
    steps: list[tuple[float, Rate]] = []
    for age in ages:
        at = now + timedelta(seconds=age)
        rates = [rate for one in parties for rate in leading(one.curves, at, now)]
        lowest = abilities.supply.lowest([*rates, far], unit) or far
        if not steps or steps[-1][1] != lowest:
            steps.append((age, lowest))
    most = abilities.max_periods
    if len(steps) > most:
        beyond = [rate for _, rate in steps[most - 1 :]]
        steps = [*steps[: most - 1], (steps[most - 1][0], abilities.lowest(beyond))]
    periods = [period(int(age), rate) for age, rate in steps]
    return content(
        TX_DEFAULT, "Relative", {"chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    )


def lasting(
    purpose: str, parties: Sequence[Party], abilities: Abilities, now: datetime
) -> dict[str, Any]:
    """Return what is never above any party, without an end and without need of a right clock."""
    floors = [floor_of(party, abilities, now) for party in parties if not party.limits]
    limits = [party for party in parties if party.limits]
    if purpose == TX_DEFAULT:
        return by_age([*limits, *(one for one in floors if one)], abilities, now)
    rates = [rate for party in parties for rate in party.floor(now)]
    return steady(purpose, abilities.lowest(rates), LONG_AGO)


def floor_of(party: Party, abilities: Abilities, now: datetime) -> Party | None:
    """Return a party that always says what another says at least."""
    rates = party.floor(now)
    return steady_party(abilities.lowest(rates), now) if rates else None


def content(purpose: str, kind: str, schedule: Fields) -> dict[str, Any]:
    """Return a profile that has neither id nor level yet."""
    return {
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [dict(schedule)],
    }


def period(start: float, rate: Rate) -> dict[str, Any]:
    """Return a step of a schedule; ``start`` is in s."""
    phases = {} if rate.phases is None else {"numberPhases": rate.phases}
    return {"startPeriod": start, "limit": round_down(rate.value), **phases}
