"""Be the charge point on a target's link: boot, show the connectors, send heartbeats.

All of this is our own hop's: the target's Boot has its own id, its interval drives our heartbeats,
its clock moves nobody's. What the charger said goes out only while the target has accepted it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from csms import frames
from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed
from csms.frames import Call, Reply, Send
from proxy.boot import BootAnswer, boot_answer, boot_payload, speaks
from proxy.states import State

if TYPE_CHECKING:
    from csms.link import Answer, Link
    from proxy.delivery import Delivery
    from proxy.pace import Pace
    from proxy.parts import RelayParts
    from storage.records import Charger, Cursor, ProxyConfiguration

_WAITING = {"Pending": State.PENDING, "Rejected": State.REJECTED}
# No transactions before the target has accepted us (OCPP 1.6 §4.2, 2.0.1 B02).
_NOT_WHILE_PENDING = frozenset(
    {
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "RequestStartTransaction",
        "RequestStopTransaction",
    }
)
_NORMAL = 1000


class Presence:
    """Stand for one charger at its target, on one link after the other."""

    def __init__(
        self,
        configuration: ProxyConfiguration,
        cursor: Cursor,
        version: str,
        *,
        delivery: Delivery,
        pace: Pace,
        parts: RelayParts,
        enter: Callable[[State, str | None], None],
    ) -> None:
        self._configuration = configuration
        self._version = version
        self._delivery = delivery
        self._pace = pace
        self._storage = parts.storage
        self._clock = parts.clock
        self._timings = parts.timings
        self._enter = enter
        # A changed configuration may lead to another system, which has yet to hear our Boot.
        at = cursor.booted_at
        self._booted = at is not None and at >= configuration.updated_at
        self._nudge = asyncio.Event()
        self._interval = parts.timings.heartbeat_interval
        self._admitted = False  # on this link, by a Boot or without one
        self.boot_status: str | None = None

    def trigger(self, message: str) -> None:
        """Send ``BootNotification`` or ``Heartbeat`` soon."""
        self._booted = self._booted and message != "BootNotification"
        self._nudge.set()

    async def answer(self, call: Call | Send, position: int, answer: Answer) -> Reply:
        """Let ``answer`` serve the target's CALL, if the target may call at all."""
        if self.boot_status == "Rejected":
            return frames.call_error(call.id, "SecurityError", "The charger was rejected.")
        pending = self.boot_status == "Pending" or not self._admitted
        if pending and call.action in _NOT_WHILE_PENDING:
            return frames.call_result(call.id, b'{"status":"Rejected"}')
        return await answer(call, position)

    async def run(self, link: Link) -> None:
        """Stand for the charger on this link; raise LinkClosed, NotStored or StorageError."""
        self.boot_status, self._admitted = None, False
        if await self._must_boot():
            await self._boot(link)
        self._admitted = True
        while True:
            self._delivery.listen()
            self._enter(State.READY, None)
            await self._show_connectors(link)
            self._delivery.flow()
            await self._beat(link)
            self._delivery.hold()
            await self._boot(link)

    async def _must_boot(self) -> bool:
        wish = self._configuration.policy.get("boot_on_reconnect", "auto")
        if not self._booted or wish == "always":
            return True
        # Some systems end a running session when they see a Boot.
        running = await self._storage.transactions.running(self._configuration.key)
        return wish == "auto" and not running

    async def _boot(self, link: Link) -> None:
        await self._introduction()
        while not (answer := await self._ask(link)) or answer.status != "Accepted":
            self._booted = False
            self._enter(_WAITING[answer.status] if answer else State.BOOTING, None)
            interval = self._interval_of(answer, self._timings.boot_interval)
            await self._nudged(self._pace.not_before(interval))
        self._interval = self._interval_of(answer, self._timings.heartbeat_interval)
        self._pace.accepted()
        configurations = self._storage.proxy_configurations
        configurations.note_booted(self._configuration.id, self._clock.now())

    def _interval_of(self, answer: BootAnswer | None, otherwise: float) -> float:
        named = answer.interval if answer is not None else None
        return max(named or otherwise, self._timings.shortest_interval)

    async def _introduction(self) -> None:
        """Give a charger nobody has seen yet a moment to boot, so that its own Boot is told."""
        if (await self._charger()).boot_payload is None:
            await self._nudged(self._timings.introduction)

    async def _ask(self, link: Link) -> BootAnswer | None:
        self._booted = True  # unless the charger boots again before the answer is there
        self._nudge.clear()
        self._enter(State.BOOTING, None)
        payload = boot_payload(self._version, await self._charger())
        try:
            result = await link.call("BootNotification", payload, timeout=self._timings.answer)
        except (CallRefused, AnswerTimeout, LinkBusy) as failure:
            self._enter(State.BOOTING, str(failure))
            return None
        answer = boot_answer(result)
        self.boot_status = answer.status
        return answer

    async def _charger(self) -> Charger:
        await self._storage.journal.flush()
        charger = await self._storage.chargers.get(self._configuration.key)
        if charger is None:
            raise LinkClosed(_NORMAL, "the charger was deleted")
        return charger

    async def _show_connectors(self, link: Link) -> None:
        await self._storage.journal.flush()
        for status in await self._storage.chargers.connectors(self._configuration.key):
            if speaks(self._version, status):
                await self._say(link, "StatusNotification", status.payload)

    async def _beat(self, link: Link) -> None:
        """Send heartbeats where nothing else was sent, until another Boot is due."""
        now = asyncio.get_running_loop().time
        latest = now()
        while not self._boot_is_due():
            sent = link.traffic.frames_sent
            triggered = await self._nudged(self._interval)
            silent = link.traffic.frames_sent == sent
            overdue = now() - latest > self._timings.rarest_heartbeat
            if (triggered or silent or overdue) and not self._boot_is_due():
                await self._say(link, "Heartbeat", b"{}")
                latest = now()

    def _boot_is_due(self) -> bool:
        return not self._booted

    async def _say(self, link: Link, action: str, payload: bytes) -> None:
        try:
            await link.call(action, payload, timeout=self._timings.answer)
        except (CallRefused, AnswerTimeout, LinkBusy) as failure:
            self._enter(State.READY, str(failure))

    async def _nudged(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._nudge.wait()
        except TimeoutError:
            return False
        self._nudge.clear()
        return True
