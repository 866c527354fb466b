"""Configure new chargers by themselves: when they are enrolled, and when they first boot.

What is stored for a charger's serial number is applied always, else the operator's default where
that is for new chargers. Nothing that somebody has made or applied is replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from csms.errors import place_of
from proxy.commissioning import Wish
from storage.commissioning_records import AUTOMATIC
from storage.errors import StorageError
from storage.records import AuditEntry
from storage.tenancy import on_behalf_of

if TYPE_CHECKING:
    from csms.frames import Call, Send
    from proxy.commissioning import Commissioning
    from proxy.installing import Scene
    from storage.commissioning_records import ConnectionDetails
    from storage.records import ChargerKey

log = structlog.get_logger("ringmain.provisioning")

FIRST = "BootNotification"
_AGAIN = 5.0  # s


class Provisioning:
    """Watch for chargers that have not booted since they were enrolled."""

    def __init__(
        self, commissioning: Commissioning, new_id: Callable[[], str], *, again: float = _AGAIN
    ) -> None:
        self._commissioning = commissioning
        self._storage = commissioning.storage
        self._new_id = new_id
        self._again = again
        self._newcomers: set[ChargerKey] = set()
        self._settling: dict[ChargerKey, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Provisioning]:
        """Watch until the context ends; who booted when we went down settles in now."""
        newcomers = await self._storage.installations.newcomers()
        self._newcomers.update(newcomers)
        for key, booted in newcomers.items():
            if booted:
                self._settle(key)
        try:
            yield self
        finally:
            for task in self._settling.values():
                task.cancel()
            await asyncio.gather(*self._settling.values(), return_exceptions=True)

    async def enrolled(self, key: ChargerKey) -> None:
        """Configure a charger that was enrolled just now, as far as it is known already."""
        self._newcomers.add(key)
        try:
            await self._provision(key, booted=False)
        except StorageError as fault:  # its first boot comes, too
            log.warning("not_provisioned", charge_box_id=key.charge_box_id, reason=str(fault))

    def heard(self, key: ChargerKey, _boot: Call | Send) -> None:
        """Configure a charger that boots for the first time."""
        if key in self._newcomers:
            self._settle(key)

    def _settle(self, key: ChargerKey) -> None:
        if key not in self._settling:
            self._settling[key] = task = asyncio.create_task(self._settle_in(key))
            task.add_done_callback(lambda _: self._settling.pop(key, None))

    async def _settle_in(self, key: ChargerKey) -> None:
        """Do it, whatever happens, before the charger is no newcomer any more."""
        with on_behalf_of(key.organization_uuid):
            while True:
                try:
                    await self._storage.group.flush()  # what it says of itself has just come
                    await self._provision(key, booted=True)
                    await self._storage.installations.settle_in(key)
                    return self._newcomers.discard(key)
                except Exception as fault:  # noqa: BLE001 - it is to be tried again
                    name = key.charge_box_id
                    log.warning("not_provisioned", charge_box_id=name, fault=place_of(fault))
                    await asyncio.sleep(self._again)

    async def _provision(self, key: ChargerKey, *, booted: bool) -> None:
        scene = await self._commissioning.scene(key)
        if scene is None or _is_somebodys(scene):
            return
        details = await self._details_for(scene, booted=booted)
        if details is None:
            return
        wish = Wish(details=details, requested_by=AUTOMATIC, claim=self._new_id())
        outcome = await self._commissioning.carry_out(key, wish)
        if outcome.state != "unchanged":
            self._note(key, details.version, outcome.error or outcome.state)

    async def _details_for(self, scene: Scene, *, booted: bool) -> ConnectionDetails | None:
        charger, stored = scene.charger, self._storage.connection_details
        organization_uuid, charge_box_id = charger.key
        for name in (charger.serial_number, charge_box_id):
            if name and not await self._is_anothers(organization_uuid, name, charger.key):
                found = await stored.latest(organization_uuid, name)
                if found is not None:
                    return found
        default = await stored.latest(organization_uuid, None)
        # Without a serial number it would be known at the target by another id than later on.
        known = booted or charger.serial_number is not None
        return default if default and default.apply_to_new_devices and known else None

    async def _is_anothers(self, organization_uuid: str, name: str, key: ChargerKey) -> bool:
        """Tell whether another charger has a name too: a serial number is but a claim (S-08)."""
        with_serial = await self._storage.chargers.with_serial(organization_uuid, name)
        named = await self._storage.chargers.get(key._replace(charge_box_id=name))
        return any(one.key != key for one in (*with_serial, *([named] if named else ())))

    def _note(self, key: ChargerKey, version: str, result: str) -> None:
        self._storage.audit.note(
            AuditEntry(
                timestamp=self._commissioning.clock.now(),
                organization_uuid=key.organization_uuid,
                charge_box_id=key.charge_box_id,
                actor="platform",
                action="ApplyConnectionDetails",
                result=result,
                details={"version": version},
            )
        )


def _is_somebodys(scene: Scene) -> bool:
    if scene.installation is not None:
        return scene.installation.requested_by != AUTOMATIC
    return scene.configuration is not None
