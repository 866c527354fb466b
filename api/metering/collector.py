"""Read all that was counted, for one registry of Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from api.metering.exposition import Exposition, Metered
from api.metering.links import of_chargers, of_links, of_targets, of_the_door
from api.metering.server import of_the_api, of_the_process
from api.metering.sources import Sources
from api.metering.storage import of_sinks, of_storage, of_the_census

_PARTS: tuple[Callable[[Sources], Iterator[Metric]], ...] = (
    of_chargers,
    of_links,
    of_the_door,
    of_targets,
    of_storage,
    of_sinks,
    of_the_census,
    of_the_api,
    of_the_process,
)


class Counts(Collector):
    """Hold what was read last: it is read in the event loop and collected in a thread."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._families: list[Metric] = []

    async def gather(self) -> None:
        """Read everything; others have their turn in between."""
        await self._sources.census.refresh()
        families: list[Metric] = []
        for part in _PARTS:
            for family in part(self._sources):
                families.append(family)
                await asyncio.sleep(0)
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return what was read last."""
        return self._families


@contextlib.asynccontextmanager
async def metering(sources: Sources, registry: CollectorRegistry) -> AsyncIterator[Metered]:
    """Watch the process until the context ends; the registry shows it."""
    counts = Counts(sources)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(counts)
    watching = asyncio.create_task(sources.lag.run())
    try:
        yield Metered(sources.tally, Exposition(registry, counts.gather))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await sources.census.close()
