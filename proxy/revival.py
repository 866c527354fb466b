"""After a start, deliver what waits also where the charger does not come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from proxy.policy import KEPT
from proxy.wishes import Wishes
from storage.errors import StorageError

if TYPE_CHECKING:
    from proxy.parts import RelayParts
    from storage.records import ChargerKey
    from storage.repositories.queues import Place

log = structlog.get_logger("ringmain.delivery")


class Revival:
    """Find the queues that were not empty, once the chargers have had time to come back.

    ``revive`` has an absent charger's queue delivered; it may raise StorageError.
    """

    def __init__(self, parts: RelayParts, revive: Callable[[ChargerKey], Awaitable[None]]) -> None:
        self._storage = parts.storage
        self._wait = parts.timings.resume
        self._revive = revive

    async def run(self) -> None:
        """Do it once, and again where storage is away."""
        done = False
        while not done:
            await asyncio.sleep(self._wait)
            done = await self._all_revived()

    async def _all_revived(self) -> bool:
        try:
            async for place in self._waiting():
                await self._revive(place.key)
        except StorageError as failure:
            log.error("queues_wait", fault=type(failure).__name__)
            return False
        return True

    async def _waiting(self) -> AsyncIterator[Place]:
        for organization in await self._storage.organizations.list():
            for place in await self._storage.queues.of_organization(organization.organization_uuid):
                if await self._is_wanted(place):
                    yield place

    async def _is_wanted(self, place: Place) -> bool:
        if not (await self._storage.queues.size(place, KEPT)).messages:
            return False
        found = await self._storage.proxy_configurations.for_charger(place.key)
        if found is None or not found.enabled:
            return False
        return Wishes.of(found.policy).drain_after_disconnect
