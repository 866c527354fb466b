"""Who has a say about the power at one place of a charger, and what each of them says; pure.

A party is what one owner wants there: of its profiles the highest that says anything holds. The
platform's power limits are parties of their own, of which every layer is a constant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from csms.profile_ids import limit_id
from csms.readings import mapping
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Curve, Rate, constant, leading, read
from storage.records import ChargingProfile, Transaction

PLATFORM = 0


class Scope(NamedTuple):
    """Where limits and profiles meet: a purpose on an EVSE, for TxProfile of one transaction."""

    purpose: str
    evse_id: int
    transaction: Transaction | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """What one owner wants; ``started`` is when its relative profiles began, as far as known.

    ``wishes`` are behind the curves; ``stack`` are all, also those that are never heard.
    """

    curves: tuple[Curve, ...]
    wishes: tuple[ChargingProfile, ...] = ()
    stack: tuple[ChargingProfile, ...] = ()
    limits: bool = False
    started: datetime | None = None

    @property
    def leader(self) -> ChargingProfile | None:
        """Return the wish of the highest rank."""
        ranked = zip((curve.rank for curve in self.curves), self.wishes, strict=False)
        return max(ranked, key=lambda one: one[0], default=(None, None))[1]

    @property
    def steady(self) -> Rate | None:
        """Return the limit that holds whatever the time is, None where there is none."""
        highest = max(self.curves, key=lambda curve: curve.rank)
        return highest.rates[0] if self.limits and highest.starts[0] == 0 else None

    def rates(self, moment: datetime) -> list[Rate]:
        """Return what may hold at a moment: more than one where it cannot be known which."""
        return leading(self.curves, moment, self.started)

    def floor(self, since: datetime) -> list[Rate]:
        """Return rates below all that may hold from a moment on."""
        return [curve.least for curve in self.curves if not curve.is_over(since)]


def steady_party(rate: Rate, since: datetime) -> Party:
    """Return a party that always says the same."""
    return Party((constant(rate, (0,), since),), limits=True)


# ---- what wishes are ----


def is_limit(wish: ChargingProfile) -> bool:
    """Tell a power limit of the platform from a charging profile that its operator has put."""
    return wish.owner == PLATFORM and "limit" in wish.meta


def conditions_of(wish: ChargingProfile) -> frozenset[str]:
    """Return the conditions under which a wish counts at all."""
    said = wish.meta.get("condition")
    if isinstance(said, str):
        return frozenset({said})
    return frozenset(name for name, holds in mapping(said).items() if holds is True)


def delay_of(wish: ChargingProfile) -> float:
    """Return after how many s of charging a power limit begins."""
    delay: float = wish.meta.get("delay") or 0
    return delay


def rate_of(limit: ChargingProfile) -> Rate:
    """Return what a power limit allows."""
    schedule = limit.profile["chargingSchedule"][0]
    period = schedule["chargingSchedulePeriod"][0]
    direct = "dcMaxPowerKw" in limit.meta.get("limit", {})
    return Rate(period["limit"], schedule["chargingRateUnit"], period.get("numberPhases"), direct)


def placed_at(evse_id: int, wish: ChargingProfile) -> ChargingProfile:
    """Return a wish of a transaction on the EVSE that it has got, with the id for that."""
    id = wish.profile_id
    if id < 0:
        condition, delayed = wish.meta.get("condition"), delay_of(wish) > 0
        id = limit_id(evse_id, condition, delayed=delayed, of_transaction=True)
    return replace(wish, evse_id=evse_id, profile_id=id, profile={**wish.profile, "id": id})


# ---- who has a say ----


def parties_at(
    scope: Scope,
    wishes: Sequence[ChargingProfile],
    running: Mapping[str, Transaction],
    since: datetime,
    conditions: Collection[str] = (),
) -> list[Party]:
    """Return all that have a say in a scope from a moment on, while these conditions are met.

    In a transaction what is wanted of its connector counts too: of one owner where that owner
    wants nothing of the transaction, of the platform's power limits beside that (K02.FR.04).
    """
    active = [one for one in wishes if conditions_of(one) <= set(conditions)]
    began = _began(scope, running)
    limits = [one for one in active if is_limit(one)]
    groups = [[one for one in limits if _concerns(one, place)] for place in _places(scope)]
    parties = [_limits(group, began) for group in groups if group]
    started = scope.transaction.started_at if scope.transaction else None
    for owner in sorted({one.owner for one in active}):
        own = [one for one in active if one.owner == owner and not is_limit(one)]
        if stack := _stack(scope, own):
            parties.append(_party(stack, since, started))
    return parties


def _places(scope: Scope) -> list[Scope]:
    return [Scope(TX_DEFAULT, scope.evse_id), scope] if scope.purpose == TX else [scope]


def _concerns(wish: ChargingProfile, scope: Scope) -> bool:
    if wish.purpose != scope.purpose:
        return False
    if scope.transaction is not None:
        return wish.transaction_id == scope.transaction.transaction_id
    return wish.evse_id == scope.evse_id


def _began(scope: Scope, running: Mapping[str, Transaction]) -> datetime | None:
    """Return when charging began there, of the station the earliest."""
    if scope.transaction is not None:
        return scope.transaction.started_at
    here = [one for one in running.values() if scope.evse_id in {0, one.evse_id}]
    return min((one.started_at for one in here), default=None)


def _limits(layers: Iterable[ChargingProfile], began: datetime | None) -> Party:
    # On one level a limit with a delay goes before one without, which it would never follow else.
    ranked = sorted(layers, key=lambda one: (one.stack_level, delay_of(one) > 0, one.created_at))
    lasting = [n for n, one in enumerate(ranked) if not delay_of(one)]
    kept = ranked[lasting[-1] if lasting else 0 :]
    curves = tuple(
        constant(rate_of(one), (n,), one.created_at, delay_of(one)) for n, one in enumerate(kept)
    )
    return Party(curves, tuple(kept), tuple(ranked), limits=True, started=began)


def _party(stack: Sequence[ChargingProfile], since: datetime, started: datetime | None) -> Party:
    """Return a stack without what is never heard, below one that always says something."""
    ranked = sorted(
        zip(_curves(stack), stack, strict=True), key=lambda one: one[0].rank, reverse=True
    )
    kept = []
    for curve, wish in ranked:
        kept.append((curve, wish))
        if curve.is_endless(since):
            break
    curves, wishes = zip(*kept, strict=True)
    return Party(curves, wishes, tuple(stack), started=started)


def _stack(scope: Scope, own: Sequence[ChargingProfile]) -> list[ChargingProfile]:
    """Return an owner's profiles that count there: what it wants of all connectors too."""
    stack = [one for one in own if _concerns(one, scope)]
    if scope.purpose == STATION_MAX or (scope.purpose == TX_DEFAULT and not scope.evse_id):
        return stack
    base = [one for one in own if one.purpose == TX_DEFAULT and one.evse_id in {0, scope.evse_id}]
    return [*stack, *(one for one in base if one not in stack)]


def _curves(stack: Sequence[ChargingProfile]) -> tuple[Curve, ...]:
    # On one level the connector's own goes before that of all connectors (1.6 §3.13.1).
    return tuple(
        read(
            one.profile,
            (int(one.purpose == TX), one.stack_level, int(one.evse_id > 0), n),
            one.created_at,
        )
        for n, one in enumerate(stack)
    )
