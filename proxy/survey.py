"""Read what there is of many chargers at once, as an installation would find each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from proxy.installing import Scene

if TYPE_CHECKING:
    from storage.records import Charger
    from storage.store import Storage


async def surveyed(
    storage: Storage, organization_uuid: str, chargers: Sequence[Charger]
) -> list[Scene]:
    """Return the scenes of an organization's chargers, in their order; raise StorageError."""
    names = [charger.key.charge_box_id for charger in chargers]
    installed = await storage.installations.of(organization_uuid, names)
    configured = await storage.proxy_configurations.among(organization_uuid, names)
    shared = await _shared(storage, organization_uuid, chargers)
    return [
        Scene(
            charger=charger,
            installation=installed.get(name),
            configuration=configured.get(name),
            serial_is_shared=name in shared,
        )
        for name, charger in zip(names, chargers, strict=True)
    ]


async def _shared(
    storage: Storage, organization_uuid: str, chargers: Sequence[Charger]
) -> set[str]:
    """Return the names of the chargers whose serial number another says, or is called (S-08)."""
    serials = {one.key.charge_box_id: one.serial_number for one in chargers if one.serial_number}
    saying = await storage.chargers.with_serials(organization_uuid, serials.values())
    called = await storage.chargers.among(organization_uuid, serials.values())
    return {
        name
        for name, serial in serials.items()
        if (saying.get(serial, set()) | ({serial} & called.keys())) - {name}
    }
