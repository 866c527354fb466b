"""Answer at once and let the target hear of it; where the target has a say, ask it for a while.

The platform always has an answer, so no charger feels a slow or absent target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from csms.errors import NotStored
from csms.frames import Call, CallResult, Reply
from csms.profiles import JUDGED
from proxy import authority, policy
from proxy.authority import under
from proxy.judge import Judge
from proxy.policy import Hearing
from proxy.routes import TO_TARGET, Foreign
from storage.errors import StorageError

if TYPE_CHECKING:
    from csms.registry import Connection
    from proxy.entries import Waiter
    from proxy.parts import RelayParts
    from proxy.target import TargetLink

_BOOT = "BootNotification"
# What answers a request, maybe of somebody else: such it is not the target's to hear.
_ANSWERS: Mapping[str, frozenset[str]] = {
    version: frozenset(
        action
        for action, ids in told.items()
        if any(one.foreign is Foreign.WITHHELD for one in ids)
    )
    for version, told in TO_TARGET.items()
}


class Hybrid:
    """Serve one charger by our answers, and its target's where they count."""

    def __init__(self, connection: Connection, parts: RelayParts) -> None:
        self._station = connection.station
        self._version = version = connection.station.version
        self._ours, self._answers = policy.OURS[version], _ANSWERS[version]
        self._judge = Judge(connection.key, self._version, parts)
        self._timings = parts.timings

    async def answer(self, call: Call, position: int, target: TargetLink) -> Reply:
        """Answer the charger; raise NotStored or StorageError where the books cannot be read."""
        ours = await self._station.answer(call, position)
        action, delivery = call.action, target.delivery
        if action in self._answers and not await delivery.ids.concerns_target(action, call.payload):
            delivery.pass_by(position)  # so that nobody counts it among what waits
            return ours
        # One CALL is served at a time, so the queue has the charger's order.
        theirs = delivery.offer(position, call, ours)
        target.overhear(call, position)
        if action == _BOOT:
            target.trigger(_BOOT)
        if action in self._ours:
            return ours
        return await self._answered(call, ours, theirs, target)

    async def answer_again(self, call: Call, position: int, target: TargetLink) -> Reply:
        """Answer what the target has heard already; raise NotStored."""
        ours = await self._station.answer(call, position)
        return await self._answered(call, ours, None, target)

    async def _answered(
        self, call: Call, ours: Reply, theirs: Waiter | None, target: TargetLink
    ) -> Reply:
        if not authority.consults(self._version, call.action, call.fields):
            return ours
        try:
            return await self._joined(call, ours, theirs, target)
        except StorageError as cause:
            raise NotStored from cause

    async def _joined(
        self, call: Call, ours: Reply, theirs: Waiter | None, target: TargetLink
    ) -> Reply:
        if target.wishes.authority == "platform":
            return ours  # the target is told all the same
        token = authority.id_token(self._version, call.action, call.fields)
        if isinstance(ours, CallResult) and token is not None:
            judged = await self._judged(call, ours, theirs, token, target)
            if call.action in JUDGED:
                self._station.profiles.judged(call.fields, orjson.loads(judged.payload))
            return judged
        reply = await self._heard(theirs)
        if isinstance(ours, CallResult) and isinstance(reply, CallResult):
            return authority.merge(self._version, call.action, ours, reply)
        live = policy.rule(self._version, call.action).hearing is Hearing.LIVE
        return under(call.id, reply) if reply is not None and live else ours

    async def _judged(
        self, call: Call, ours: CallResult, theirs: Waiter | None, token: str, target: TargetLink
    ) -> CallResult:
        wishes = target.wishes
        ours_first = wishes.authority == "platform_then_target"
        if ours_first and await self._judge.knows(token):
            return self._judge.accepted(call, ours)
        if ours_first and await self._judge.lists(token):
            return ours
        heard = await self._heard(theirs)
        remote = await target.delivery.ids.started(call.action, call.payload)
        return await self._judge.judged(call, ours, heard, token, wishes, remote=remote)

    async def _heard(self, theirs: Waiter | None) -> Reply | None:
        if theirs is None:
            return None
        try:
            async with asyncio.timeout(self._timings.ask):
                return await theirs
        except TimeoutError:
            return None
