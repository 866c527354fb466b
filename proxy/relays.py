"""A seat for every connected charger: the gateway's and the API's door to the proxy.

The gateway attaches and detaches chargers, the API has configurations taken up.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from csms.errors import place_of
from csms.stations import STATIONS
from csms.tallies import LinkTally, known_actions
from proxy.auditing import TargetAudit
from proxy.backlog import backlog
from proxy.bounds import Bounds
from proxy.errors import DialledTooOften
from proxy.expiry import Expiry
from proxy.overview import LinkStatus, statuses
from proxy.pace import Crowd, Paces
from proxy.parting import discard, forget, parting
from proxy.parts import RelayParts
from proxy.probe import Step, probe
from proxy.queues import Queues
from proxy.revival import Revival
from proxy.seat import ABSENT, Seat
from proxy.states import Glance, Outlook, State, TargetStatus
from storage.records import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from csms.ports import Answer
    from csms.registry import Connection
    from proxy.delivery import Delivery
    from storage.records import ChargerKey, ProxyConfiguration

log = structlog.get_logger("ringmain.relays")

LEAVING = "The target before this one still gets what waits for it."
_USUAL = "ocpp1.6"


class Chore(Protocol):
    """Work beside all links."""

    async def run(self) -> None:
        """Do it, until it is done or cancelled."""


class Relays:
    """Give every charger its relay, and a target link to each that has a target."""

    def __init__(self, parts: RelayParts) -> None:
        self.parts = parts
        self.audit = TargetAudit(parts.storage.audit, parts.clock)
        self.crowd = Crowd(parts.max_dials, parts.timings, parts.random)
        self.paces = Paces(parts.timings, parts.random)
        self.queues = Queues(parts.storage, parts.clock, self._live)
        self.links = LinkTally(known_actions())
        self._seats: dict[ChargerKey, Seat] = {}

    async def __aenter__(self) -> Self:
        """Begin with no charger."""
        chores = (
            Bounds(self.parts, self._live),
            Expiry(self.parts),
            Revival(self.parts, self._revive),
        )
        self._chores = [asyncio.create_task(self._kept_up(chore)) for chore in chores]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up on every target."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self.close()

    async def _kept_up(self, chore: Chore) -> None:
        """Begin a chore again that a fault has ended."""
        while True:
            try:
                return await chore.run()
            except Exception as fault:  # noqa: BLE001 - whatever it is, the chore has to be done
                log.error("chore_failed", chore=type(chore).__name__, fault=place_of(fault))
                await asyncio.sleep(self.parts.timings.sweep)

    async def attach(self, connection: Connection) -> Answer:
        """Return what answers this charger from now on; raise StorageError."""
        seat = self._seats.get(connection.key)
        if seat is None:
            seat = self._seats[connection.key] = Seat(connection.key, self)
        return await seat.take(connection)

    async def detach(self, connection: Connection) -> None:
        """Let go of a link that has ended; one that was superseded changes nothing."""
        if seat := self._seats.get(connection.key):
            seat.leave(connection)

    async def configure(self, key: ChargerKey) -> None:
        """Take up the charger's configuration as it is stored now; raise StorageError.

        Only the target is dialled anew, and only where something about it has changed.
        """
        stored = self.parts.storage.proxy_configurations
        if seat := self._seats.get(key):
            await seat.settle()
        elif (new := await stored.for_charger(key)) is not None:
            left = await stored.target_of(new)
            await discard(left, new, self.queues)
            await forget(left, new, self.parts.storage)
        self.parts.news.tell(key)

    async def status(self, configuration: ProxyConfiguration) -> TargetStatus:
        """Tell how the link of a configuration is, and what waits for it; raise StorageError."""
        seat = self._seats.get(configuration.key)
        if seat is not None and seat.target is not None:
            return await seat.target.status()
        cursor = await self.cursor(configuration)
        waiting = await backlog(self.parts.storage, configuration, cursor.position)
        return TargetStatus(
            state=State.BACKOFF if configuration.enabled else State.DISABLED,
            last_error=ABSENT if configuration.enabled else None,
            **waiting._asdict(),
        )

    def states(self) -> Counter[State]:
        """Count the target links that there are now by where they are."""
        return Counter(seat.target.state for seat in self._seats.values() if seat.target)

    def waited_for(self) -> list[tuple[ProxyConfiguration, int]]:
        """Return for whom something may wait, and how far each has got in the journal."""
        targets = (seat.target for seat in self._seats.values() if seat.target)
        return [
            (target.configuration, target.delivery.position)
            for target in targets
            if not target.delivery.is_empty
        ]

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        """Tell where the link of a configuration is, without looking at what waits for it."""
        if not configuration.enabled:
            return Glance(State.DISABLED)
        seat = self._seats.get(configuration.key)
        target = seat.target if seat else None
        if target is None:
            return Glance(State.BACKOFF, ABSENT)
        if target.leads_as(configuration):
            return target.glance
        drains = parting(target.configuration.leads_to, configuration) == "drain"
        return Glance(State.DIALING, LEAVING if drains else None)

    def glimpse(
        self, key: ChargerKey, configuration_id: int, changed_at: datetime, *, enabled: bool
    ) -> Glance:
        """Tell the same of a configuration of which no more is known, for a page of thousands."""
        if not enabled:
            return Glance(State.DISABLED)
        seat = self._seats.get(key)
        target = seat.target if seat else None
        if target is None:
            return Glance(State.BACKOFF, ABSENT)
        led = target.configuration
        if (led.id, led.updated_at) == (configuration_id, changed_at):
            return target.glance
        return Glance(State.DIALING)

    def outlook(self, configuration: ProxyConfiguration) -> Outlook:
        """Tell the same with all else that is known of the link."""
        seat = self._seats.get(configuration.key)
        target = seat.target if seat else None
        if configuration.enabled and target and target.leads_as(configuration):
            return target.outlook
        return Outlook(*self.glance(configuration))

    async def statuses(self, configurations: Sequence[ProxyConfiguration]) -> list[LinkStatus]:
        """Tell how the links of a page of one organization are, in order; raise StorageError."""
        outlooks = [self.outlook(configuration) for configuration in configurations]
        return await statuses(self.parts.storage, configurations, outlooks)

    async def test(self, configuration: ProxyConfiguration) -> list[Step]:
        """Dial the target once, beside its link; raise DialledTooOften or StorageError."""
        pace, now = self.paces.of(configuration.id), asyncio.get_running_loop().time()
        if pace.until_allowed(now) > 0:
            raise DialledTooOften
        pace.dialled(now)
        subprotocol = await self._subprotocol(configuration.key)
        async with self.crowd.turn():
            return await probe(configuration, subprotocol, self.parts)

    async def _subprotocol(self, key: ChargerKey) -> str:
        """Return what a charger speaks, or spoke when it was there."""
        seat = self._seats.get(key)
        if seat is not None and seat.target is not None:
            return seat.target.kind.subprotocol
        charger = await self.parts.storage.chargers.get(key)
        spoken = f"ocpp{charger.ocpp_version}" if charger and charger.ocpp_version else ""
        allowed = charger.allowed_versions if charger else ()
        return next((name for name in (spoken, *allowed) if name in STATIONS), _USUAL)

    async def close(self) -> None:
        """Hang up on every target."""
        seats = list(self._seats.values())
        self._seats.clear()
        await asyncio.gather(*(seat.vacate() for seat in seats))

    async def _revive(self, key: ChargerKey) -> None:
        subprotocol = await self._subprotocol(key)
        if key not in self._seats:
            seat = self._seats[key] = Seat(key, self)
            await seat.deliver(STATIONS[subprotocol])

    # ---- for the seats ----

    def forget(self, seat: Seat) -> None:
        """Let go of a seat whose charger stays away."""
        self._seats.pop(seat.key, None)  # at our end all are let go at once
        kept = {seat.target.configuration.id for seat in self._seats.values() if seat.target}
        self.paces.sweep(asyncio.get_running_loop().time(), frozenset(kept))

    async def cursor(self, configuration: ProxyConfiguration) -> Cursor:
        """Return how far a target has got; raise StorageError."""
        storage = self.parts.storage
        await storage.journal.flush()  # a link that has just ended may have moved it
        found = await storage.proxy_configurations.cursor(configuration.id)
        return found or Cursor(configuration.id, storage.journal.head)

    def _live(self, key: ChargerKey, configuration_id: int) -> Delivery | None:
        seat = self._seats.get(key)
        target = seat.target if seat else None
        return target.delivery if target and target.configuration.id == configuration_id else None
