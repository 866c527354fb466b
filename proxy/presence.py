"""Be the charge point on a target's link: boot, show the connectors, send heartbeats.

All of this is our own hop's: the target's Boot has its own id, its interval drives our heartbeats,
its clock moves nobody's. What the charger said goes out only while the target has accepted it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from csms import frames
from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed, LinkError
from csms.frames import Call, Reply, Send
from proxy.boot import BootAnswer, boot_answer, boot_payload
from proxy.connectors import shown
from proxy.errands import Errands
from proxy.overlay import HEARTBEAT_INTERVAL
from proxy.states import State
from storage.records import Origin

if TYPE_CHECKING:
    from csms.link import Link
    from csms.ports import Answer
    from proxy.delivery import Delivery
    from proxy.pace import Pace
    from proxy.parts import RelayParts
    from proxy.timings import Timings
    from proxy.wishes import Wishes
    from storage.records import Charger, Cursor, ProxyConfiguration

log = structlog.get_logger("ringmain.target")

BOOT, HEARTBEAT = "BootNotification", "Heartbeat"
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
        wishes: Wishes,
        delivery: Delivery,
        pace: Pace,
        parts: RelayParts,
        enter: Callable[[State, str | None], None],
    ) -> None:
        self._configuration = configuration
        self.wishes = wishes
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
        self._accepted_at = float("-inf")  # by the event loop's clock
        self._nudge = asyncio.Event()
        self._triggered: set[str] = set()  # of our own hop's messages
        self._owed: deque[tuple[str, bytes]] = deque()  # what it asked of us, not of the charger
        self._errands = Errands()
        self._ahead: deque[tuple[Call, int]] = deque()  # what a pending target asked for
        self._interval = parts.timings.heartbeat_interval
        self._admitted = False  # on this link, by a Boot or without one
        self._skewed = False  # has been said
        self.boot_status: str | None = None

    def trigger(self, message: str) -> None:
        """Send ``BootNotification`` or ``Heartbeat`` soon."""
        self._triggered.add(message)
        self._nudge.set()

    def retime(self, timings: Timings) -> None:
        """Be as patient as the target orders by its link's keys."""
        self._timings = timings
        self._interval = timings.ordered_heartbeat or self._interval
        if self._admitted:  # and waits for the next heartbeat
            self._nudge.set()

    def tell(self, action: str, payload: bytes) -> None:
        """Call the target soon with what it has asked of us."""
        self._owed.append((action, payload))
        self._nudge.set()

    @property
    def owed(self) -> int:
        """Tell how many bytes the target has yet to be told of what it has asked of us."""
        return sum(len(payload) for _, payload in self._owed)

    def forgotten(self) -> None:
        """Boot anew: the target says that it does not know us (J errata 5.6, B01.FR.10).

        One that says so straight after it has accepted us would keep us booting for ever.
        """
        known_for = asyncio.get_running_loop().time() - self._accepted_at
        if self._admitted and known_for >= self._timings.boot_interval:
            self.trigger(BOOT)

    def overhear(self, call: Call, position: int) -> None:
        """Pass on at once what a target that has us pending has asked for."""
        if self.boot_status == "Pending" and self._errands.take(call.action):
            self._ahead.append((call, position))
            self._nudge.set()

    async def answer(self, call: Call | Send, position: int, answer: Answer) -> Reply:
        """Let ``answer`` serve the target's CALL, if the target may call at all."""
        if self.boot_status == "Rejected":
            return frames.call_error(call.id, "SecurityError", "The charger was rejected.")
        pending = self.boot_status == "Pending" or not self._admitted
        if pending and call.action in _NOT_WHILE_PENDING:
            return frames.call_result(call.id, b'{"status":"Rejected"}')
        reply = await answer(call, position)
        if self.boot_status == "Pending" and isinstance(call, Call):
            self._errands.note(call, reply)
        return reply

    async def run(self, link: Link) -> None:
        """Stand for the charger on this link; raise LinkClosed, NotStored or StorageError."""
        self.boot_status, self._admitted = None, False
        self._owed.clear()
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

    # ---- boot ----

    async def _must_boot(self) -> bool:
        wish = self.wishes.boot_on_reconnect
        if self._boot_is_due() or wish == "always":
            return True
        # Some systems end a running session when they see a Boot.
        running = await self._storage.transactions.running(self._configuration.key)
        return wish == "auto" and not running

    async def _boot(self, link: Link) -> None:
        await self._introduction()
        while not (answer := await self._ask(link)) or answer.status != "Accepted":
            self._enter(_WAITING[answer.status] if answer else State.BOOTING, None)
            interval = self._interval_of(answer, self._timings.boot_interval)
            await self._wait(link, self._pace.not_before(interval))
        self._booted = True
        timings = self._timings
        ordered = timings.ordered_heartbeat or timings.heartbeat_interval
        self._interval = self._interval_of(answer, ordered)
        if answer.interval:  # which is also what it reads of the key (OCPP 1.6 §4.2)
            overlays, seconds = self._storage.overlays, max(1, round(answer.interval))
            overlays.note_link(self._configuration.id, HEARTBEAT_INTERVAL, str(seconds))
        self._accepted_at = asyncio.get_running_loop().time()
        self._forget_errands()
        self._pace.begin_anew()
        configurations = self._storage.proxy_configurations
        configurations.note_booted(self._configuration.id, self._clock.now())

    def _interval_of(self, answer: BootAnswer | None, otherwise: float) -> float:
        named = answer.interval if answer is not None else None
        return max(named or otherwise, self._timings.shortest_interval)

    async def _introduction(self) -> None:
        """Give a charger nobody has seen yet a moment to boot, so that its own Boot is told."""
        if self._configuration.mode == "strict":  # it says nothing before its target is ready
            return
        if (await self._charger()).boot_payload is None:
            await self._nudged(self._timings.introduction)

    async def _ask(self, link: Link) -> BootAnswer | None:
        self._booted = False  # until the target has accepted it
        self._triggered.discard(BOOT)  # the charger may boot again before the answer is there
        self._nudge.clear()
        self._enter(State.BOOTING, None)
        payload = boot_payload(self._version, await self._charger())
        try:
            result = await link.call(BOOT, payload, timeout=self._timings.answer)
        except (CallRefused, AnswerTimeout, LinkBusy) as failure:
            self._failed(link, State.BOOTING, failure)
            return None
        answer = boot_answer(result, self._clock.now())
        self.boot_status = answer.status
        self._mind_clock(answer)
        return answer

    def _mind_clock(self, answer: BootAnswer) -> None:
        """Say once that the target's clock is off; nobody here is set by it."""
        if not self._skewed and answer.skew is not None and abs(answer.skew) > self._timings.skew:
            self._skewed = True
            charge_box_id = self._configuration.key.charge_box_id
            log.warning("target_clock", charge_box_id=charge_box_id, skew=round(answer.skew))

    async def _charger(self) -> Charger:
        await self._storage.journal.flush()
        charger = await self._storage.chargers.get(self._configuration.key)
        if charger is None:
            raise LinkClosed(_NORMAL, "the charger was deleted")
        return charger

    # ---- while the target has not accepted us ----

    async def _wait(self, link: Link, seconds: float) -> None:
        """Say nothing but what is asked for, until it is time for another Boot."""
        now = asyncio.get_running_loop().time
        until = now() + seconds
        while BOOT not in self._triggered and await self._asked(until - now()):
            while self._ahead:
                await self._pass_on(link, *self._ahead.popleft())
            await self._say_owed(link)
            await self._say_triggered(link)

    async def _pass_on(self, link: Link, call: Call, position: int) -> None:
        payload = await self._delivery.ids.to_target(call.action, call.payload)
        if payload is not None and await self._say(link, call.action, payload, Origin(position)):
            self._delivery.overtaken(position)

    def _forget_errands(self) -> None:
        # Nothing more may overtake; what was not passed on waits in its place.
        self._errands.forget()
        self._ahead.clear()

    # ---- while it has ----

    async def _show_connectors(self, link: Link) -> None:
        await self._storage.journal.flush()
        statuses = await self._storage.chargers.connectors(self._configuration.key)
        for message in shown(self._version, statuses):
            await self._say(link, *message)

    async def _beat(self, link: Link) -> None:
        """Send heartbeats where nothing else was sent, until another Boot is due."""
        now = asyncio.get_running_loop().time
        latest = now()
        while not self._boot_is_due():
            sent = link.traffic.frames_sent
            await self._asked(self._interval)
            await self._say_owed(link)
            if self._boot_is_due():
                return
            silent = link.traffic.frames_sent == sent
            if silent or now() - latest > self._timings.rarest_heartbeat:
                self._triggered.add(HEARTBEAT)
            if HEARTBEAT in self._triggered:
                await self._say_triggered(link)
                latest = now()

    def _boot_is_due(self) -> bool:
        return not self._booted or BOOT in self._triggered

    async def _say_owed(self, link: Link) -> None:
        while self._owed:
            await self._say(link, *self._owed.popleft())

    async def _say_triggered(self, link: Link) -> None:
        if HEARTBEAT in self._triggered:
            self._triggered.discard(HEARTBEAT)
            await self._say(link, HEARTBEAT, b"{}")

    async def _say(
        self, link: Link, action: str, payload: bytes, origin: Origin | None = None
    ) -> bool:
        """Say something once; tell whether it was taken."""
        try:
            await link.call(action, payload, timeout=self._timings.answer, note=origin)
        except (CallRefused, AnswerTimeout, LinkBusy) as failure:
            self._failed(link, _WAITING.get(self.boot_status or "", State.READY), failure)
            return False
        return True

    def _failed(self, link: Link, state: State, failure: LinkError) -> None:
        self._enter(state, str(failure))
        if isinstance(failure, AnswerTimeout):
            self._delivery.silence.noted(link)

    async def _asked(self, seconds: float) -> bool:
        """Wait until something is to be said, where nothing is left from before; tell whether."""
        left = self._ahead or self._owed or HEARTBEAT in self._triggered
        return bool(left) or await self._nudged(seconds)

    async def _nudged(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._nudge.wait()
        except TimeoutError:
            return False
        self._nudge.clear()
        return True
