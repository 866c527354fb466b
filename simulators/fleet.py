"""Many chargers at once, each with a driver who comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from csms.errors import LinkError
from simulators.charger import Charger, EvseInUse, NotAuthorized
from simulators.hardware import Transaction


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a fleet does at one moment; ``calls`` and ``refused`` count from the beginning."""

    chargers: int
    connected: int
    charging: int
    transactions: int
    calls: int
    refused: int
    waiting: int
    power_w: float
    energy_wh: float


def statistics(chargers: Iterable[Charger]) -> Statistics:
    """Add chargers up."""
    chargers = tuple(chargers)
    running = [len(charger.hardware.transactions) for charger in chargers]
    evses = [(charger, evse_id) for charger in chargers for evse_id in charger.hardware.evses]
    return Statistics(
        chargers=len(chargers),
        connected=sum(charger.connected for charger in chargers),
        charging=sum(running),
        transactions=sum(len(charger.transactions) for charger in chargers),
        calls=sum(charger.counts["called"] for charger in chargers),
        refused=sum(charger.counts["refused"] for charger in chargers),
        waiting=sum(charger.waiting for charger in chargers),
        power_w=sum(charger.power_w(evse_id) for charger, evse_id in evses),
        energy_wh=sum(charger.energy_wh(evse_id) for charger, evse_id in evses),
    )


class Fleet:
    """Start chargers one after the other, ``stagger_s`` apart, ``at_once`` of them connecting."""

    def __init__(
        self,
        chargers: Sequence[Charger],
        *,
        at_once: int = 50,
        stagger_s: float = 0.0,
        patience_s: float = 10.0,
    ) -> None:
        self.chargers = tuple(chargers)
        self._gate = asyncio.Semaphore(at_once)
        self._stagger_s, self._patience_s = stagger_s, patience_s

    async def run(self) -> None:
        """Play all chargers until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for charger in self.chargers:
                await self._gate.acquire()
                tasks.create_task(charger.run())
                tasks.create_task(self._connect(charger))
                await asyncio.sleep(self._stagger_s)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Fleet]:
        """Run inside a ``with`` block."""
        task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def wait_connected(self, timeout: float = 60.0) -> None:
        """Wait until every charger is accepted; raise TimeoutError."""
        async with asyncio.timeout(timeout):
            for charger in self.chargers:
                await charger.wait_connected(timeout)

    async def stop_all(self, timeout: float = 5.0) -> None:
        """End every transaction by hand; the CSMS of those who are connected knows it then."""
        await asyncio.gather(
            *(
                _stop(charger, own.evse_id, timeout)
                for charger in self.chargers
                for own in charger.hardware.transactions
            )
        )

    def statistics(self) -> Statistics:
        """Add the chargers up."""
        return statistics(self.chargers)

    async def _connect(self, charger: Charger) -> None:
        # Who cannot connect must not hold up the others: it goes on trying by itself.
        try:
            with contextlib.suppress(TimeoutError):
                await charger.wait_connected(self._patience_s)
        finally:
            self._gate.release()


async def _stop(charger: Charger, evse_id: int, timeout: float) -> None:
    with contextlib.suppress(TimeoutError):
        await charger.stop(evse_id, timeout)


@dataclass(frozen=True, slots=True)
class Driver:
    """Somebody who charges ``charge_s``, is away ``away_s``, and comes again.

    Both are in the charger's own time, give or take half.
    """

    id_token: str
    evse_id: int = 1
    charge_s: float = 600.0
    away_s: float = 60.0

    async def drive(self, charger: Charger, chance: random.Random) -> None:
        """Come and go until cancelled."""
        while True:
            await charger.wait_connected(None)
            await charger.pause(self.away_s * chance.uniform(0.5, 1.5))
            if charger.hardware.state(self.evse_id) == "Available":
                await self._charge(charger, self.charge_s * chance.uniform(0.5, 1.5))

    async def _charge(self, charger: Charger, seconds: float) -> None:
        own: Transaction | None = None
        charger.plug_in(self.evse_id)
        with contextlib.suppress(NotAuthorized, EvseInUse, LinkError, TimeoutError):
            own = await charger.start(self.evse_id, self.id_token)
            await charger.pause(seconds)
            if own.running:
                await charger.stop(self.evse_id)
        if own is None or charger.hardware.evses[self.evse_id].transaction in (None, own):
            charger.unplug(self.evse_id)  # who came after the own one had left goes by himself


async def see_off(charger: Charger, stay_s: float) -> None:
    """Take vehicles away ``stay_s`` after their transaction has ended, until cancelled.

    It is in the charger's own time; whoever was started from afar would block the EVSE for ever.
    """
    while True:
        done = await charger.until(_done, timeout=None)
        await charger.pause(stay_s)
        for evse_id in done & _done(charger):
            charger.unplug(evse_id)


def _done(charger: Charger) -> set[int]:
    evses = charger.hardware.evses.values()
    return {evse.id for evse in evses if evse.used and evse.transaction is None}
