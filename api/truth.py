"""What really limits chargers now, and whether they obey: a few reads for a whole page of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.routing import Request
from api.schemas.stations import UNKNOWN
from csms.composite import Lying
from csms.effective import Effective, Measured, effective, measured, obeys
from csms.parties import is_limit
from csms.readings import mapping
from csms.schedules import NOMINAL_VOLTAGE, Supply
from storage.operation_records import StationLimit
from storage.records import ChargingProfile, InstalledProfile, MeterValue, Transaction

Shown = Mapping[str, Any]
_AT_ONCE = 20  # stations


async def with_truth(request: Request, stations: Sequence[Shown]) -> list[Shown]:
    """Return stations, as they are shown, with what limits them."""
    storage, organization = request.parts.storage, request.organization_uuid
    names = [station["charge_box_id"] for station in stations]
    installed = await storage.charging_profiles.installed_on_page(organization, names)
    limits = await storage.station_limits.of_page(organization, names)
    limited = [name for name in names if installed[name] or limits[name]]
    wishes = await storage.charging_profiles.of_page(organization, names)
    readings = await storage.readings.of_page(organization, limited)
    now = request.parts.clock.now()
    shown: list[Shown] = []
    for name, station in zip(names, stations, strict=True):
        if len(shown) % _AT_ONCE == 0:
            await asyncio.sleep(0)  # a long page holds up no charger
        scene = _Scene(
            Lying.of(installed[name], limits[name], station["running_transactions"]),
            limits[name],
            wishes.get(name, ()),
            readings.get(name, ()),
            supply_of(station),
            now,
        )
        evses = _evses(station, _named(installed[name], limits[name]))
        shown.append({**station, **scene.told(evses)})
    return shown


def supply_of(station: Shown) -> Supply:
    """Return what is known of the mains without asking the charger."""
    voltage = station.get("nominal_voltage") or NOMINAL_VOLTAGE
    return Supply(station.get("supply_phases"), voltage)


def _named(installed: Sequence[InstalledProfile], limits: Sequence[StationLimit]) -> set[int]:
    return {one.evse_id for one in installed} | {one.evse_id for one in limits}


def _evses(station: Shown, named: set[int]) -> list[int]:
    connectors = {one.evse_id for one in station["connectors"]}
    charging = {one.evse_id for one in station["running_transactions"]}
    return sorted((connectors | charging | named) - {0})


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that is known of one charger's limits."""

    lying: Lying
    limits: Sequence[StationLimit]
    wishes: Sequence[ChargingProfile]
    readings: Sequence[MeterValue]
    supply: Supply
    now: datetime

    def told(self, evses: Sequence[int]) -> Shown:
        return {
            **self._of(0),
            "evses": [{"evse_id": evse_id, **self._of(evse_id)} for evse_id in evses],
            "power_limits": [_layer(one) for one in self.wishes if is_limit(one)],
            "reported_limits": [_reported(one) for one in self.limits],
        }

    def _of(self, evse_id: int) -> Shown:
        found = effective(self.lying, self.wishes, evse_id, self.now, self.supply)
        sessions = [
            self._measured(one) for one in self.lying.running if evse_id in {0, one.evse_id}
        ]
        kept = obeys(self.lying, evse_id, sessions, self.now, self.supply) if found else None
        return {
            "effective_limit": None if found is None else _limit(found, self.supply),
            "obeys": UNKNOWN if kept is None else kept,
        }

    def _measured(self, transaction: Transaction) -> Measured | None:
        own = [one for one in self.readings if one.transaction_id == transaction.transaction_id]
        return measured(own, self.supply)


def _limit(found: Effective, supply: Supply) -> Shown:
    rate = found.rate
    return {
        "value": rate.value,
        "unit": rate.unit,
        **({} if rate.phases is None else {"phases": rate.phases}),
        "kw": round(supply.convert(rate, "W", rate.phases) / 1000, 3),
        "source": found.source,
        "charging_profile_id": found.profile_id,
        "until": found.until,
    }


def _layer(wish: ChargingProfile) -> Shown:
    """Name a power limit; on the charger it may be a layer of another (smart-charging item 2)."""
    return {
        "charging_profile_id": None if wish.profile_id < 0 else wish.profile_id,
        "evse_id": wish.evse_id,
        "transaction_id": wish.transaction_id,
        "limit": wish.meta["limit"],
        "stack_level": wish.stack_level,
        "condition": wish.meta.get("condition"),
        "relative_delay": wish.meta.get("delay"),
        "comment": wish.meta.get("comment"),
        "created_by": wish.meta.get("createdBy"),
        "created_at": wish.created_at,
    }


def _reported(limit: StationLimit) -> Shown:
    told = mapping(limit.payload.get("chargingLimit"))
    return {
        "evse_id": limit.evse_id,
        "source": limit.source,
        "is_local_generation": told.get("isLocalGeneration") is True,
        "updated_at": limit.updated_at,
    }
