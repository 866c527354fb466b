"""One target of one charger: dial it, keep the link, come back.

Whatever happens here, the charger's link does not feel it, unless its owner wants it strict.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from csms.errors import LinkClosed
from csms.frames import Call, CallResult, Reply, Send
from csms.link import INTERNAL_ERROR, Answer, Link
from proxy.backlog import Backlog, backlog
from proxy.conduct import Conduct
from proxy.destinations import destination
from proxy.dial import dial
from proxy.errors import (
    IncompatibleTarget,
    ProxyError,
    TargetRefused,
    TargetUnreachable,
)
from proxy.overheard import target_tap
from proxy.presence import Presence
from proxy.states import UNAVAILABLE, State, TargetStatus
from proxy.wishes import Wishes
from storage.records import Origin

if TYPE_CHECKING:
    from csms.sockets import WebSocket
    from csms.station import Station
    from proxy.delivery import Delivery
    from proxy.pace import Crowd, Pace
    from proxy.parts import RelayParts
    from proxy.timings import Timings
    from storage.records import Cursor, ProxyConfiguration

log = structlog.get_logger("ringmain.target")

_REFUSED_CREDENTIALS = (401, 403)
_APART = frozenset({State.INCOMPATIBLE, State.BACKOFF})


class TargetLink:
    """Keep one charger linked to its target, by one task, until closed.

    ``lost`` is called whenever the target turns out to be unavailable.
    """

    def __init__(
        self,
        configuration: ProxyConfiguration,
        cursor: Cursor,
        kind: type[Station],
        *,
        delivery: Delivery,
        answer: Answer,
        lost: Callable[[], None],
        parts: RelayParts,
        crowd: Crowd,
        pace: Pace,
    ) -> None:
        self.configuration = configuration
        self.wishes = Wishes.of(configuration.policy)
        self.kind = kind
        self.delivery = delivery
        self._answer = answer
        self._lost = lost
        self._parts = parts
        self._crowd = crowd
        self._pace = pace
        self._conduct = Conduct()
        self.timings = parts.timings
        self._presence = Presence(
            configuration,
            cursor,
            kind.version,
            wishes=self.wishes,
            delivery=delivery,
            pace=pace,
            parts=parts,
            enter=self._enter,
        )
        self._state, self._since = State.DISABLED, parts.clock.now()
        self._last_error: str | None = None
        self._pause: float | None = None  # until this moment of the event loop's clock
        self._news = asyncio.Event()
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Tell where the link is."""
        return self._state

    def start(self) -> None:
        """Begin to dial."""
        self._task = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Hang up for good; what is on its way has a moment to be answered."""
        if self._state is State.READY:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._parts.timings.farewell):
                    await self.delivery.pause()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._enter(State.DISABLED)

    def adopt(self, wanted: ProxyConfiguration) -> bool:
        """Take up a changed configuration; return false where the target must be dialled anew."""
        same_way = replace(
            wanted,
            target_platform_identifier=self.configuration.target_platform_identifier,
            role=self.configuration.role,
            policy=self.configuration.policy,
            updated_at=self.configuration.updated_at,
        )
        unchanged = wanted == self.configuration
        if not unchanged and (same_way != self.configuration or self._state in _APART):
            return False
        self.configuration = wanted
        self.wishes = self._presence.wishes = Wishes.of(wanted.policy)
        return True

    def retime(self, timings: Timings) -> None:
        """Be as patient as the target has ordered by its link's keys."""
        self.timings = timings
        self.delivery.retime(timings)
        self._presence.retime(timings)
        self._pace.retime(timings)

    def trigger(self, message: str) -> None:
        """Send ``BootNotification`` or ``Heartbeat`` of our own hop soon."""
        self._presence.trigger(message)

    def overhear(self, call: Call, position: int) -> None:
        """Hear what the charger says, for a target that has asked for it while we are pending."""
        self._presence.overhear(call, position)

    async def call(self, call: Call, payload: bytes, position: int, timeout: float) -> CallResult:
        """Pass on what the charger says, past the queue; ``timeout`` in s.

        Raises CallRefused, AnswerTimeout, LinkBusy, LinkClosed or NotStored.
        """
        if self._link is None:
            raise LinkClosed
        return await self._link.call(
            call.action, payload, timeout=timeout, patience=timeout, note=Origin(position)
        )

    # ---- how it is ----

    async def ready(self) -> None:
        """Wait until the target has accepted us and has got all that waited for it.

        Raises LinkClosed as soon as it turns out to be unavailable.
        """
        while self._state is not State.READY or not self.delivery.drained.is_set():
            while self._state is not State.READY:
                await self._news.wait()
                if self._state in UNAVAILABLE:
                    raise LinkClosed(reason=self._last_error or "")
            await self.emptied()

    async def emptied(self) -> None:
        """Wait until the target has got all that waited for it, or cannot take it."""
        while self._state is State.READY and not self.delivery.drained.is_set():
            await _first_of(self._news, self.delivery.drained)

    async def waiting(self) -> Backlog:
        """Count what there is for the target."""
        return await backlog(self._parts.storage, self.configuration, self.delivery.position)

    def tell(self, action: str, payload: bytes) -> None:
        """Call the target soon with what it has asked of us; lost with the link."""
        self._presence.tell(action, payload)

    async def status(self) -> TargetStatus:
        """Tell how the link is, and how much waits for it."""
        waiting = await self.waiting()
        return TargetStatus(
            state=self._state,
            since=self._since,
            last_error=self._last_error,
            boot_status=self._presence.boot_status,
            next_dial_at=self._next_dial_at(),
            **waiting._asdict(),
        )

    def _next_dial_at(self) -> datetime | None:
        if self._pause is None:
            return None
        left = self._pause - asyncio.get_running_loop().time()
        return self._parts.clock.now() + timedelta(seconds=max(left, 0.0))

    def _enter(self, state: State, error: str | None = None) -> None:
        self._last_error = error or self._last_error
        if state is not self._state:
            self._state, self._since = state, self._parts.clock.now()
            charge_box_id = self.configuration.key.charge_box_id
            log.info("target_link", charge_box_id=charge_box_id, state=state.value, error=error)
            self._news.set()
            self._news = asyncio.Event()
            if state in UNAVAILABLE:
                self._lost()

    # ---- one visit after the other ----

    async def _live(self) -> None:
        now = asyncio.get_running_loop().time
        await self._rest(max(self._crowd.scatter(), self._pace.until_allowed(now())))
        while True:
            failure = await self._visit()
            status, wanted = None, 0.0
            if isinstance(failure, TargetRefused):
                status, wanted = failure.status, failure.retry_after
            refused = status in _REFUSED_CREDENTIALS
            await self._rest(self._pace.backoff(now(), refused=refused, wanted=wanted))

    async def _rest(self, seconds: float) -> None:
        self._pause = asyncio.get_running_loop().time() + seconds
        await asyncio.sleep(seconds)
        self._pause = None

    async def _visit(self) -> ProxyError | None:
        """Dial, and converse until that ends; return why nobody was there."""
        self._enter(State.DIALING)
        try:
            closed = await self._converse(await self._dial())
        except ProxyError as failure:
            incompatible = isinstance(failure, IncompatibleTarget)
            self._enter(State.INCOMPATIBLE if incompatible else State.BACKOFF, str(failure))
            return failure
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not end the link for good
            log.error("target_link_failed", fault=type(fault).__name__)
            self._enter(State.BACKOFF, "Ringmain had an internal error.")
            return None
        self._enter(State.BACKOFF, str(closed))
        return None

    async def _dial(self) -> WebSocket:
        patience = self._parts.timings.dial
        async with self._crowd.turn():
            self._pace.dialled(asyncio.get_running_loop().time())
            try:
                async with asyncio.timeout(patience):
                    to = await destination(self.configuration, self.kind.subprotocol, self._parts)
            except TimeoutError:
                raise TargetUnreachable("The name lookup took too long.") from None
            opened = await dial(
                to, open_timeout=patience, ping=self.timings.ping, conduct=self._conduct
            )
            self._enter(State.DIALING, to.warning)
            return opened

    async def _converse(self, socket: WebSocket) -> LinkClosed:
        tap = target_tap(
            self._parts.storage.journal,
            self.configuration,
            self.kind.version,
            self._presence.forgotten,
        )
        link = Link(
            socket,
            dialect=self.kind.dialect,
            tap=tap,
            limits=self._parts.limits,
            tolerate=self._tolerate,
        )
        talking = asyncio.create_task(self._talk(link))
        self._link = link
        try:
            return await link.run(self._hear)
        finally:
            self._link = None
            self.delivery.hold()
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)

    def _tolerate(self, fault: str) -> bool:
        self._enter(self._state, f"The target sent {fault}.")
        return self._conduct.faults.take()

    async def _hear(self, call: Call | Send, position: int) -> Reply:
        return await self._presence.answer(call, position, self._answer)

    async def _talk(self, link: Link) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.delivery.run(link))
                group.create_task(self._presence.run(link))
        except* LinkClosed:
            pass  # Link.run ends as well, and tells why
        except* Exception as faults:  # noqa: BLE001 - storage is away, or a fault of ours: dial anew
            names = sorted({type(fault).__name__ for fault in faults.exceptions})
            log.error("target_link_failed", fault=", ".join(names))
        await link.close(INTERNAL_ERROR, "temporarily unavailable")


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
