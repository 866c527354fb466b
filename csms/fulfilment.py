"""Bring one charger in line with what is wanted of it, as far as it accepts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from csms.commands import Outcome
from csms.installed import Installed, Refusal
from csms.known_abilities import KnownAbilities
from csms.plans import Plan, Planned, plan
from csms.refusals import pause_of
from csms.scenes import Scene
from csms.sessions import Sessions
from storage.records import ChargingProfile

if TYPE_CHECKING:
    from csms.limits import Abilities
    from csms.station import Station

Wishes: TypeAlias = Sequence[ChargingProfile]

_LONGEST_PAUSE = 15.0  # s that who asks is kept waiting for a charger that wants a pause


class Settled(NamedTuple):
    """Which of several choices the charger has now, and what it said against the first.

    ``put_back`` are EVSEs that lost theirs over it and got it again, ``unsaid`` those of which the
    charger's own schedule still says more.
    """

    choice: int
    refusal: Refusal
    put_back: frozenset[int] = frozenset()
    unsaid: frozenset[int] = frozenset()


class Fulfilment:
    """Plan for one charger, and have it follow; raises LinkError and StorageError throughout."""

    __slots__ = ("_abilities", "_installed", "_sessions", "_station")

    def __init__(
        self,
        station: Station,
        installed: Installed,
        sessions: Sessions,
        abilities: KnownAbilities,
    ) -> None:
        self._station = station
        self._installed = installed
        self._sessions = sessions
        self._abilities = abilities

    async def settle(self, choices: Sequence[Wishes]) -> Settled:
        """Fulfil the first choice that the charger accepts.

        One that rejects something may have what the books do not know (smart-charging 16).
        """
        settled = await self._first_of(choices)
        rejected = isinstance(settled.refusal, Outcome)
        if rejected and await self._installed.reconcile(sent_with_starts(choices[0])):
            return await self._first_of(choices)
        return settled

    async def exact_until(self, wishes: Wishes) -> datetime | None:
        """Return until when what lies there will do, and note that it does now."""
        scene, abilities = await self.surroundings(wishes)
        made = plan(wishes, abilities, scene)
        renewal = self._sessions.renewed(scene, made.made_at)
        return min((one for one in (made.exact_until, renewal) if one), default=None)

    async def surroundings(
        self, wishes: Wishes, evses: Collection[int] = ()
    ) -> tuple[Scene, dict[int, Abilities]]:
        """Return the charger as a plan finds it, and the abilities of all EVSEs in question."""
        lying = {place: one.profile for place, one in (await self._installed.read()).items()}
        # What 1.6 tells of one EVSE it tells of all; 2.x does not wait in Preparing.
        tells = wishes and not self._station.supply_by_evse
        timeout = (await self._abilities.of(0)).connection_timeout if tells else 0
        scene = await self._sessions.scene(wishes, lying, timeout)
        known = {one.evse_id for one in wishes} | {one.evse_id for one in scene.running.values()}
        return scene, {one: await self._abilities.of(one) for one in sorted(known | set(evses))}

    async def _plan(self, wishes: Wishes) -> Plan:
        scene, abilities = await self.surroundings(wishes)
        return plan(wishes, abilities, scene)

    async def _first_of(self, choices: Sequence[Wishes]) -> Settled:
        first: Refusal = None
        refused: list[Sequence[Planned]] = []
        for n, wishes in enumerate(choices):
            planned = (await self._plan(wishes)).profiles
            if planned in refused:
                continue  # nothing else is asked for
            refusal = await self._bring(planned)
            if refusal is None:
                return Settled(n, first, self._installed.put_back, self._installed.unsaid)
            first = first or refusal
            refused.append(planned)
        return Settled(len(choices), first)

    async def _bring(self, planned: Sequence[Planned]) -> Refusal:
        """Bring the charger in line, once more if it asks for a short pause (2.1 K01.FR.56)."""
        refusal = await self._installed.bring(planned)
        pause = pause_of(refusal)
        if pause is None or pause.total_seconds() > _LONGEST_PAUSE:
            return refusal
        await asyncio.sleep(pause.total_seconds())
        return await self._installed.bring(planned)


def sent_with_starts(wishes: Wishes) -> list[int]:
    """Return the ids of what remote starts bring along before their transactions are known."""
    sent = [one.meta.get("sent") for one in wishes]
    return [one["id"] for one in sent if one is not None]
