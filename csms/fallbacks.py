"""Stack what holds at one place over what holds once it has ended; pure.

A limit for when there is no connection lies below what holds as long as there is one, which has an
end and is renewed (`smart-charging` item 8). So does what holds once a session is authorized, or
was not in time (item 9). A charger with one level gets one profile that goes over into the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from csms.limits import LEAD, Abilities, Merged, floor_of, lasting
from csms.merging import Stretch, expand, merge
from csms.parties import PLATFORM, Party, Scope, conditions_of, is_limit, parties_at, steady_party
from csms.profile_ids import MOST_AT_ONE_PLACE, NO_CLOUD, NOT_AUTHORIZED, limit_id, target_id
from csms.scenes import AFTER, BEFORE, OFFLINE, Scene, between
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Fields
from storage.records import ChargingProfile

Wishes: TypeAlias = Sequence[ChargingProfile]


class Part(NamedTuple):
    """A profile that has no level yet."""

    content: Fields
    id: int


class Stack(NamedTuple):
    """What is to lie in one scope, the lowest first; with a window it has to be renewed."""

    parts: tuple[Part, ...]
    exact_until: datetime | None = None
    has_window: bool = False


class Planner(NamedTuple):
    """What the stack of one scope is made of; below it lie profiles on ``above`` levels."""

    wishes: Wishes
    abilities: Abilities
    scene: Scene
    above: int = 0

    def stack(self, scope: Scope, now: datetime, *, fresh: bool) -> Stack:
        """Return what is to lie in a scope as it would be made at a moment.

        Unless ``fresh``, a profile may be relative that a running transaction has begun.
        """
        if scope.purpose not in {TX_DEFAULT, TX, STATION_MAX}:
            return self._unmerged(scope)
        parties, ends = self._online(scope, now)
        below = self._below(scope, now)
        if below is not None:
            return self._over_fallback(scope, parties, below, now, ends, fresh=fresh)
        if not _needed(scope, parties):
            return Stack(())
        if self.is_covered(scope, now):
            merged = self._merged(scope, parties, now, fresh=fresh)
            part = self.windowed(Part(merged.profile, _id(scope, parties)), now, None)
            return Stack((part,), merged.exact_until, not self.abilities.offline_duration)
        if ends is not None:
            return self._until_authorized(scope, parties, now, ends, fresh=fresh)
        return self._alone(scope, parties, now, fresh=fresh)

    # ---- nothing below ----

    def _unmerged(self, scope: Scope) -> Stack:
        """Return the highest of the profiles that have a purpose of their own (OCPP 2.1)."""
        here = [
            one
            for one in self.wishes
            if (one.purpose, one.evse_id) == (scope.purpose, scope.evse_id)
        ]
        highest = max(here, key=lambda one: (one.stack_level, one.created_at))
        return Stack((Part(highest.profile, highest.profile_id),))

    def _alone(
        self, scope: Scope, parties: Sequence[Party], now: datetime, *, fresh: bool
    ) -> Stack:
        as_they_are = self._as_they_are(scope, parties)
        if as_they_are:
            return Stack(as_they_are)
        merged = self._merged(scope, parties, now, fresh=fresh)
        return Stack((Part(merged.profile, _id(scope, parties)),), merged.exact_until)

    def _as_they_are(self, scope: Scope, parties: Sequence[Party]) -> tuple[Part, ...]:
        """Return one owner's profiles where they can lie on the charger just so."""
        if len(parties) > 1 or parties[0].limits:
            return ()
        here = [one for one in parties[0].stack if one.purpose == scope.purpose]
        own = [one for one in here if scope.purpose == TX or one.evse_id == scope.evse_id]
        base = [one for one in here if one not in own]
        levels = {one.stack_level for one in own}
        # What holds for every connector lies below all that may lie below something else.
        deep = scope.purpose == TX_DEFAULT and any(map(conditions_of, self.wishes))
        most = 1 if deep or (own and own[0].owner == PLATFORM) else MOST_AT_ONE_PLACE
        fits = (
            len(levels) == len(own) <= most
            and self.above + len(own) - 1 <= self.abilities.max_level
            and max((one.stack_level for one in base), default=0) <= min(levels, default=0)
        )
        ranked = sorted(own, key=lambda one: one.stack_level) if fits else ()
        return tuple(Part(one.profile, _own_id(scope, one, n)) for n, one in enumerate(ranked))

    # ---- while there is a connection, and when there is none ----

    def _below(self, scope: Scope, now: datetime) -> Part | None:
        """Return what holds there without a connection, None where that is nothing special."""
        parties = self._parties(scope, now, (NO_CLOUD,))
        special = _special_id(scope, parties, NO_CLOUD)
        if special is None:
            return None
        content = lasting(
            scope.purpose, [*parties, *self._in_transactions(scope, now)], self.abilities, now
        )
        return Part(content, special)

    def _in_transactions(self, scope: Scope, now: datetime) -> list[Party]:
        """Return what is wanted of the transactions there: it ends with the connection."""
        if scope.purpose != TX_DEFAULT:
            return []
        here = [one for one in self.scene.running.values() if one.evse_id == scope.evse_id]
        wanted = [
            party
            for one in here
            for party in self._parties(Scope(TX, scope.evse_id, one), now, (NO_CLOUD,))
            if any(wish.purpose == TX for wish in party.wishes)
        ]
        floors = (floor_of(party, self.abilities, now) for party in wanted)
        return [one for one in floors if one is not None]

    def is_covered(self, scope: Scope, now: datetime) -> bool:
        """Tell whether a fallback of the connector lies below a transaction (K06.FR.01)."""
        connector = Scope(TX_DEFAULT, scope.evse_id)
        return scope.purpose == TX and self._below(connector, now) is not None

    def _over_fallback(
        self,
        scope: Scope,
        parties: Sequence[Party],
        below: Part,
        now: datetime,
        ends: datetime | None,
        *,
        fresh: bool,
    ) -> Stack:
        offline = self._parties(scope, now, (NO_CLOUD,))
        known = [rate for party in (*parties, *offline) for rate in party.floor(now)]
        every = [*parties, steady_party(self.abilities.far(known), now)]
        id = _id(scope, parties)
        if self.abilities.max_level > 0:
            merged = self._merged(scope, every, now, fresh=fresh)
            over = self.windowed(Part(merged.profile, id), now, ends)
            until = min((one for one in (merged.exact_until, ends) if one), default=None)
            return Stack((below, over), until, not self.abilities.offline_duration)
        if not self.abilities.can_fall_back:
            return Stack((below._replace(content=self._lowest(scope, [*parties, *offline], now)),))
        floor = [*offline, *self._in_transactions(scope, now)]
        rates = [rate for party in floor for rate in party.floor(now)]
        end = min(now - LEAD + AFTER, ends or now + AFTER)
        after = Stretch([steady_party(self.abilities.lowest(rates), now)])
        merged = expand([Stretch(every, end), after], scope.purpose, self.abilities, now)
        return Stack((Part(merged.profile, id),), ends, has_window=True)

    def windowed(self, part: Part, now: datetime, ends: datetime | None) -> Part:
        """Let a profile end when there is no connection for long."""
        if self.abilities.offline_duration:
            own = {"maxOfflineDuration": OFFLINE, "invalidAfterOfflineDuration": False}
            return part._replace(content=between({**part.content, **own}, None, ends))
        end = min(now + AFTER, ends or now + AFTER)
        return part._replace(content=between(part.content, now - BEFORE, end))

    # ---- while a session is not authorized ----

    def _online(self, scope: Scope, now: datetime) -> tuple[list[Party], datetime | None]:
        """Return who has a say now, and when that ends if a session is not authorized."""
        usual = self._parties(scope, now, ())
        waits, ends = self._waiting(scope)
        if not waits:
            return usual, None
        special = self._parties(scope, now, (NOT_AUTHORIZED,))
        counts = any(
            NOT_AUTHORIZED in conditions_of(one) for party in special for one in party.wishes
        )
        return (special, ends) if counts else (usual, None)

    def _waiting(self, scope: Scope) -> tuple[bool, datetime | None]:
        now, waiting = self.scene.now, self.scene.unauthorized
        here = [end for evse_id, end in waiting.items() if scope.evse_id in {0, evse_id}]
        if scope.purpose == TX:
            return None in here, None
        if scope.purpose == STATION_MAX and None in here:
            return True, None
        ends = max((end for end in here if end is not None), default=None)
        return (True, ends) if ends is not None and ends > now else (False, None)

    def _until_authorized(
        self, scope: Scope, parties: Sequence[Party], now: datetime, ends: datetime, *, fresh: bool
    ) -> Stack:
        usual = self._parties(scope, now, ())
        special_id = _special_id(scope, parties, NOT_AUTHORIZED)
        id = _id(scope, parties) if special_id is None else special_id
        if usual and not self.abilities.max_level:
            if not self.abilities.can_fall_back:
                return Stack((Part(self._lowest(scope, [*parties, *usual], now), id),), ends)
            stretches = [Stretch(parties, ends), Stretch(usual)]
            merged = expand(stretches, scope.purpose, self.abilities, now)
            return Stack((Part(merged.profile, id),), ends)
        special = self._merged(scope, parties, now, fresh=fresh)
        over = Part(between(special.profile, None, ends), id)
        if not usual:
            return Stack((over,), ends)
        merged = self._merged(scope, usual, now, fresh=fresh)
        return Stack((Part(merged.profile, _id(scope, usual)), over), ends)

    # ---- what all of these need ----

    def _parties(self, scope: Scope, now: datetime, conditions: Collection[str]) -> list[Party]:
        return parties_at(scope, self.wishes, self.scene.running, now - LEAD, conditions)

    def _merged(
        self, scope: Scope, parties: Sequence[Party], now: datetime, *, fresh: bool
    ) -> Merged:
        charging = any(
            one.evse_id == scope.evse_id or not scope.evse_id for one in self.scene.running.values()
        )
        relative = not (fresh and charging)
        return merge(parties, scope.purpose, self.abilities, now, relative=relative)

    def _lowest(self, scope: Scope, parties: Sequence[Party], now: datetime) -> dict[str, Any]:
        floors = [floor_of(party, self.abilities, now) for party in parties]
        known = [one for one in floors if one is not None]
        return lasting(scope.purpose, known, self.abilities, now)


def _needed(scope: Scope, parties: Sequence[Party]) -> bool:
    """Tell whether there is something to say that the connector's own profile does not."""
    wishes = [wish for party in parties for wish in party.wishes]
    if scope.purpose != TX:
        return bool(wishes)
    return any(one.purpose == TX or NOT_AUTHORIZED in conditions_of(one) for one in wishes)


def _own_id(scope: Scope, wish: ChargingProfile, n: int) -> int:
    if wish.owner == PLATFORM:
        return wish.profile_id
    return target_id(scope.purpose, scope.evse_id, n)


def _special_id(scope: Scope, parties: Sequence[Party], condition: str) -> int | None:
    """Return the id of the highest wish that counts there under a condition only."""
    special = [
        one
        for party in parties
        for one in party.wishes
        if condition in conditions_of(one) and one.purpose == scope.purpose
    ]
    if not special:
        return None
    highest = max(special, key=lambda one: (is_limit(one), one.stack_level))
    own = highest.evse_id == scope.evse_id
    return highest.profile_id if own else limit_id(scope.evse_id, condition)


def _id(scope: Scope, parties: Sequence[Party]) -> int:
    """Return the id for what parties come to: of a limit, of the operator's, of a target's."""
    leaders = [party.leader for party in parties]
    own = [one for one in leaders if one is not None and one.owner == PLATFORM]
    here = [one for one in own if one.purpose == scope.purpose and one.evse_id == scope.evse_id]
    limits = [one for one in here if is_limit(one)]
    if limits or (here and len(here) == len(own)):
        return (limits or here)[-1].profile_id
    if own or not leaders:
        waits = any(NOT_AUTHORIZED in conditions_of(one) for one in own)
        condition = NOT_AUTHORIZED if waits else None
        return limit_id(scope.evse_id, condition, of_transaction=scope.purpose == TX)
    return target_id(scope.purpose, scope.evse_id)
