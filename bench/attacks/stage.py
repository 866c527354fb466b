"""What every attack needs: a server, clients from any address of this machine, and a stopwatch."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.faults.ground import Ground
from bench.faults.process import forget_peak, memory_mib
from bench.faults.stand import Stand, percentile, standing
from simulators.sockets import SILENT, basic

ATTACKER, CHARGER, CLONE = "127.0.0.2", "127.0.0.3", "127.0.0.4"
SERVER = "bench.attacks.server"
GROWTH_MIB = 50.0


@contextlib.asynccontextmanager
async def stage(ground: Ground, **settings: str) -> AsyncIterator[Stand]:
    """Put a server up to be attacked."""
    async with standing(ground, 1, settings=settings, module=SERVER) as stand:
        yield stand


@contextlib.asynccontextmanager
async def link(
    stand: Stand, name: str, address: str = CHARGER, **options: Any
) -> AsyncIterator[ClientConnection]:
    """Connect as an enrolled charger from this address."""
    settings: dict[str, Any] = {
        "compression": None,
        "ping_interval": None,
        "close_timeout": 0.5,
        "open_timeout": 10.0,
        "max_size": None,
        **options,
    }
    async with connect(
        stand.url(name),
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers={"Authorization": basic(name, stand.passwords[name])},
        local_addr=(address, 0),
        proxy=None,
        logger=SILENT,
        **settings,
    ) as connection:
        yield connection


@dataclass(slots=True)
class Watch:
    """How long something took, time after time, and how often it failed."""

    times: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def p99(self) -> float:
        """Return the time that 99 of 100 took at most, in s."""
        return percentile(self.times, 0.99)

    @contextlib.asynccontextmanager
    async def time(self) -> AsyncIterator[None]:
        """Take the time; an error is a failure, and no more than that."""
        began = time.monotonic()
        try:
            yield
        except (OSError, TimeoutError, RuntimeError, EOFError) as fault:
            self.failed += 1
            if self.failed <= 3:
                print(f"       {type(fault).__name__}: {fault}", flush=True)
        else:
            self.times.append(time.monotonic() - began)


async def ask_rest(stand: Stand, watch: Watch, times: int, every: float = 0.05) -> None:
    """Ask the REST API for a page of chargers so many times."""
    for _ in range(times):
        async with watch.time(), asyncio.timeout(30):
            status, _ = await stand.ask("GET", f"{stand.api}/chargers?limit=5")
            if status != 200:
                raise OSError(f"answered {status}")
        await asyncio.sleep(every)


async def beat(connection: ClientConnection, watch: Watch, every: float = 0.1) -> None:
    """Send Heartbeats until cancelled."""
    while True:
        async with watch.time(), asyncio.timeout(30):
            await connection.send('[2,"1","Heartbeat",{}]')
            await connection.recv()
        await asyncio.sleep(every)


@contextlib.asynccontextmanager
async def meanwhile(*work: Any) -> AsyncIterator[None]:
    """Run these beside until the context ends."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class Growth:
    """How much more memory a server had than before, at its peak."""

    mib: float = 0.0


@contextlib.asynccontextmanager
async def growth(stand: Stand) -> AsyncIterator[Growth]:
    """Measure the server's peak until the context ends; the kernel keeps it."""
    pid, measured = stand.server.pid, Growth()
    forget_peak(pid)
    before = memory_mib(pid, "VmRSS")
    yield measured
    measured.mib = memory_mib(pid, "VmHWM") - before
