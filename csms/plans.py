"""Plan what is to lie on a charger, from what its owners want; pure.

One profile for each purpose and EVSE where the platform has a limit there. A target's profiles go
out as they are where it has none, as long as there is room for them; level and id are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from csms.limits import Abilities, merge
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Curve, Fields, Rate, read
from storage.records import ChargingProfile, Transaction

PLATFORM = 0
MOST_AT_ONE_PLACE = 2
HORIZON = timedelta(days=2)  # what recurs is expanded so far, where it cannot be said as it is

PLATFORM_IDS = range(3000, 5283)
MOST_EVSES = 189  # each has ids of its own in there
_LIMITS, _TRANSACTION_LIMITS, _IDS_PER_EVSE = 3000, 4140, 6
_TARGET_IDS, _TARGET_IDS_PER_EVSE = 1_000_000, 10
_FIRST_TARGET_ID = {
    purpose: n * MOST_AT_ONE_PLACE for n, purpose in enumerate((TX_DEFAULT, TX, STATION_MAX))
}


class Place(NamedTuple):
    """Where a profile lies; a charger has room for one at each."""

    evse_id: int
    purpose: str
    level: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A whole profile, and where it is to lie."""

    place: Place
    profile: Fields


class Plan(NamedTuple):
    """All that is to lie on a charger; to be made again at ``exact_until``, if there is one."""

    profiles: tuple[Planned, ...]
    exact_until: datetime | None


def limit_id(evse_id: int) -> int:
    """Return the id that a power limit has by default."""
    return _LIMITS + _IDS_PER_EVSE * evse_id


def scope_of(profile_id: int) -> int | None:
    """Return the EVSE whose power limit an id is reserved for, -1 for a transaction's."""
    if profile_id not in PLATFORM_IDS:
        return None
    evse_id = (profile_id - _LIMITS) // _IDS_PER_EVSE
    return evse_id if profile_id < _TRANSACTION_LIMITS else -1


def is_reserved_for_targets(profile_id: int) -> bool:
    """Tell whether an id may stand for a target's profile."""
    return profile_id >= _TARGET_IDS


def is_limit(wish: ChargingProfile) -> bool:
    """Tell a power limit of the platform from a charging profile that its operator has put."""
    return wish.owner == PLATFORM and "limit" in wish.meta


def rate_of(limit: ChargingProfile) -> Rate:
    """Return what a power limit allows."""
    schedule = limit.profile["chargingSchedule"][0]
    period = schedule["chargingSchedulePeriod"][0]
    direct = "dcMaxPowerKw" in limit.meta.get("limit", {})
    return Rate(period["limit"], schedule["chargingRateUnit"], period.get("numberPhases"), direct)


def power_limit(
    wishes: Sequence[ChargingProfile], purpose: str, evse_id: int
) -> ChargingProfile | None:
    """Return the platform's limit that holds: of its layers the highest, of equals the newest."""
    layers = [
        one
        for one in wishes
        if (one.owner, one.purpose, one.evse_id) == (PLATFORM, purpose, evse_id)
    ]
    return max(layers, key=lambda one: (one.stack_level, one.created_at), default=None)


def start_profile_id(evse_id: int, *, limited: bool) -> int:
    """Return the id for the TxProfile that a remote start brings along."""
    return _id(TX, evse_id, 0) if not limited else _transaction_id(evse_id)


def plan(
    wishes: Sequence[ChargingProfile],
    running: Mapping[str, Transaction],
    abilities: Mapping[int, Abilities],
    now: datetime,
) -> Plan:
    """Plan for the wishes of all owners, and the transactions that are running, by their id."""
    planned: list[Planned] = []
    until: list[datetime] = []
    for scope in _scopes(wishes, running):
        for one, exact_until in _at(scope, wishes, abilities[scope.evse_id], now):
            planned.append(one)
            until += [exact_until] if exact_until else []
    return Plan(tuple(planned), min(until, default=None))


class _Scope(NamedTuple):
    purpose: str
    evse_id: int
    transaction: Transaction | None = None


def _scopes(wishes: Sequence[ChargingProfile], running: Mapping[str, Transaction]) -> list[_Scope]:
    # A connector's limit before what it caps.
    lasting = {_Scope(one.purpose, one.evse_id) for one in wishes if one.purpose != TX}
    bound = {one.transaction_id for one in wishes if one.purpose == TX}
    transactions = [running[id] for id in sorted(filter(None, bound)) if id in running]
    return [
        *sorted(lasting, key=lambda scope: (scope.purpose, scope.evse_id)),
        *(_Scope(TX, one.evse_id, one) for one in transactions if one.evse_id),
    ]


def _at(
    scope: _Scope, wishes: Sequence[ChargingProfile], abilities: Abilities, now: datetime
) -> list[tuple[Planned, datetime | None]]:
    capping = TX_DEFAULT if scope.purpose == TX else scope.purpose
    limit = power_limit(wishes, capping, scope.evse_id)
    own, base = _own(scope, wishes), _base(scope, wishes)
    above = _levels_of(base, abilities)
    if limit is not None and scope.purpose != TX and not own and not base:
        return [(_finished(scope, limit.profile, limit.profile_id, 0), None)]
    if limit is None and _fit(own, base, above, abilities):
        return [
            (_finished(scope, one.profile, _id(scope.purpose, scope.evse_id, n), above + n), None)
            for n, one in enumerate(sorted(own, key=lambda one: one.stack_level))
        ]
    stack = [*base, *own]
    merged = merge(
        [one.profile for one in stack],
        _curves(stack),
        None if limit is None else rate_of(limit),
        abilities,
        now,
        HORIZON,
        scope.transaction.started_at if scope.transaction else None,
    )
    id = _id(scope.purpose, scope.evse_id, 0, limit)
    level = min(above, abilities.max_level)
    return [(_finished(scope, merged.profile, id, level), merged.exact_until)]


def _own(scope: _Scope, wishes: Sequence[ChargingProfile]) -> list[ChargingProfile]:
    transaction_id = scope.transaction.transaction_id if scope.transaction else None
    return [
        one
        for one in wishes
        if one.owner != PLATFORM
        and one.purpose == scope.purpose
        and (scope.purpose == TX or one.evse_id == scope.evse_id)
        and one.transaction_id == transaction_id
    ]


def _base(scope: _Scope, wishes: Sequence[ChargingProfile]) -> list[ChargingProfile]:
    """Return what a target wants of every connector, and so of this one."""
    if scope.purpose != TX_DEFAULT or not scope.evse_id:
        return []
    return _own(_Scope(TX_DEFAULT, 0), wishes)


def _levels_of(base: Sequence[ChargingProfile], abilities: Abilities) -> int:
    """Count the levels that what holds for every connector takes up, from 0 on."""
    if _fit(base, (), 0, abilities):
        return len(base)
    return 1


def _fit(
    own: Sequence[ChargingProfile],
    base: Sequence[ChargingProfile],
    above: int,
    abilities: Abilities,
) -> bool:
    """Tell whether profiles can lie on the charger as they are, over those below them."""
    levels = {one.stack_level for one in own}
    return (
        len(levels) == len(own) <= MOST_AT_ONE_PLACE
        and above + len(own) - 1 <= abilities.max_level
        and max((one.stack_level for one in base), default=0) <= min(levels, default=0)
    )


def _curves(stack: Sequence[ChargingProfile]) -> list[Curve]:
    # On one level the connector's own goes before that of all connectors (1.6 §3.13.1).
    return [
        read(one.profile, (one.stack_level, int(one.evse_id > 0), n), one.created_at)
        for n, one in enumerate(stack)
    ]


def _id(purpose: str, evse_id: int, n: int, limit: ChargingProfile | None = None) -> int:
    if limit is None:
        return _TARGET_IDS + _TARGET_IDS_PER_EVSE * evse_id + _FIRST_TARGET_ID[purpose] + n
    return _transaction_id(evse_id) if purpose == TX else limit.profile_id


def _transaction_id(evse_id: int) -> int:
    return _TRANSACTION_LIMITS + _IDS_PER_EVSE * evse_id


def _finished(scope: _Scope, content: Fields, id: int, level: int) -> Planned:
    transaction = scope.transaction
    bound: dict[str, Any] = {"transactionId": transaction.transaction_id} if transaction else {}
    profile = {
        **content,
        "id": id,
        "stackLevel": level,
        **bound,
        "chargingSchedule": [{"id": id, **one} for one in content["chargingSchedule"]],
    }
    return Planned(Place(scope.evse_id, scope.purpose, level), profile)
