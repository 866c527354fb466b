"""Let the target answer everything live: no queue, no ids of our own (OCPP 2.0.1 Part 4 §6.3).

Where the target is not there the charger is not either, so that it queues by itself. What concerns
the charger's own link stays ours: its Boot, its Heartbeats, its certificate (ADR 0012).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed
from csms.frames import Call, CallResult, Reply
from csms.link import INTERNAL_ERROR, TRY_AGAIN_LATER
from proxy import policy
from proxy.authority import readable, under
from proxy.entries import BEGINS
from proxy.ledger import transaction_id
from proxy.policy import Hearing

if TYPE_CHECKING:
    from csms.registry import Connection
    from proxy.parts import RelayParts
    from proxy.target import TargetLink

_BOOT = "BootNotification"


class Strict:
    """Serve one charger by its target's answers."""

    def __init__(self, connection: Connection, parts: RelayParts) -> None:
        self._link = connection.link
        self._station = connection.station
        self._timings = parts.timings

    async def admit(self, target: TargetLink) -> None:
        """Wait until the target is ready, or hang up: the charger comes again, not at once.

        Raises Replaced.
        """
        try:
            async with asyncio.timeout(self._timings.ask):
                await target.ready()
        except (TimeoutError, LinkClosed):
            self.turn_away()

    def turn_away(self) -> None:
        """Hang up, because the target is not there."""
        self._link.hang_up(TRY_AGAIN_LATER, "the target is not available")

    async def answer(self, call: Call, position: int, target: TargetLink) -> Reply:
        """Answer as the target does; raise LinkClosed, having hung up, where it does not.

        Raises Replaced where another target has to be asked.
        """
        if policy.rule(self._station.version, call.action).hearing is Hearing.NEVER:
            return await self._own(call, position, target)
        reply = await self._theirs(call, position, target)
        if reply is None:  # it answers the platform
            return await self._station.answer(call, position)
        if isinstance(reply, CallResult):
            await self._station.witness(call, reply)
        return reply

    async def answer_again(self, call: Call, position: int, target: TargetLink) -> Reply:
        """Answer what was said before and not answered; raise LinkClosed as ``answer`` does."""
        return await self.answer(call, position, target)

    async def _own(self, call: Call, position: int, target: TargetLink) -> Reply:
        ours = await self._station.answer(call, position)
        if call.action == _BOOT:
            target.trigger(_BOOT)
        return ours

    async def _theirs(self, call: Call, position: int, target: TargetLink) -> Reply | None:
        # The usual case, and before anything is awaited: in the very commit that stores the
        # message the queue has passed it, so that it is never delivered behind the charger's back.
        if not target.is_ready:
            await self._wait_for(target, position)
        target.delivery.pass_by(position)
        try:
            async with asyncio.timeout(self._timings.ask):
                result = await self._passed_on(call, position, target)
        except CallRefused as refused:
            return under(call.id, refused.error)
        except (TimeoutError, AnswerTimeout, LinkBusy, LinkClosed) as failure:
            if isinstance(failure, TimeoutError | AnswerTimeout):
                target.unanswered()
            self._link.hang_up(INTERNAL_ERROR, "the target did not answer")
            raise LinkClosed(INTERNAL_ERROR) from None
        if result is None:
            return None
        _keep_id(call, result, target)
        return under(call.id, readable(self._station.version, call.action, result))

    async def _wait_for(self, target: TargetLink, position: int) -> None:
        try:
            async with asyncio.timeout(self._timings.ask):
                await target.ready()
        except (TimeoutError, LinkClosed):
            target.delivery.pass_by(position)
            self.turn_away()
            raise LinkClosed(TRY_AGAIN_LATER) from None

    async def _passed_on(self, call: Call, position: int, target: TargetLink) -> CallResult | None:
        payload = await target.delivery.ids.to_target(call.action, call.payload)
        if payload is None:
            return None
        return await target.call(call, payload, position, self._timings.ask)


def _keep_id(call: Call, result: CallResult, target: TargetLink) -> None:
    # The session goes on where its owner chooses hybrid mode in the middle of it.
    theirs = transaction_id(result.payload) if call.action == BEGINS else None
    if theirs is not None and int(theirs) > 0:
        target.delivery.ids.learn(theirs, theirs)
