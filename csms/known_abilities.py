"""Know what a charger's schedules may be made of: asked once per boot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from csms.schedules import Supply
from csms.turns import held
from storage.records import Charger

if TYPE_CHECKING:
    from csms.limits import Abilities
    from csms.station import Station


class KnownAbilities:
    """Hold the abilities of one connected charger's EVSEs."""

    __slots__ = ("_asking", "_known", "_station")

    def __init__(self, station: Station) -> None:
        self._station = station
        self._asking = asyncio.Lock()
        self._known: dict[int, Abilities] = {}

    async def of(self, evse_id: int) -> Abilities:
        """Return those of an EVSE; raise LinkError or StorageError."""
        known = evse_id if self._station.supply_by_evse else 0
        async with held(self._asking):
            kept = self._known  # what is forgotten meanwhile is not kept
            if known not in kept:
                told = await self._station.abilities(known)
                charger = await self._station.books.chargers.get(self._station.key)
                kept[known] = told if charger is None else _supplied(told, charger)
            return kept[known]

    def forget(self) -> None:
        """Ask anew once they are needed."""
        self._known = {}


def _supplied(abilities: Abilities, charger: Charger) -> Abilities:
    """Let what the operator says of a charger's mains go before what the charger says."""
    supply = Supply(
        charger.supply_phases or abilities.supply.phases,
        charger.nominal_voltage or abilities.supply.voltage,
    )
    return replace(abilities, supply=supply)
