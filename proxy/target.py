"""One target of one charger: dial it, keep the link, come back.

Whatever happens here, the charger's link does not feel it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from csms.errors import LinkClosed
from csms.frames import Call, Reply, Send
from csms.link import INTERNAL_ERROR, Answer, Link
from csms.tap import TARGET_LINK, journal_tap
from proxy.backlog import backlog
from proxy.destinations import destination
from proxy.dial import dial
from proxy.errors import (
    IncompatibleTarget,
    ProxyError,
    TargetRefused,
    TargetUnreachable,
)
from proxy.pace import Pace
from proxy.presence import Presence
from proxy.states import State, TargetStatus

if TYPE_CHECKING:
    from csms.sockets import WebSocket
    from csms.station import Station
    from proxy.delivery import Delivery
    from proxy.parts import RelayParts
    from proxy.timings import Timings
    from storage.records import Cursor, ProxyConfiguration

log = structlog.get_logger("ringmain.target")

_REFUSED_CREDENTIALS = (401, 403)


class TargetLink:
    """Keep one charger linked to its target, by one task, until closed."""

    def __init__(
        self,
        configuration: ProxyConfiguration,
        cursor: Cursor,
        kind: type[Station],
        *,
        delivery: Delivery,
        answer: Answer,
        parts: RelayParts,
        dialing: asyncio.Semaphore,
    ) -> None:
        self.configuration = configuration
        self.kind = kind
        self.delivery = delivery
        self._answer = answer
        self._parts = parts
        self._dialing = dialing
        self.timings = parts.timings
        self._pace = Pace(parts.timings, parts.random)
        self._presence = Presence(
            configuration,
            cursor,
            kind.version,
            delivery=delivery,
            pace=self._pace,
            parts=parts,
            enter=self._enter,
        )
        self._state, self._since = State.DISABLED, parts.clock.now()
        self._last_error: str | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to dial."""
        self._task = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Hang up for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._enter(State.DISABLED)

    def trigger(self, message: str) -> None:
        """Send ``BootNotification`` or ``Heartbeat`` of our own hop soon."""
        self._presence.trigger(message)

    def retime(self, timings: Timings) -> None:
        """Be as patient as the target has ordered by its link's keys."""
        self.timings = timings

    async def status(self) -> TargetStatus:
        """Tell how the link is, and how much waits for it."""
        journal, key = self._parts.storage.journal, self.configuration.key
        waiting = await backlog(journal, key, self.delivery.position)
        return TargetStatus(
            state=self._state,
            since=self._since,
            last_error=self._last_error,
            boot_status=self._presence.boot_status,
            queue_length=waiting.length,
            oldest_queued_at=waiting.oldest,
            dead_letters=self.delivery.dead_letters,
        )

    def _enter(self, state: State, error: str | None = None) -> None:
        self._last_error = error or self._last_error
        if state is not self._state:
            self._state, self._since = state, self._parts.clock.now()
            charge_box_id = self.configuration.key.charge_box_id
            log.info("target_link", charge_box_id=charge_box_id, state=state.value, error=error)

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            refused = await self._visit()
            await asyncio.sleep(self._pace.backoff(loop.time(), refused=refused))

    async def _visit(self) -> bool:
        """Dial, and converse until that ends; return whether our credentials were refused."""
        self._enter(State.DIALING)
        try:
            closed = await self._converse(await self._dial())
        except ProxyError as failure:
            incompatible = isinstance(failure, IncompatibleTarget)
            self._enter(State.INCOMPATIBLE if incompatible else State.BACKOFF, str(failure))
            return isinstance(failure, TargetRefused) and failure.status in _REFUSED_CREDENTIALS
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not end the link for good
            log.error("target_link_failed", fault=type(fault).__name__)
            self._enter(State.BACKOFF, "Ringmain had an internal error.")
            return False
        self._enter(State.BACKOFF, str(closed))
        return False

    async def _dial(self) -> WebSocket:
        patience = self._parts.timings.dial
        async with self._dialing:
            self._pace.dialled(asyncio.get_running_loop().time())
            try:
                async with asyncio.timeout(patience):
                    to = await destination(self.configuration, self.kind.subprotocol, self._parts)
            except TimeoutError:
                raise TargetUnreachable("The name lookup took too long.") from None
            opened = await dial(to, open_timeout=patience)
            self._enter(State.DIALING, to.warning)
            return opened

    async def _converse(self, socket: WebSocket) -> LinkClosed:
        tap = journal_tap(
            self._parts.storage.journal,
            self.configuration.key,
            self.kind.version,
            TARGET_LINK,
            self.configuration.id,
        )
        link = Link(socket, dialect=self.kind.dialect, tap=tap, limits=self._parts.limits)
        talking = asyncio.create_task(self._talk(link))
        try:
            return await link.run(self._hear)
        finally:
            self.delivery.hold()
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)

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
