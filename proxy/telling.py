"""What a target is told of one message of the charger, if it is told at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.entries import BEGINS
from proxy.errors import NotTaken
from proxy.ledger import transaction_id
from proxy.offline import told_late
from proxy.overtaken import told_since
from proxy.policy import DURABLE, LATEST, LIVE

if TYPE_CHECKING:
    from proxy.entries import Entry
    from proxy.ledger import IdMap
    from proxy.wishes import OrphanPolicy

ORPHAN, OVERTAKEN = "orphan", "overtaken"
_OF_TRANSACTION = frozenset({"StopTransaction", "MeterValues"})
_FOREIGN = "It was said in another OCPP version."


class Telling:
    """Make the target's copies of what the charger says in one OCPP version.

    ``withhold`` is called with what stays here, and why: it belongs to a transaction that the
    target never took, and its owner wants that; or it tells statuses that have been overtaken.
    """

    def __init__(
        self,
        version: str,
        ids: IdMap,
        orphans: OrphanPolicy,
        withhold: Callable[[Entry, str], None],
    ) -> None:
        self._version = version
        self._ids = ids
        self.orphans: OrphanPolicy = orphans
        self._withhold = withhold

    async def copy_of(self, entry: Entry, live_from: int) -> bytes | None:
        """Return the payload with the target's ids, None where the target is not told.

        What came behind ``live_from`` is news to it. Raises NotTaken where nobody can tell it.
        """
        live = entry.seq > live_from
        durable = entry.hearing is DURABLE
        if durable and entry.version != self._version:
            raise NotTaken(_FOREIGN, 0)  # the charger came back with another version
        if entry.action == BEGINS:
            if not await self._is_new(entry):
                return None
        elif not durable:
            if not live or not self._is_news(entry):
                return None
        elif self.orphans == "skip" and await self._is_orphan(entry):
            self._withhold(entry, ORPHAN)
            return None
        if not live:
            return await self._late(entry)
        return await self._ids.to_target(entry.action, entry.payload)

    async def _late(self, entry: Entry) -> bytes | None:
        left = told_since(self._version, entry.action, entry.payload)
        if left is None:
            self._withhold(entry, OVERTAKEN)
            return None
        payload = await self._ids.to_target(entry.action, left)
        return None if payload is None else told_late(entry.action, payload)

    def _is_news(self, entry: Entry) -> bool:
        """Tell whether a target is told of what it hears at once or never."""
        heard = entry.hearing is LATEST or (entry.hearing is LIVE and entry.awaited)
        return heard and entry.version == self._version

    async def _is_new(self, start: Entry) -> bool:
        # Where we gave no id the charger begins again; what it repeats, the target has begun.
        return start.ours is not None and await self._ids.theirs(start.ours) is None

    async def _is_orphan(self, entry: Entry) -> bool:
        if entry.action not in _OF_TRANSACTION:
            return False
        ours = transaction_id(entry.payload)
        return ours is not None and int(ours) > 0 and await self._ids.theirs(ours) is None
