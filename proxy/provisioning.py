"""Configure new chargers by themselves: when they are enrolled, and when they first boot.

The latest that is stored for a charger's serial number or charge_box_id is applied always, else the
operator's default where that is for new chargers. Nothing that somebody has made or applied is
replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from csms.errors import place_of
from proxy.commissioning import Wish
from proxy.installing import drift
from storage.commissioning_records import AUTOMATIC
from storage.records import AuditEntry
from storage.tenancy import on_behalf_of

if TYPE_CHECKING:
    from datetime import datetime

    from csms.frames import Call, Send
    from proxy.commissioning import Commissioning
    from proxy.installing import Scene
    from storage.commissioning_records import ConnectionDetails, StepState
    from storage.records import ChargerKey

log = structlog.get_logger("ringmain.provisioning")

FIRST = "BootNotification"
_AGAIN = 5.0  # s
_LONGEST = 300.0  # s
_NOTED = frozenset({"applied", "failed"})


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
                self._settle(key, self._commissioning.clock.now())
        try:
            yield self
        finally:
            for task in self._settling.values():
                task.cancel()
            await asyncio.gather(*self._settling.values(), return_exceptions=True)

    async def enrolled(self, key: ChargerKey) -> None:
        """Configure a charger that was enrolled just now, as far as it is known already."""
        await self._leave_alone(key)
        self._newcomers.add(key)
        try:
            await self._provision(key, None)
        except Exception as fault:  # noqa: BLE001 - whatever it is: it is enrolled, and will boot
            log.warning("not_provisioned", charge_box_id=key.charge_box_id, fault=place_of(fault))

    def heard(self, key: ChargerKey, _boot: Call | Send) -> None:
        """Configure a charger that boots for the first time."""
        if key in self._newcomers and key not in self._settling:
            self._settle(key, self._commissioning.clock.now())

    async def _leave_alone(self, key: ChargerKey) -> None:
        """End what is done for a charger that was deleted and had the same name."""
        if task := self._settling.pop(key, None):
            task.cancel()
            await asyncio.wait((task,))

    def _settle(self, key: ChargerKey, booted_at: datetime) -> None:
        self._settling[key] = task = asyncio.create_task(self._settle_in(key, booted_at))
        task.add_done_callback(partial(self._settled, key))

    def _settled(self, key: ChargerKey, task: asyncio.Task[None]) -> None:
        if self._settling.get(key) is task:
            del self._settling[key]

    async def _settle_in(self, key: ChargerKey, booted_at: datetime) -> None:
        """Do it, whatever happens, before the charger is no newcomer any more."""
        pause = self._again
        with on_behalf_of(key.organization_uuid):
            while True:
                try:
                    await self._storage.group.flush()  # what it says of itself has just come
                    await self._provision(key, booted_at)
                    await self._storage.installations.settle_in(key)
                    return self._newcomers.discard(key)
                except Exception as fault:  # noqa: BLE001 - it is to be tried again
                    name = key.charge_box_id
                    log.warning("not_provisioned", charge_box_id=name, fault=place_of(fault))
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST)

    async def _provision(self, key: ChargerKey, booted_at: datetime | None) -> None:
        """Install what a charger is to have, unless somebody else has a say in that."""
        state: StepState = "superseded"
        while state == "superseded":  # somebody was quicker: what is there has to be seen anew
            scene = await self._commissioning.scene(key)
            if scene is None or await self._is_somebodys(scene):
                return
            details = await self._details_for(scene, booted_at)
            if details is None or _has(scene, details):
                return
            state = await self._install(scene, details)

    async def _install(self, scene: Scene, details: ConnectionDetails) -> StepState:
        key, claim = scene.charger.key, self._new_id()
        wish = Wish(details=details, requested_by=AUTOMATIC, claim=claim, seen=scene)
        outcome = await self._commissioning.carry_out(key, wish)
        if outcome.state in _NOTED:
            self._note(key, details.version, outcome.error or outcome.state)
        return outcome.state

    async def _is_somebodys(self, scene: Scene) -> bool:
        """Tell whether somebody has applied something, or made or changed the configuration."""
        installation, configuration = scene.installation, scene.configuration
        if installation is None:
            return configuration is not None
        if installation.requested_by != AUTOMATIC:
            return True
        if installation.applied_version is None:
            return configuration is not None
        organization_uuid, _ = installation.key
        stored = self._storage.connection_details
        details = await stored.get(organization_uuid, installation.applied_version)
        return details is None or bool(drift(details, installation, configuration))

    async def _details_for(
        self, scene: Scene, booted_at: datetime | None
    ) -> ConnectionDetails | None:
        charger, stored = scene.charger, self._storage.connection_details
        organization_uuid, charge_box_id = charger.key
        own: list[ConnectionDetails] = []
        for name in {charger.serial_number or charge_box_id, charge_box_id}:
            if not await self._commissioning.is_anothers(name, charger.key):
                found = await stored.latest(organization_uuid, name)
                own += [found] if found else []
        if own:
            return max(own, key=lambda each: each.number)
        default = await stored.latest(organization_uuid, None)
        if default is None or not default.apply_to_new_devices:
            return None
        if booted_at is None:
            # Without a serial number it would be known at the target by another id than later on.
            return default if charger.serial_number is not None else None
        return default if default.created_at <= booted_at else None  # else it was not new by then

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


def _has(scene: Scene, details: ConnectionDetails) -> bool:
    """Tell whether a version is there already, as whom ever the charger was known then."""
    installation = scene.installation
    return installation is not None and installation.applied_version == details.version
