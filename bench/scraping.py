"""Measure what a scrape of a large server costs: ``python -m bench.scraping ACTIONS OPERATIONS``.

10,000 chargers with a target each, in memory: their links have carried something, and so many
actions on each side and REST operations have been in use. Told are the CPU of one scrape, all
threads counted, and the longest that others waited for the event loop meanwhile, and for as long
without a scrape; medians of 15.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from prometheus_client import CollectorRegistry

from api.app import ALL
from api.metering.census import Census
from api.metering.collector import metering
from api.metering.exposition import Exposition
from api.metering.sources import Sources
from csms.doorstep import Doorstep
from csms.registry import Registry
from csms.security_events import SecurityEvents
from csms.tallies import DoorTally, LinkTally, known_actions
from csms.traffic import Traffic
from proxy.states import State
from storage.clock import SystemClock
from storage.exporter import SinkStatus
from storage.records import ProxyConfiguration, SinkRecord
from storage.store import Storage, open_storage

CHARGERS, TASKS, SCRAPES = 10_000, 30_000, 15


def links(actions: int) -> LinkTally:
    """Return the tally of as many links, on which as many actions were said."""
    known = known_actions()
    tally = LinkTally(known)
    for number in range(CHARGERS):
        tally.begin(Traffic(number, number, number, number))
    for action in sorted(known)[:actions]:
        tally.served[action].note(0.01)
        tally.asked[action].note(0.1)
    return tally


@dataclass
class Gate:
    """A door that chargers have come in by."""

    links: LinkTally
    tally: DoorTally = field(default_factory=DoorTally)
    doorstep: Doorstep = field(default_factory=Doorstep)


@dataclass
class Targets:
    """The targets of all chargers."""

    links: LinkTally
    ready: list[State] = field(default_factory=lambda: [State.READY] * CHARGERS)

    def states(self) -> Counter[State]:
        """Count the links by where they are."""
        return Counter(state for state in self.ready if state)

    def waited_for(self) -> list[tuple[ProxyConfiguration, int]]:
        """Name nobody: what is counted in the database is not measured here."""
        return []


class Exports:
    """No exports."""

    sinks: tuple[SinkRecord, ...] = ()

    async def status(self, sink: SinkRecord) -> SinkStatus:
        """Tell of none."""
        raise NotImplementedError


def sources_of(storage: Storage, actions: int, operations: int) -> Sources:
    """Return a server with so much to tell."""
    clock, targets = SystemClock(), Targets(links(actions))
    sources = Sources(
        storage=storage,
        clock=clock,
        registry=Registry(),
        gateway=Gate(links(actions)),
        relays=targets,
        events=SecurityEvents(storage.audit, clock),
        census=Census(storage, targets, Exports()),
    )
    for operation in ALL[:operations]:
        for status in (200, 404, 422):
            sources.tally.answered(operation.name, status, 0.01)
    return sources


@contextlib.asynccontextmanager
async def busy() -> AsyncIterator[None]:
    """Have as many tasks as a server with so many chargers, and its garbage collector."""
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(TASKS)]
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _watch(waits: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        waits.append(time.perf_counter() - begun - 0.001)


@contextlib.asynccontextmanager
async def watched(worst: list[float]) -> AsyncIterator[None]:
    """Note the longest that others wait for the loop."""
    waits = [0.0]
    watching = asyncio.create_task(_watch(waits))
    yield
    watching.cancel()
    worst.append(max(waits))


async def scrapes(sources: Sources) -> str:
    """Scrape again and again, and tell what it costs."""
    costs, worst, without = list[float](), list[float](), list[float]()
    async with metering(sources, CollectorRegistry()) as metered:
        exposition: Exposition = metered.exposition
        for _ in range(SCRAPES):
            begun, cpu = time.perf_counter(), time.process_time()
            async with watched(worst):
                scrape = await exposition.text("")
            costs.append(time.process_time() - cpu)
            async with watched(without):
                await asyncio.sleep(time.perf_counter() - begun)
            await asyncio.sleep(max(scrape.holds_until - asyncio.get_running_loop().time(), 0))
    lines, size = scrape.body.count(b"\n"), len(scrape.body) / 1000
    took, wait, else_ = (statistics.median(found) * 1000 for found in (costs, worst, without))
    told = f"{lines} lines, {size:.0f} kB: {took:.0f} ms of CPU"
    return f"{told}; others waited {wait:.1f} ms, without it {else_:.1f} ms"


async def main(actions: int, operations: int) -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_storage(Path(folder), SystemClock()) as storage, busy():
            print(await scrapes(sources_of(storage, actions, operations)))


if __name__ == "__main__":
    chosen = [int(argument) for argument in sys.argv[1:]]
    uvloop.run(main(*(chosen or [15, 40])))
