"""Plan what is to lie on a charger, from what its owners want; pure.

One profile for each purpose and EVSE, and one below it where it has an end. A target's profiles
go out as they are where nobody else wants anything, as long as there is room for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from csms.fallbacks import Planner, Stack, Wishes
from csms.limits import Abilities
from csms.parties import Scope, conditions_of
from csms.profile_ids import NOT_AUTHORIZED
from csms.scenes import Place, Scene, made_at, unbound
from csms.schedules import TX, TX_DEFAULT, Fields


@dataclass(frozen=True, slots=True)
class Planned:
    """A whole profile, and where it is to lie."""

    place: Place
    profile: Fields


class Plan(NamedTuple):
    """All that is to lie on a charger; to be made again at ``exact_until``, if there is one.

    Of the EVSEs that have a fallback, ``made_at`` is when what lies above it was made.
    """

    profiles: tuple[Planned, ...]
    exact_until: datetime | None
    made_at: Mapping[int, datetime]


def plan(wishes: Wishes, abilities: Mapping[int, Abilities], scene: Scene) -> Plan:
    """Plan for the wishes of all owners; one profile's room on the charger stays free."""
    scene = replace(scene, now=scene.now.replace(microsecond=0))
    made = _planned(wishes, abilities, scene)
    room = min((one.max_profiles for one in abilities.values() if one.max_profiles), default=None)
    if room is None or len(made.profiles) < room:
        return made
    flat = {evse_id: replace(one, max_level=0) for evse_id, one in abilities.items()}
    return _planned(wishes, flat, scene)


def _planned(wishes: Wishes, abilities: Mapping[int, Abilities], scene: Scene) -> Plan:
    planned: list[Planned] = []
    until: list[datetime] = []
    made: dict[int, datetime] = {}
    above = 0
    for scope in _scopes(wishes, scene):
        over = above if scope.purpose == TX_DEFAULT and scope.evse_id else 0
        found = _chosen(scope, Planner(wishes, abilities[scope.evse_id], scene, over))
        above = len(found.planned) if scope == Scope(TX_DEFAULT, 0) else above
        planned += found.planned
        until += [found.stack.exact_until] if found.stack.exact_until else []
        if found.stack.has_window:
            made[scope.evse_id] = min(found.made_at, made.get(scope.evse_id, found.made_at))
    return Plan(tuple(planned), min(until, default=None), made)


def _scopes(wishes: Wishes, scene: Scene) -> list[Scope]:
    # A connector's limit before what it caps; what holds for every connector before each.
    lasting = {Scope(one.purpose, one.evse_id) for one in wishes if one.purpose != TX}
    bound = {one.transaction_id for one in wishes if one.purpose == TX}
    waiting = {one.evse_id for one in wishes if NOT_AUTHORIZED in conditions_of(one)}
    transactions = [
        one
        for id, one in sorted(scene.running.items())
        if id in bound or one.evse_id in waiting & scene.unauthorized.keys()
    ]
    return [
        *sorted(lasting, key=lambda scope: (scope.purpose, scope.evse_id)),
        *(Scope(TX, one.evse_id, one) for one in transactions if one.evse_id),
    ]


class _Chosen(NamedTuple):
    planned: list[Planned]
    stack: Stack
    made_at: datetime


def _chosen(scope: Scope, planner: Planner) -> _Chosen:
    """Return what lies there already if it would still do, else what is to lie there now.

    Chargers keep profiles in flash, and one that is sent again may begin again (K01.FR.41).
    """
    scene = planner.scene
    lying = {
        place: one
        for place, one in scene.lying.items()
        if (place.purpose, place.evse_id) == (scope.purpose, scope.evse_id)
    }
    fresh = _made(scope, planner, scene.now, fresh=True)
    due = fresh.stack.has_window and scope.evse_id in scene.due
    if due or not lying or _lie(fresh.planned, lying):
        return fresh
    at = made_at(lying[max(lying, key=lambda place: place.level)]) or scene.now
    before = _made(scope, planner, at, fresh=False)
    exact = before.stack.exact_until
    still = exact is None or exact > scene.now
    return before if at <= scene.now and still and _lie(before.planned, lying) else fresh


def _made(scope: Scope, planner: Planner, at: datetime, *, fresh: bool) -> _Chosen:
    stack = planner.stack(scope, at, fresh=fresh)
    room = max(planner.abilities.max_level + 1 - len(stack.parts), 0)
    lowest = min(planner.above, room)
    planned = [
        _finished(scope, part.content, part.id, lowest + n) for n, part in enumerate(stack.parts)
    ]
    return _Chosen(planned, stack, at)


def _lie(planned: Sequence[Planned], lying: Mapping[Place, Fields]) -> bool:
    return len(planned) == len(lying) and all(
        one.place in lying and unbound(lying[one.place]) == unbound(one.profile) for one in planned
    )


def _finished(scope: Scope, content: Fields, id: int, level: int) -> Planned:
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
