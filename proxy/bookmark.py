"""How far a target has got, on disk: at once, or a little later for many messages together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.ledger import IdMap
    from storage.repositories.queues import Queues


class Bookmark:
    """Note one target's position; it never goes back."""

    def __init__(
        self, proxy_configuration_id: int, position: int, ids: IdMap, queues: Queues
    ) -> None:
        self._id = proxy_configuration_id
        self._noted = self._reached = position
        self._ids, self._queues = ids, queues
        self._timer: asyncio.TimerHandle | None = None

    def note(self, position: int) -> None:
        """Note a position; what was noted before it shares its commit, or was committed before."""
        self._reached = position
        self._write()

    def note_later(self, position: int, seconds: float) -> None:
        """Note a position, or one behind it, in so many s."""
        self._reached = position
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._write)

    def _write(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._reached > self._noted:
            self._noted = self._reached
            self._ids.note_again()
            self._queues.note_position(self._id, self._reached)
