"""Do one thing for a charger in the background: soon, and again when it is due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog

from csms.errors import place_of

if TYPE_CHECKING:
    from csms.station import Station

log = structlog.get_logger("ringmain.upkeep")

AGAIN = timedelta(seconds=600)  # after which what has failed may go
_SHORTEST_REST = 60.0  # s: chargers keep profiles in flash

# Does it, and says when it is due again.
Work: TypeAlias = Callable[[], Awaitable[datetime | None]]


class Upkeep:
    """Run a work for a connected charger, never twice at a time; one that raises is due again."""

    __slots__ = ("_station", "_task", "_wake", "_work")

    def __init__(self, station: Station, work: Work) -> None:
        self._station = station
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Event | None = None  # the task's: most chargers never need one

    def soon(self) -> None:
        """Do it as soon as nothing else is in the way, unless the charger is gone."""
        if self._station.link.closed:  # nobody would end the task
            return
        if self._wake is None or self._task is None or self._task.done():
            self._wake = asyncio.Event()
            self._task = asyncio.create_task(self._run(self._wake))
        self._wake.set()

    @property
    def at_rest(self) -> bool:
        """Tell whether nothing is done, nor to be done by itself."""
        return self._task is None or self._task.done()

    async def close(self) -> None:
        """Do it no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, wake: asyncio.Event) -> None:
        due: datetime | None = None
        while due is not None or wake.is_set():
            await self._rest(wake, due)
            try:
                due = await self._work()
            except Exception as fault:  # noqa: BLE001 - else it is never done again, without a word
                name, now = self._station.id, self._station.books.clock.now()
                log.error("upkeep_failed", charge_box_id=name, fault=place_of(fault))
                due = now + AGAIN

    async def _rest(self, wake: asyncio.Event, due: datetime | None) -> None:
        if due is not None:
            left = (due - self._station.books.clock.now()).total_seconds()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(left, _SHORTEST_REST)):
                    await wake.wait()
        wake.clear()
