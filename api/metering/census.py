"""Count what only the database knows, seldom and for all who ask.

Somebody who asks waits for it a moment and gets what was counted last where it takes longer. While
the database does not answer, nothing is told of what it knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from proxy.backlog import place
from proxy.policy import KEPT
from storage.errors import StorageError
from storage.exporter import SinkStatus
from storage.records import ProxyConfiguration, SinkRecord, Waiting
from storage.repositories.census import Totals, totals_of
from storage.store import Storage

EVERY = 10.0  # s between two counts, or more where one takes long
_SHARE = 20  # of the time at most this part is spent on counting
_PATIENCE = 1.0  # s, of who asks
# What is looked at in one count; of more those come first that were looked at longest ago.
MOST_QUEUES, MOST_SINKS = 200, 50

Key = TypeVar("Key")
Value = TypeVar("Value")


class Queued(Protocol):
    """Who knows for whom something waits."""

    def waited_for(self) -> list[tuple[ProxyConfiguration, int]]:
        """Return for whom something may wait, and how far each has got."""


class Exports(Protocol):
    """Who knows which sinks run, and how they are."""

    @property
    def sinks(self) -> tuple[SinkRecord, ...]:
        """Return the sinks that are exported to."""

    async def status(self, sink: SinkRecord) -> SinkStatus:
        """Tell how a sink is."""


class Rota(Generic[Key, Value]):
    """What was found of many things, of which only so many are looked at in a turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.found: dict[Key, Value] = {}  # what was looked at longest ago is first

    async def look(
        self, things: Iterable[tuple[Key, Any]], ask: Callable[[Any], Awaitable[Value]]
    ) -> None:
        """Ask for the things that are the next to be asked for; forget those that are gone."""
        present = dict(things)
        self.found = {key: value for key, value in self.found.items() if key in present}
        new = [key for key in present if key not in self.found]
        for key in [*new, *self.found][: self._most]:
            value = await ask(present[key])
            self.found.pop(key, None)
            self.found[key] = value


class Census:
    """The last count; what is ``None`` or empty is not known.

    Tasks are counted along: of 10,000 chargers there are 30,000, which takes 10 ms.
    """

    def __init__(
        self,
        storage: Storage,
        queued: Queued,
        exports: Exports,
        every: float = EVERY,
        patience: float = _PATIENCE,
    ) -> None:
        self._storage, self._queued, self._exports = storage, queued, exports
        self._every, self._patience = every, patience
        self._counting: asyncio.Task[None] | None = None
        self._due = float("-inf")  # by the event loop's clock
        self._counted_at: float | None = None
        self.tasks: int | None = None  # of the event loop
        self.totals: Totals | None = None
        self.queues: Rota[int, Waiting] = Rota(MOST_QUEUES)
        self.sinks: Rota[str, SinkStatus] = Rota(MOST_SINKS)

    @property
    def age(self) -> float | None:
        """Tell how many s ago it was counted; None where nothing is known."""
        if self._counted_at is None or self.totals is None:
            return None
        return asyncio.get_running_loop().time() - self._counted_at

    async def refresh(self) -> None:
        """Count again if it is time, and wait for that a moment."""
        if self._counting is None and asyncio.get_running_loop().time() >= self._due:
            self._counting = asyncio.create_task(self._count())
        if self._counting is not None:
            await asyncio.wait({self._counting}, timeout=self._patience)

    async def close(self) -> None:
        """Count no more."""
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)

    async def _count(self) -> None:
        now = asyncio.get_running_loop().time
        begun = now()
        try:
            self.tasks = len(await asyncio.to_thread(asyncio.all_tasks, asyncio.get_running_loop()))
            totals = await totals_of(self._storage.database)
            waited_for = self._queued.waited_for()
            await self.queues.look(((each[0].id, each) for each in waited_for), self._waiting)
            running = self._exports.sinks
            await self.sinks.look(((sink.id, sink) for sink in running), self._exports.status)
            self.totals, self._counted_at = totals, now()
        except StorageError:
            self.totals = None
        finally:
            self._due = now() + max(self._every, _SHARE * (now() - begun))
            self._counting = None

    async def _waiting(self, queue: tuple[ProxyConfiguration, int]) -> Waiting:
        return await self._storage.queues.size(place(*queue), KEPT)
