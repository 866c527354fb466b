"""Leave ids as they are: what a strict target says the charger hears, and the other way round.

Only a session that began under an id of ours, before its owner chose strict mode, is still mapped.
Of requests it is remembered that the target made them: what answers the platform's own must not
reach it (OCPP 2.0.1 Part 4 §6.4).
"""

from __future__ import annotations

from proxy.ledger import IdMap, decimal
from proxy.routes import Ordered, Told
from proxy.splice import Path


class SameIds(IdMap):
    """Translate known pairs and let everything else pass byte for byte."""

    async def _their_id(self, told: Told, raw: bytes) -> str | None:
        known = await super()._their_id(told, raw)
        if known is None and told.kind == "request":
            return None
        return raw.decode() if known in (None, decimal(raw)) else known

    async def _own_entry(self, told: Told, path: Path, entry: bytes) -> bytes:
        return await super()._own_entry(told, path, entry) or entry

    async def _our_id(self, ordered: Ordered, raw: bytes) -> str | None:
        theirs = decimal(raw)
        if theirs is None:
            return raw.decode()
        known = await self._known(ordered.kind, theirs)
        if known is None and ordered.kind == "request":
            self._note(ordered.kind, theirs, theirs)
        return raw.decode() if known in (None, theirs) else known
