"""One target of one charger: dial it, keep the link, come back.

Whatever happens here, the charger's link does not feel it, unless its owner wants it strict.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from csms.errors import LinkClosed
from csms.frames import Call, CallResult, Send
from csms.link import INTERNAL_ERROR, Link
from csms.ports import Answer
from proxy.backlog import Backlog, backlog
from proxy.conduct import Conduct
from proxy.destinations import destination
from proxy.dial import dial
from proxy.errors import (
    IncompatibleTarget,
    ProxyError,
    Replaced,
    TargetRefused,
    TargetUnreachable,
)
from proxy.overheard import target_tap
from proxy.presence import Presence
from proxy.silence import MUTE
from proxy.standing import Standing
from proxy.states import UNAVAILABLE, Glance, Outlook, State, TargetStatus
from proxy.wishes import Wishes
from storage.records import Origin

if TYPE_CHECKING:
    from csms.sockets import WebSocket
    from csms.station import Station
    from csms.tallies import LinkTally
    from proxy.delivery import Delivery
    from proxy.pace import Crowd, Pace
    from proxy.parts import RelayParts
    from proxy.timings import Timings
    from storage.records import Cursor, ProxyConfiguration

log = structlog.get_logger("ringmain.target")

_TOO_OFTEN = "The target was dialled as often as it may be in a minute; it will be again by itself."
_REFUSED_CREDENTIALS = (401, 403)
_APART = frozenset({State.INCOMPATIBLE, State.BACKOFF})
# What of a configuration does not concern the link.
_ASIDE = ("target_platform_identifier", "role", "policy", "updated_at", "password_from_target")


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
        tally: LinkTally | None = None,
    ) -> None:
        self.configuration = configuration
        self.wishes = Wishes.of(configuration.policy)
        self.kind = kind
        self.delivery = delivery
        self._answer = answer
        self._parts = parts
        self._crowd = crowd
        self._pace = pace
        self._tally = tally
        self._conduct = Conduct()
        self.timings = parts.timings
        changed = partial(parts.news.tell, configuration.key)
        self._standing = Standing(configuration.key.charge_box_id, parts.clock, lost, changed)
        self._presence = Presence(
            configuration,
            cursor,
            kind.version,
            wishes=self.wishes,
            delivery=delivery,
            pace=pace,
            parts=parts,
            enter=self._standing.enter,
        )
        self._link: Link | None = None
        self._calls = 0  # that went past the queue and have no answer
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> State:
        """Tell where the link is."""
        return self._standing.state

    @property
    def glance(self) -> Glance:
        """Tell where the link is and what was wrong last."""
        return Glance(self._standing.state, self._standing.last_error)

    @property
    def outlook(self) -> Outlook:
        """Tell all that is known of the link without looking at what waits in the log."""
        standing = self._standing
        return Outlook(
            standing.state,
            standing.last_error,
            standing.since,
            standing.next_dial_at,
            self.delivery.waiting,
        )

    def start(self) -> None:
        """Begin to dial."""
        self._standing.enter(State.DIALING)
        self._task = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Hang up for good; what is on its way has a moment to be answered."""
        standing = self._standing
        standing.close()
        try:
            if standing.state is State.READY:
                await self._take_leave()
        finally:  # also where nobody has the time to wait for that
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            standing.enter(State.DISABLED)

    async def _take_leave(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._parts.timings.farewell):
                await self.delivery.pause()
                while self._calls:
                    await self._standing.news()

    def adopt(self, wanted: ProxyConfiguration) -> bool:
        """Take up a changed configuration; return false where the target must be dialled anew."""
        same_way = self.leads_as(wanted)
        if wanted != self.configuration and not (same_way and self.state not in _APART):
            return False
        self.configuration = wanted
        self.wishes = self._presence.wishes = Wishes.of(wanted.policy)
        self.delivery.take_up(wanted)
        return True

    def leads_as(self, wanted: ProxyConfiguration) -> bool:
        """Tell whether the link is as a configuration has it."""
        old = self.configuration
        return replace(wanted, **{name: getattr(old, name) for name in _ASIDE}) == old

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
        self._calls += 1
        try:
            return await self._link.call(
                call.action, payload, timeout=timeout, patience=timeout, note=Origin(position)
            )
        finally:
            self._calls -= 1
            self._standing.tell()

    def send(self, sent: Send, position: int) -> None:
        """Pass on what is never answered, past the queue, to a target that is there."""
        if self._link is not None and self._standing.ready:
            self._link.send(sent.action, sent.payload, note=Origin(position))

    def unanswered(self) -> None:
        """Count such a CALL that had no answer in time; too many in a row end the link."""
        if self._link is not None:
            self.delivery.silence.noted(self._link)

    # ---- how it is ----

    @property
    def is_ready(self) -> bool:
        """Tell whether the target has accepted us and has got all that waited for it."""
        return self._standing.ready and self.delivery.drained.is_set()

    async def ready(self) -> None:
        """Wait until the target is ready.

        Raises LinkClosed as soon as it turns out to be unavailable, Replaced when it is not the
        charger's target any more.
        """
        standing = self._standing
        while not self.is_ready:
            if standing.closing:
                raise Replaced
            if standing.ready:
                await self.emptied()
                continue
            await standing.news()
            if standing.state in UNAVAILABLE:
                raise LinkClosed(reason=standing.last_error or "")

    async def emptied(self) -> None:
        """Wait until the target has got all that waited for it, or cannot take it."""
        while self._standing.ready and not self.delivery.drained.is_set():
            await self._standing.news(self.delivery.drained)

    async def waiting(self) -> Backlog:
        """Count what there is for the target."""
        return await backlog(self._parts.storage, self.configuration, self.delivery.position)

    def tell(self, action: str, payload: bytes) -> None:
        """Call the target soon with what it has asked of us; lost with the link."""
        self._presence.tell(action, payload)

    @property
    def owed(self) -> int:
        """Tell how many bytes of that have not been told yet."""
        return self._presence.owed

    async def status(self) -> TargetStatus:
        """Tell how the link is, and how much waits for it."""
        waiting, standing = await self.waiting(), self._standing
        return TargetStatus(
            state=standing.state,
            since=standing.since,
            last_error=standing.last_error,
            boot_status=self._presence.boot_status,
            next_dial_at=standing.next_dial_at,
            **waiting._asdict(),
        )

    # ---- one visit after the other ----

    async def _live(self) -> None:
        now = asyncio.get_running_loop().time
        with self._crowd.newcomer() as back:
            held = self._pace.until_allowed(now())
            if held > 0:
                self._standing.enter(State.BACKOFF, _TOO_OFTEN)
            await self._standing.rest(max(back, held))
        while True:
            failure = await self._visit()
            status, wanted = None, 0.0
            if isinstance(failure, TargetRefused):
                status, wanted = failure.status, failure.retry_after
            refused = status in _REFUSED_CREDENTIALS
            await self._standing.rest(self._pace.backoff(now(), refused=refused, wanted=wanted))

    async def _visit(self) -> ProxyError | None:
        """Dial, and converse until that ends; return why nobody was there."""
        self._standing.enter(State.DIALING)
        try:
            closed = await self._converse(await self._dial())
        except ProxyError as failure:
            incompatible = isinstance(failure, IncompatibleTarget)
            self._standing.enter(
                State.INCOMPATIBLE if incompatible else State.BACKOFF, str(failure)
            )
            return failure
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not end the link for good
            log.error("target_link_failed", fault=type(fault).__name__)
            self._standing.enter(State.BACKOFF, "Ringmain had an internal error.")
            return None
        self._standing.enter(State.BACKOFF, MUTE if closed.reason == MUTE else str(closed))
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
            self._standing.enter(State.DIALING, to.warning)
            return opened

    async def _converse(self, socket: WebSocket) -> LinkClosed:
        journal, forgotten = self._parts.storage.journal, self._presence.forgotten
        link: Link = self._parts.linking(self.configuration.key)(
            socket,
            dialect=self.kind.dialect,
            tap=target_tap(journal, self.configuration, self.kind.version, forgotten),
            limits=self._parts.limits,
            tolerate=self._tolerate,
            tally=self._tally,
        )
        self._conduct.follow(link.traffic)
        talking = asyncio.create_task(self._talk(link))
        self._link = link
        try:
            return await link.run(partial(self._presence.answer, answer=self._answer))
        finally:
            self._link = None
            self.delivery.hold()
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)

    def _tolerate(self, fault: str) -> bool:
        self._standing.enter(self._standing.state, f"The target sent {fault}.")
        return self._conduct.faults.take()

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
