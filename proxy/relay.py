"""Answer what one connected charger calls: alone, together with its target, or through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csms.frames import Call, Reply, Send
from proxy.hybrid import Hybrid
from proxy.strict import Strict

if TYPE_CHECKING:
    from csms.registry import Connection
    from proxy.parts import RelayParts
    from proxy.target import TargetLink


class Relay:
    """Serve one connected charger, and its target where it has one."""

    def __init__(
        self, connection: Connection, parts: RelayParts, target: TargetLink | None = None
    ) -> None:
        self.connection = connection
        self.target = target
        self._strict = Strict(connection, parts)
        self._ways: Mapping[str, Hybrid | Strict] = {
            "hybrid": Hybrid(connection, parts),
            "strict": self._strict,
        }

    async def answer(self, call: Call | Send, position: int) -> Reply:
        """Answer the charger; raise NotStored where the books cannot be read.

        What a charger says belongs to the target that it has in this moment: to no other, however
        soon the configuration changes.
        """
        target = self.target
        if target is None or isinstance(call, Send):
            return await self.connection.station.answer(call, position)
        return await self._ways[target.configuration.mode].answer(call, position, target)

    async def admit(self) -> None:
        """Let the charger in, or hang up where its target must be ready for it and is not."""
        if self.target is not None and self.target.configuration.mode == "strict":
            await self._strict.admit(self.target)

    def lost(self) -> None:
        """Hang up where the charger must not be without its target."""
        if self.target is not None and self.target.configuration.mode == "strict":
            self._strict.turn_away()
