"""Have live links follow what is stored, however long storage is away in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from csms.errors import place_of

if TYPE_CHECKING:
    from proxy.states import Glance
    from storage.records import ChargerKey, ProxyConfiguration

log = structlog.get_logger("ringmain.commissioning")

_FAREWELL = 3.0  # s: what follows has a moment to get there when the server ends


class Links(Protocol):
    """The target links, as far as commissioning has to do with them."""

    async def configure(self, key: ChargerKey) -> None:
        """Take up this charger's proxy configuration as it is stored now."""

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        """Tell where the link of a configuration is."""


class Following:
    """Tell the links of each change in a task of its own, which nobody who asks can end."""

    def __init__(self, links: Links, again: float) -> None:
        self._links = links
        self._again = again
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, key: ChargerKey) -> asyncio.Task[None]:
        """Have a charger's link follow what is stored now."""
        task = asyncio.create_task(self._follow(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let go: after a restart each link is made of what is stored."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FAREWELL)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _follow(self, key: ChargerKey) -> None:
        while True:
            try:
                return await self._links.configure(key)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the link has to follow
                name = key.charge_box_id
                log.warning("link_does_not_follow", charge_box_id=name, fault=place_of(fault))
                await asyncio.sleep(self._again)
