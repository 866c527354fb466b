"""Read what there is of many chargers at once, as an installation would find each of them.

What would become of each is told from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from proxy.commissioning import Prospect
from proxy.installing import Scene

if TYPE_CHECKING:
    from proxy.commissioning import Commissioning, Wish
    from storage.records import Charger
    from storage.store import Storage


_AT_ONCE = 100  # chargers; others are served between one lot and the next


async def prospects(
    commissioning: Commissioning, organization_uuid: str, wishes: Sequence[tuple[Charger, Wish]]
) -> list[Prospect]:
    """Return what would become of the wish for each charger, in order; raise StorageError."""
    found: list[Prospect] = []
    for begin in range(0, len(wishes), _AT_ONCE):
        some = wishes[begin : begin + _AT_ONCE]
        chargers = [charger for charger, _ in some]
        scenes = await surveyed(commissioning.storage, organization_uuid, chargers)
        for scene, (charger, wish) in zip(scenes, some, strict=True):
            outcome = await commissioning.judged(scene, wish)
            found.append(Prospect(key=charger.key, outcome=outcome, found=scene.configuration))
    return found


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
