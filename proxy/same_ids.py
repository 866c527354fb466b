"""Leave ids as they are: what a strict target says the charger hears, and the other way round.

Only a session that began under an id of ours, before its owner chose strict mode, is still mapped.
"""

from __future__ import annotations

from proxy.ledger import IdMap, decimal
from proxy.routes import Ordered, Told


class SameIds(IdMap):
    """Translate known pairs and let everything else pass byte for byte."""

    async def _their_id(self, told: Told, raw: bytes) -> str | None:
        return await super()._their_id(told, raw) or raw.decode()

    async def _our_id(self, ordered: Ordered, raw: bytes) -> str | None:
        theirs = decimal(raw)
        known = None if theirs is None else await self._known(ordered.kind, theirs)
        return known or raw.decode()
