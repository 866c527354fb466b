"""Cross a charger's link with its target's: what one link calls, the other answers.

The platform always has an answer for the charger; where the target has a say it is asked too, for
a while, and both answers are joined. What the target asks of the charger: `proxy/orders.py`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from csms import frames
from csms.errors import NotStored
from csms.frames import Call, CallError, CallResult, Reply, Send
from proxy import authority, policy
from proxy.policy import Hearing
from storage.errors import StorageError

if TYPE_CHECKING:
    from csms.registry import Connection
    from proxy.parts import RelayParts
    from proxy.target import TargetLink

_BOOT = "BootNotification"


class Relay:
    """Serve one connected charger, and its target where it has one."""

    def __init__(
        self, connection: Connection, parts: RelayParts, target: TargetLink | None = None
    ) -> None:
        self.connection = connection
        self.target = target
        self._version = connection.station.version
        self._tokens = parts.storage.id_tokens
        self._clock = parts.clock
        self._timings = parts.timings

    # ---- what the charger calls ----

    async def answer(self, call: Call | Send, position: int) -> Reply:
        """Answer the charger; raise NotStored where the books cannot be read."""
        ours = await self.connection.station.answer(call, position)
        target = self.target
        if target is None or isinstance(call, Send):
            return ours
        # Nothing is awaited in between, so that the queue has the charger's order.
        theirs = target.delivery.offer(position, call, ours)
        if call.action == _BOOT:
            target.trigger(_BOOT)
        if not authority.consults(self._version, call.action, call.fields):
            return ours
        try:
            return await self._joined(call, ours, await self._heard(theirs))
        except StorageError as cause:
            raise NotStored from cause

    async def _heard(self, theirs: asyncio.Future[Reply | None] | None) -> Reply | None:
        if theirs is None:
            return None
        try:
            async with asyncio.timeout(self._timings.ask):
                return await theirs
        except TimeoutError:
            return None

    async def _joined(self, call: Call, ours: Reply, theirs: Reply | None) -> Reply:
        token = authority.id_token(self._version, call.action, call.fields)
        if isinstance(ours, CallResult) and token is not None:
            return await self._judged(call, ours, theirs, token)
        if isinstance(ours, CallResult) and isinstance(theirs, CallResult):
            return authority.merge(self._version, call.action, ours, theirs)
        live = policy.rule(self._version, call.action).hearing is Hearing.LIVE
        return under(call.id, theirs) if theirs is not None and live else ours

    async def _judged(
        self, call: Call, ours: CallResult, theirs: Reply | None, token: str
    ) -> CallResult:
        version, action, answer = self._version, call.action, ours
        verdict = None
        if isinstance(theirs, CallResult):
            verdict = authority.verdict_of(version, action, theirs.fields)
            answer = authority.merge(version, action, ours, theirs)
        key, now = self.connection.key, self._clock.now()
        since = now - timedelta(seconds=self._timings.known_token)
        if verdict == "Accepted":
            self._tokens.note_accepted(key, token, "target", now)
        if await self._tokens.accepted_since(key, token, since, "platform"):
            return authority.fallback(version, action, answer, accepted=True)
        if verdict is None:
            known = await self._tokens.accepted_since(key, token, since, "target")
            return authority.fallback(version, action, ours, accepted=known)
        return answer


def under(id: str, reply: Reply) -> Reply:
    """Return a reply under another message id."""
    if isinstance(reply, CallError):
        return frames.call_error(id, reply.code, reply.description, reply.details)
    return frames.call_result(id, reply.payload, reply.fields)
