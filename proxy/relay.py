"""Answer what one connected charger calls: alone, together with its target, or through it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

from csms.errors import LinkClosed, NotStored
from csms.frames import Call, CallError, Reply, Send
from proxy.authority import under
from proxy.errors import Replaced
from proxy.hybrid import Hybrid
from proxy.repeats import REPEATED, Repeats
from proxy.strict import Strict
from storage.errors import StorageError

if TYPE_CHECKING:
    from csms.registry import Connection
    from proxy.parts import RelayParts
    from proxy.target import TargetLink


class Relay:
    """Serve one connected charger, and its target where it has one."""

    def __init__(self, connection: Connection, parts: RelayParts) -> None:
        """Serve without a target at first."""
        self.connection = connection
        self._station = connection.station
        self._target: TargetLink | None = None
        self._changed = asyncio.Event()
        self._answering = False
        self._answered: asyncio.Event | None = None  # where somebody waits for that
        self._patience = parts.timings.ask
        self._repeats = Repeats(connection.key, connection.station.dialect, parts.storage.journal)
        self._hybrid, self._strict = Hybrid(connection, parts), Strict(connection, parts)
        self._ways: Mapping[str, Hybrid | Strict] = {
            "hybrid": self._hybrid,
            "strict": self._strict,
        }

    @property
    def target(self) -> TargetLink | None:
        """Return the target that the charger has now."""
        return self._target

    @target.setter
    def target(self, target: TargetLink | None) -> None:
        self._target = target
        self._changed.set()
        self._changed = asyncio.Event()

    async def answer(self, call: Call | Send, position: int) -> Reply:
        """Answer the charger; raise NotStored where the books cannot be read.

        What a charger says belongs to the target that it has in this moment, however soon the
        configuration changes; only what a strict target can answer no more goes to the next.
        """
        self._answering = True
        try:
            if call.action in REPEATED and isinstance(call, Call):
                reply = await self._first_or_again(call, position)
            else:
                reply = await self._once(call, position)
        except BaseException as fault:
            self._missed(call, position)
            if isinstance(fault, StorageError):
                raise NotStored from fault
            raise
        finally:
            self._answering = False
            if self._answered is not None:
                self._answered.set()
        return reply

    async def quiet(self) -> None:
        """Wait until no CALL is without its answer, but for one that waits for another target.

        The answer is in the log before anybody else has a turn.
        """
        target = self._target
        while self._answering and (target is None or target.configuration.mode == "hybrid"):
            self._answered = asyncio.Event()
            await self._answered.wait()

    def _missed(self, call: Call | Send, position: int) -> None:
        """Have a message delivered whose link ended before it was queued.

        It is stored, so what the charger says again will be taken for its repeat.
        """
        target = self._target
        if target is not None and target.configuration.mode == "hybrid" and isinstance(call, Call):
            target.delivery.missed(position)

    def _once(self, call: Call | Send, position: int) -> Awaitable[Reply]:
        """Return what answers where nothing of it was said before."""
        target = self._target
        if isinstance(call, Send):
            return self._unanswered(call, position, target)
        if target is None:
            return self._station.answer(call, position)
        if target.configuration.mode == "hybrid":
            return self._hybrid.answer(call, position, target)
        return self._strictly(call, position, target)

    async def _unanswered(self, sent: Send, position: int, target: TargetLink | None) -> Reply:
        """Take what is never answered; the target has it at once or not at all (2.1)."""
        if target is not None and sent.action in self._station.schemas.sends:
            target.send(sent, position)
        return await self._station.answer(sent, position)

    async def _strictly(self, call: Call, position: int, target: TargetLink) -> Reply:
        try:
            return await self._strict.answer(call, position, target)
        except Replaced:
            await self._another(target)
        return await self._once(call, position)

    async def _first_or_again(self, call: Call, position: int) -> Reply:
        first = await self._repeats.repeated(call, position)
        if first is not None:
            return await self._again(call, position, first)
        reply = await self._once(call, position)
        if isinstance(reply, CallError):
            self._repeats.refused(call)
        return reply

    async def _again(self, call: Call, position: int, first: int) -> Reply:
        """Answer what was said before as it was answered then; nobody hears it twice.

        What a strict target did not answer may be new to it where it is strict no more.
        """
        stored = await self._repeats.answer_to(first)
        if stored is None and await self._is_untold(call, position):
            return await self._once(call, position)
        if self._target is not None:
            self._target.delivery.pass_by(position)
        if stored is not None:
            return under(call.id, stored)
        while (target := self._target) is not None:
            try:
                way = self._ways[target.configuration.mode]
                return await way.answer_again(call, position, target)
            except Replaced:
                await self._another(target)
        return await self._station.answer(call, position)

    async def _is_untold(self, call: Call, position: int) -> bool:
        said = await self._repeats.unanswered(call, position)
        target = self._target
        if not said or target is None or target.configuration.mode != "hybrid":
            return False
        return await target.delivery.are_untold(said, position)

    # ---- strict mode ----

    async def admit(self) -> None:
        """Let the charger in, or hang up where its target must be ready for it and is not."""
        while (target := self._target) is not None and target.configuration.mode == "strict":
            try:
                return await self._strict.admit(target)
            except Replaced:
                await self._another(target)
        return None

    def lost(self) -> None:
        """Hang up where the charger must not be without its target."""
        if self._target is not None and self._target.configuration.mode == "strict":
            self._strict.turn_away()

    async def _another(self, target: TargetLink) -> None:
        try:
            async with asyncio.timeout(self._patience):
                while self._target is target:
                    await self._changed.wait()
        except TimeoutError:
            self._strict.turn_away()
            raise LinkClosed from None
