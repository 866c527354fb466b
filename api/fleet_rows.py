"""What the fleet overview shows of a charger: stored, connected, charging, and its target."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from api.parts import ApiParts
from csms.charging_power import watts
from csms.registry import Connection
from csms.schedules import NOMINAL_VOLTAGE, Supply
from proxy.states import State
from storage.clock import timestamp
from storage.database import Row
from storage.records import ChargerKey
from storage.repositories.fleet import Seen

FleetRow = dict[str, Any]
# The most telling first. What a connector says of itself, by OCPP 1.6 and 2.x.
STATES = ("faulted", "charging", "occupied", "reserved", "unavailable", "available", "unknown")
OFFLINE = "offline"
_STATES: Mapping[str, str] = {
    "Faulted": "faulted",
    "Charging": "charging",
    "Preparing": "occupied",
    "SuspendedEV": "occupied",
    "SuspendedEVSE": "occupied",
    "Finishing": "occupied",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Available": "available",
}
_OF_CHARGER = (
    "charge_box_id",
    "charger_name",
    "site_id",
    "vendor_name",
    "model_name",
    "ocpp_version",
)
_OF_CONNECTOR = ("evse_id", "connector_id", "status", "error_code")
_AT_ONCE = 50  # rows that are made before somebody else may go on


class FleetRows:
    """Read rows of the overview for many chargers at once."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._fleet = parts.storage.fleet

    async def page(self, organization_uuid: str, limit: int, after: str) -> list[FleetRow]:
        """Return the rows of chargers behind a charge_box_id, in order."""
        found: list[FleetRow] = []
        async for seen in self._fleet.page(organization_uuid, limit, after):
            found += await self._rows(organization_uuid, seen)
        return found

    async def among(
        self, organization_uuid: str, charge_box_ids: Iterable[str]
    ) -> AsyncIterator[list[FleetRow]]:
        """Yield the rows of those of many chargers that are enrolled, some at a time."""
        async for seen in self._fleet.among(organization_uuid, charge_box_ids):
            yield await self._rows(organization_uuid, seen)

    async def _rows(self, organization_uuid: str, seen: Sequence[Seen]) -> list[FleetRow]:
        rows, unsaid = [], []
        for place, each in enumerate(seen):
            if place % _AT_ONCE == 0:
                await asyncio.sleep(0)
            row, told = self._row(organization_uuid, each)
            rows.append(row)
            if not told:
                unsaid.append((row, each.charger))
        if unsaid:
            await self._ask_in_full(organization_uuid, unsaid)
        return rows

    def _row(self, organization_uuid: str, seen: Seen) -> tuple[FleetRow, bool]:
        """Return a row, and whether its power is told by the newest messages alone."""
        stored, running = seen.charger, seen.running
        key = ChargerKey(organization_uuid, stored["charge_box_id"])
        connection = self._parts.registry.find(key)
        power, told = _power(running, stored) if connection else (None, True)
        row = {
            **{name: stored[name] for name in _OF_CHARGER},
            "connected": connection is not None,
            "last_seen": self._last_seen(stored, connection),
            "state": _state(seen, power) if connection else OFFLINE,
            "connectors": [{name: one[name] for name in _OF_CONNECTOR} for one in seen.connectors],
            "power_w": power,
            "running_transactions": len(running),
            "target": self._target(key, stored),
        }
        return row, told

    def _last_seen(self, stored: Row, connection: Connection | None) -> str | None:
        now = self._parts.clock.now()
        moment = connection.last_heard(now) if connection else stored["last_seen"]
        return None if moment is None else timestamp(moment)

    def _target(self, key: ChargerKey, stored: Row) -> Mapping[str, Any] | None:
        id = stored["proxy_configuration_id"]
        if id is None:
            return None
        glance = self._parts.relays.glimpse(
            key, id, stored["configured_at"], enabled=stored["enabled"]
        )
        return {
            "proxy_configuration_id": id,
            "target_platform_identifier": stored["target_platform_identifier"],
            "state": glance.state,
            "reason": None if glance.state is State.READY else glance.last_error,
        }

    async def _ask_in_full(
        self, organization_uuid: str, rows: Sequence[tuple[FleetRow, Row]]
    ) -> None:
        """Fill in the power of those whose meters only count energy."""
        names = [row["charge_box_id"] for row, _ in rows]
        found = await self._fleet.in_full(organization_uuid, names)
        for row, stored in rows:
            row["power_w"], _ = _power(found.get(row["charge_box_id"], ()), stored)


def _power(running: Sequence[Row], stored: Row) -> tuple[float | None, bool]:
    """Return what all that is running takes, in W, and whether each has told enough."""
    supply = Supply(stored["supply_phases"], stored["nominal_voltage"] or NOMINAL_VOLTAGE)
    measuring = [one["newest"] for one in running if one["newest"]]
    found = [watts(newest, supply) for newest in measuring]
    known = [one for one in found if one is not None]
    return (round(sum(known), 1) if known else None), len(known) == len(found)


def _state(seen: Seen, power: float | None) -> str:
    """Return the most telling state of a charger's connectors."""
    said = {_STATES.get(one["status"], "unknown") for one in seen.connectors}
    # A connector of 2.x says no more than that it is occupied (2.0.1 Part 2, ConnectorStatus).
    told_apart = any(one["status"] in _OF_16 for one in seen.connectors)
    if "occupied" in said and seen.running and not told_apart and power != 0:
        said.add("charging")
    return next((state for state in STATES if state in said), "unknown")


_OF_16 = frozenset({"Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing", "Charging"})
