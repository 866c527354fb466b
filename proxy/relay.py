"""Answer what one connected charger calls: alone, together with its target, or through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csms.errors import NotStored
from csms.frames import Call, CallError, Reply, Send
from proxy.authority import under
from proxy.hybrid import Hybrid
from proxy.repeats import Repeats
from proxy.strict import Strict
from storage.errors import StorageError

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
        self._repeats = Repeats(connection.key, connection.station.dialect, parts.storage.journal)
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
        if isinstance(call, Send):
            return await self.connection.station.answer(call, position)
        try:
            first = await self._repeats.repeated(call, position)
            if first is not None:
                return await self._again(call, position, first)
        except StorageError as cause:
            raise NotStored from cause
        reply = await self._once(call, position)
        if isinstance(reply, CallError):
            self._repeats.refused(call)
        return reply

    async def _once(self, call: Call, position: int) -> Reply:
        target = self.target
        if target is None:
            return await self.connection.station.answer(call, position)
        return await self._ways[target.configuration.mode].answer(call, position, target)

    async def _again(self, call: Call, position: int, first: int) -> Reply:
        """Answer what was said before as it was answered then; nobody hears it twice."""
        target = self.target
        if target is not None:
            target.delivery.pass_by(position)
        if stored := await self._repeats.answer_to(first):
            return under(call.id, stored)
        if target is None:
            return await self.connection.station.answer(call, position)
        return await self._ways[target.configuration.mode].answer_again(call, position, target)

    async def admit(self) -> None:
        """Let the charger in, or hang up where its target must be ready for it and is not."""
        if self.target is not None and self.target.configuration.mode == "strict":
            await self._strict.admit(self.target)

    def lost(self) -> None:
        """Hang up where the charger must not be without its target."""
        if self.target is not None and self.target.configuration.mode == "strict":
            self._strict.turn_away()
