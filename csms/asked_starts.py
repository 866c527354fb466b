"""Which session came of which start that was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.clock import Clock
from storage.operation_records import AskedStart
from storage.records import Transaction
from storage.repositories.remote_starts import RemoteStarts

# A driver may have to plug in first; 1.6 does not tell which start a session came of.
_LONGEST_WAY = timedelta(minutes=10)


class AskedStarts:
    """Give a session what came along with the start that it came of; raise StorageError."""

    def __init__(self, remote_starts: RemoteStarts, clock: Clock) -> None:
        self._remote_starts = remote_starts
        self._clock = clock

    async def named(self, begun: Transaction) -> Transaction:
        """Return a session bound by the number that it tells (OCPP 2.0.1 F01.FR.25)."""
        if begun.remote_start_id is None:
            return begun
        return self._bound(begun, await self._remote_starts.named(begun.key, begun.remote_start_id))

    async def like(self, begun: Transaction) -> Transaction:
        """Return a session bound by its token and EVSE, which is all that 1.6 tells."""
        if begun.id_token is None:
            return begun
        since = self._clock.now() - _LONGEST_WAY
        found = self._remote_starts.like(begun.key, begun.evse_id, begun.id_token, since)
        return self._bound(begun, await found)

    def _bound(self, begun: Transaction, asked: AskedStart | None) -> Transaction:
        if asked is None:
            return begun
        self._remote_starts.bind(asked, begun.transaction_id)
        details = dict(asked.details)
        return replace(begun, remote_start_id=asked.remote_start_id, remote_start=details)
