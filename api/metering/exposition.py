"""Write the metrics of a process as Prometheus reads them.

The counts are read in the event loop, where they are fed, and written as text in a thread: with
thousands of series that takes tens of ms. However many ask at once, it is done once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from api.tally import ApiTally

# Who comes within so many s of another gets the same.
FRESH_SECONDS = 1.0


class Scrape(NamedTuple):
    """The text, its content type, and until when it may be told again (by the loop's clock)."""

    body: bytes
    content_type: str
    holds_until: float


async def _nothing() -> None:
    """Read nothing."""


class Exposition:
    """Tell what a registry has; ``gather`` reads the counts before."""

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        gather: Callable[[], Awaitable[None]] = _nothing,
        fresh_seconds: float = FRESH_SECONDS,
    ) -> None:
        self._registry = registry or CollectorRegistry()
        self._gather = gather
        self._fresh_seconds = fresh_seconds
        self._turn = asyncio.Lock()
        self._written: dict[str, Scrape] = {}

    async def text(self, accept: str) -> Scrape:
        """Return the metrics in the format that an Accept header prefers."""
        encode, content_type = choose_encoder(accept)
        now = asyncio.get_running_loop().time
        async with self._turn:
            written = self._written.get(content_type)
            if written is None or now() >= written.holds_until:
                # A client names the format: of names without end only those are kept that hold.
                self._written = {
                    told: each for told, each in self._written.items() if now() < each.holds_until
                }
                await self._gather()
                body = await asyncio.to_thread(encode, self._registry)
                written = Scrape(body, content_type, now() + self._fresh_seconds)
                self._written[content_type] = written
        return written


@dataclass(frozen=True, slots=True)
class Metered:
    """What the API feeds of the metrics, and how it shows all of them."""

    tally: ApiTally = field(default_factory=ApiTally)
    exposition: Exposition = field(default_factory=Exposition)
