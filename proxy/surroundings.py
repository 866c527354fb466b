"""What a charger's seat in the proxy needs of its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from csms.tallies import LinkTally
    from proxy.auditing import TargetAudit
    from proxy.pace import Crowd, Paces
    from proxy.parts import RelayParts
    from proxy.queues import Queues
    from proxy.seat import Seat
    from storage.records import Cursor, ProxyConfiguration


class Surroundings(Protocol):
    """Name what all seats share."""

    parts: RelayParts
    audit: TargetAudit
    crowd: Crowd
    paces: Paces
    queues: Queues
    links: LinkTally

    def forget(self, seat: Seat) -> None:
        """Let go of a seat whose charger stays away."""

    async def cursor(self, configuration: ProxyConfiguration) -> Cursor:
        """Return how far a target has got; raise StorageError."""
