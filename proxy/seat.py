"""One charger's place in the proxy: who serves it now, and what its target is.

It outlives the charger's link for a moment, so that a charger that comes straight back, or takes
itself over, does not bounce its target.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import structlog

from csms import frames
from csms.frames import Call, Reply, Send
from proxy.delivery import Delivery
from proxy.late import LateVerdicts, stop
from proxy.ledger import IdMap
from proxy.orders import Orders
from proxy.overlay import timings_of
from proxy.parting import discard, forget, parting
from proxy.relay import Relay
from proxy.reports import Reports
from proxy.same_ids import SameIds
from proxy.states import State
from proxy.target import TargetLink
from storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from csms.ports import Answer
    from csms.registry import Connection
    from csms.station import Station
    from proxy.surroundings import Surroundings
    from storage.records import ChargerKey, Cursor, ProxyConfiguration

log = structlog.get_logger("ringmain.seat")

ABSENT = "The charger is not connected."
_IDS: dict[str, type[IdMap]] = {"hybrid": IdMap, "strict": SameIds}


class Seat:
    """Keep one charger and its target together while either changes."""

    def __init__(self, key: ChargerKey, around: Surroundings) -> None:
        self.key = key
        self.relay: Relay | None = None
        self.target: TargetLink | None = None
        self._orders: Orders | None = None
        self._around = around
        self._parts = around.parts
        self._turn = asyncio.Lock()  # one change of target at a time
        self._gone = False
        self._spoke: type[Station] | None = None  # by what was known before the server was started
        self._leaving: asyncio.Task[None] | None = None
        self._left: TargetLink | None = None  # gets what waits for it, then it is left
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- the charger comes and goes ----

    async def take(self, connection: Connection) -> Answer:
        """Return what answers this charger from now on; raise StorageError."""
        if self._leaving is not None:
            self._leaving.cancel()
        self._orders = Orders(connection, self._parts, self._around.audit)
        self.relay = relay = Relay(connection, self._parts)
        await self.settle()
        await relay.admit()
        connection.station.resets.look()
        return relay.answer

    def leave(self, connection: Connection) -> None:
        """Let go of a link that has ended; one that was superseded changes nothing."""
        if self.relay is None or self.relay.connection is not connection:
            return
        self._orders = None
        self.relay = None
        self._leaving = self._begin(self._linger())

    async def deliver(self, spoke: type[Station]) -> None:
        """Let the target have what waits for it, although the charger has not come back."""
        self._spoke = spoke
        try:
            await self.settle()
        except BaseException:
            if self.relay is None:  # else it would keep the place of another one
                self._around.forget(self)
                await self.vacate()
            raise
        if self.relay is None:
            self._leaving = self._begin(self._linger())

    async def vacate(self) -> None:
        """Hang up on the target for good."""
        self._gone = True
        self._orders = None
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        async with self._turn:
            target, self.target = self.target, None
            if target is not None:
                await target.close()

    async def _linger(self) -> None:
        linger = self._parts.timings.linger
        await asyncio.sleep(linger)
        while (target := await self._waited_for()) is not None:
            # What waits may also expire or be purged, of which a link that is down says nothing.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._parts.timings.sweep):
                    await target.delivery.drained.wait()
            await asyncio.sleep(linger)
        # From here on a charger that comes back gets a seat of its own.
        self._around.forget(self)
        await self.vacate()

    async def _waited_for(self) -> TargetLink | None:
        """Return the target where something waits for it; while it is exchanged nobody knows."""
        async with self._turn:
            target = self.target
            return target if target is not None and await _has_to_stay(target) else None

    # ---- the target changes ----

    async def settle(self) -> None:
        """Bring the target in line with what is stored and what the charger speaks.

        Only the target is dialled anew, and only where something about it has changed; raise
        StorageError.
        """
        async with self._turn:
            if self._gone:
                return
            stored = await self._parts.storage.proxy_configurations.for_charger(self.key)
            wanted = stored if stored is not None and stored.enabled else None
            before = self.target
            if not self._leaves_with_care(wanted):
                await self._change(wanted, self._spoken())
            if self.relay is not None:
                self.relay.target = self.target
            elif self._leaving is not None and self.target is not before and not self._gone:
                self._leaving.cancel()  # it waits for what the old target has yet to get
                self._leaving = self._begin(self._linger())
            if self._orders is not None:
                self._begin(self._orders.reconcile())

    def _leaves_with_care(self, wanted: ProxyConfiguration | None) -> bool:
        """Tell whether the old target still gets what waits, before the charger has another."""
        old = self.target
        if old is None or parting(old.configuration.leads_to, wanted) != "drain":
            return False
        if old is not self._left and old.state is State.READY:
            self._left, self._draining = old, True
            self._begin(self._drain(old))
        return old is self._left and self._draining

    async def _drain(self, old: TargetLink) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._parts.timings.drain):
                await old.emptied()
        self._draining = False
        while True:
            try:
                return await self.settle()
            except StorageError as failure:
                id = self.key.charge_box_id
                log.warning("not_settled", charge_box_id=id, reason=str(failure))
                await asyncio.sleep(self._parts.timings.linger)

    async def _change(self, wanted: ProxyConfiguration | None, kind: type[Station] | None) -> None:
        old = self.target
        if old is not None and wanted is not None and old.kind is kind and old.adopt(wanted):
            return
        stored = self._parts.storage
        left = await stored.proxy_configurations.target_of(wanted) if wanted else None
        if wanted is not None:
            await discard(left, wanted, self._around.queues)
        self.target = None
        if old is not None:
            await old.close()
        if wanted is not None:
            await forget(left, wanted, stored)
            if kind is not None:
                self.target = await self._successor(old, wanted, kind)

    async def _successor(
        self, old: TargetLink | None, wanted: ProxyConfiguration, kind: type[Station]
    ) -> TargetLink:
        pace = self._around.paces.of(wanted.id)
        if old is not None and old.configuration != wanted:
            pace.begin_anew()
        settings = await self._parts.storage.overlays.of_link(wanted.id)
        cursor = await self._around.cursor(wanted)
        if self.relay is not None:
            # A new queue reads what was said before: a start without an answer has begun nothing.
            await self.relay.quiet()
        # From here on nothing is awaited until the relay knows: what the charger says from the
        # moment that a new queue begins is offered to it.
        target = TargetLink(
            wanted,
            cursor,
            kind,
            delivery=self._delivery(old, wanted, cursor, kind),
            answer=self._answer_target,
            lost=self._lost,
            parts=self._parts,
            crowd=self._around.crowd,
            pace=pace,
            tally=self._around.links,
        )
        target.retime(timings_of(self._parts.timings, settings))
        target.start()
        return target

    def _delivery(
        self,
        old: TargetLink | None,
        wanted: ProxyConfiguration,
        cursor: Cursor,
        kind: type[Station],
    ) -> Delivery:
        if old is not None and old.kind is kind and _is_same_queue(old.configuration, wanted):
            old.delivery.take_up(wanted)
            return old.delivery
        storage = self._parts.storage
        reports = Reports(wanted, storage.overlays, self._parts.timings)
        return Delivery(
            wanted,
            cursor,
            kind,
            ids=_IDS[wanted.mode](storage.id_pairs, wanted.id, kind.version, show=reports.shown),
            parts=self._parts,
            late=LateVerdicts(wanted, storage.transactions, self._around.audit, self._stop),
        )

    def _spoken(self) -> type[Station] | None:
        if self.relay is not None:
            return type(self.relay.connection.station)
        return self.target.kind if self.target is not None else self._spoke

    # ---- the target speaks ----

    async def _answer_target(self, call: Call | Send, position: int) -> Reply:
        if self._orders is None or self.target is None or isinstance(call, Send):
            return frames.call_error(call.id, "InternalError", ABSENT)
        return await self._orders.answer(call, self.target, position)

    def _lost(self) -> None:
        if self.relay is not None:
            self.relay.lost()

    def _stop(self, transaction_id: str) -> None:
        if self.relay is not None:
            self._begin(stop(self.relay.connection.station, transaction_id))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _has_to_stay(target: TargetLink) -> bool:
    if not target.wishes.drain_after_disconnect:
        return False
    try:
        return (await target.waiting()).queue_length > 0
    except StorageError:  # nobody knows yet
        return True


def _is_same_queue(old: ProxyConfiguration, new: ProxyConfiguration) -> bool:
    same_system = parting(old.leads_to, new) in {None, "keep"}
    return same_system and (old.id, old.mode) == (new.id, new.mode)
