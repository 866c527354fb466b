"""A relay for every connected charger, and a target link for each that has a target.

The gateway attaches and detaches chargers, the API has configurations taken up. A target link
outlives its charger's link for a moment, so that a charger that comes straight back, or takes
itself over, does not bounce its target.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

from csms import frames
from csms.frames import Call, Reply, Send
from proxy.auditing import TargetAudit
from proxy.backlog import backlog
from proxy.delivery import Delivery
from proxy.ledger import IdMap
from proxy.orders import Orders
from proxy.parts import RelayParts
from proxy.relay import Relay
from proxy.states import State, TargetStatus
from proxy.target import TargetLink
from storage.records import Cursor

if TYPE_CHECKING:
    from csms.link import Answer
    from csms.registry import Connection
    from csms.station import Station
    from storage.records import ChargerKey, ProxyConfiguration

_ABSENT = "The charger is not connected."


@dataclass(slots=True)
class _Seat:
    """What is kept for one charger: who serves it now, and what its target is."""

    relay: Relay | None = None
    orders: Orders | None = None
    target: TargetLink | None = None
    leaving: asyncio.Task[None] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one change of target at a time


class Relays:
    """Give every charger its relay: the gateway's and the API's door to the proxy."""

    def __init__(self, parts: RelayParts) -> None:
        self._parts = parts
        self._audit = TargetAudit(parts.storage.audit, parts.clock)
        self._seats: dict[ChargerKey, _Seat] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._dialing = asyncio.Semaphore(parts.max_dials)

    async def __aenter__(self) -> Self:
        """Begin with no charger."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up on every target."""
        await self.close()

    async def attach(self, connection: Connection) -> Answer:
        """Return what answers this charger from now on; raise StorageError."""
        seat = self._seats.setdefault(connection.key, _Seat())
        if seat.leaving is not None:
            seat.leaving.cancel()
        seat.relay = relay = Relay(connection, self._parts)
        _dismiss(seat)
        seat.orders = orders = Orders(connection, self._parts, self._audit)
        await self._settle(seat, connection.key)
        return orders.watching(relay.answer)

    async def detach(self, connection: Connection) -> None:
        """Let go of a link that has ended; one that was superseded changes nothing."""
        seat = self._seats.get(connection.key)
        if seat is None or seat.relay is None or seat.relay.connection is not connection:
            return
        _dismiss(seat)
        seat.relay = None
        seat.leaving = asyncio.create_task(self._leave(connection.key, seat))
        self._leaving.add(seat.leaving)
        seat.leaving.add_done_callback(self._leaving.discard)

    async def configure(self, key: ChargerKey) -> None:
        """Take up the charger's configuration as it is stored now; raise StorageError.

        Only the target is dialled anew, and only where something about it has changed.
        """
        if seat := self._seats.get(key):
            await self._settle(seat, key)

    async def status(self, configuration: ProxyConfiguration) -> TargetStatus:
        """Tell how the link of a configuration is, and what waits for it; raise StorageError."""
        seat = self._seats.get(configuration.key)
        if seat is not None and seat.target is not None:
            return await seat.target.status()
        storage = self._parts.storage
        cursor = await self._cursor(configuration)
        waiting = await backlog(storage.journal, configuration.key, cursor.position)
        return TargetStatus(
            state=State.BACKOFF if configuration.enabled else State.DISABLED,
            last_error=_ABSENT if configuration.enabled else None,
            queue_length=waiting.length,
            oldest_queued_at=waiting.oldest,
        )

    async def close(self) -> None:
        """Hang up on every target."""
        seats = list(self._seats.values())
        self._seats.clear()
        for seat in seats:
            if seat.leaving is not None:
                seat.leaving.cancel()
        await asyncio.gather(*map(_vacate, seats))
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _leave(self, key: ChargerKey, seat: _Seat) -> None:
        await asyncio.sleep(self._parts.timings.linger)
        # From here on a charger that comes back gets a seat of its own.
        del self._seats[key]
        await _vacate(seat)

    async def _settle(self, seat: _Seat, key: ChargerKey) -> None:
        """Bring a seat's target in line with what is stored and what its charger speaks."""
        async with seat.turn:
            if self._seats.get(key) is not seat:  # its charger has left meanwhile
                return
            stored = await self._parts.storage.proxy_configurations.for_charger(key)
            wanted = stored if stored is not None and stored.enabled else None
            old, kind = seat.target, _spoken(seat)
            if old is None or (old.configuration, old.kind) != (wanted, kind):
                seat.target = None
                seat.target = await self._successor(seat, old, wanted, kind)
            if seat.relay is not None:
                seat.relay.target = seat.target

    async def _successor(
        self,
        seat: _Seat,
        old: TargetLink | None,
        wanted: ProxyConfiguration | None,
        kind: type[Station] | None,
    ) -> TargetLink | None:
        if old is not None:
            await old.close()
        if wanted is None or kind is None:
            return None
        cursor = await self._cursor(wanted)
        same = old is not None and (old.configuration.id, old.kind) == (wanted.id, kind)
        target = TargetLink(
            wanted,
            cursor,
            kind,
            delivery=old.delivery if old and same else self._delivery(wanted, cursor, kind),
            answer=partial(self._answer_target, seat),
            parts=self._parts,
            dialing=self._dialing,
        )
        target.start()
        return target

    def _delivery(
        self, configuration: ProxyConfiguration, cursor: Cursor, kind: type[Station]
    ) -> Delivery:
        storage = self._parts.storage
        return Delivery(
            configuration.key,
            cursor,
            kind,
            journal=storage.journal,
            configurations=storage.proxy_configurations,
            ids=IdMap(storage.id_pairs, configuration.id, kind.version),
            timings=self._parts.timings,
        )

    async def _cursor(self, configuration: ProxyConfiguration) -> Cursor:
        storage = self._parts.storage
        await storage.journal.flush()  # a link that has just ended may have moved it
        found = await storage.proxy_configurations.cursor(configuration.id)
        return found or Cursor(configuration.id, storage.journal.head)

    async def _answer_target(self, seat: _Seat, call: Call | Send, _position: int) -> Reply:
        if seat.orders is None or seat.target is None or isinstance(call, Send):
            return frames.call_error(call.id, "InternalError", _ABSENT)
        return await seat.orders.answer(call, seat.target)


def _spoken(seat: _Seat) -> type[Station] | None:
    if seat.relay is not None:
        return type(seat.relay.connection.station)
    return seat.target.kind if seat.target is not None else None


def _dismiss(seat: _Seat) -> None:
    if seat.orders is not None:
        seat.orders.close()
    seat.orders = None


async def _vacate(seat: _Seat) -> None:
    _dismiss(seat)
    async with seat.turn:
        target, seat.target = seat.target, None
        if target is not None:
            await target.close()
