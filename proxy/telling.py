"""What a target is told of one message of the charger, if it is told at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.entries import BEGINS
from proxy.errors import NotTaken
from proxy.ledger import transaction_id
from proxy.offline import told_late
from proxy.policy import Hearing

if TYPE_CHECKING:
    from proxy.entries import Entry
    from proxy.ledger import IdMap
    from proxy.wishes import OrphanPolicy

ORPHAN = "orphan"
_OF_TRANSACTION = frozenset({"StopTransaction", "MeterValues"})
_FOREIGN = "It was said in another OCPP version."


class Telling:
    """Make the target's copies of what the charger says in one OCPP version."""

    def __init__(self, version: str, ids: IdMap, orphans: OrphanPolicy) -> None:
        self._version = version
        self._ids = ids
        self.orphans: OrphanPolicy = orphans

    async def wanted(self, entry: Entry, live_from: int) -> bool:
        """Tell whether the target is told; what came behind ``live_from`` is news to it.

        Raises NotTaken where nobody can tell it.
        """
        if entry.version != self._version and entry.durable:
            raise NotTaken(_FOREIGN, 0)  # the charger came back with another version
        if entry.action == BEGINS:
            # Where we gave no id the charger begins again; what it repeats, the target has begun.
            return entry.ours is not None and await self._ids.theirs(entry.ours) is None
        live = entry.version == self._version and entry.seq > live_from
        hearing = entry.hearing
        if hearing is Hearing.LIVE:
            return live and entry.awaited
        return hearing is Hearing.DURABLE or (hearing is Hearing.LATEST and live)

    async def withheld(self, entry: Entry) -> bool:
        """Tell whether it is of a transaction that the target never took, and stays here."""
        if self.orphans != "skip" or entry.action not in _OF_TRANSACTION:
            return False
        ours = transaction_id(entry.payload)
        return ours is not None and int(ours) > 0 and await self._ids.theirs(ours) is None

    async def copy(self, entry: Entry, live_from: int) -> bytes | None:
        """Return the payload with the target's ids, None where it answers somebody else."""
        payload = await self._ids.to_target(entry.action, entry.payload)
        if payload is None or entry.seq > live_from:
            return payload
        return told_late(entry.action, payload)
