"""Data connectors as their owners have them: through the REST API, with what each one tells."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.faults import books
from bench.faults.stand import Stand
from storage.clock import SystemClock
from storage.store import open_storage

FLUSH_S = 1
# Between what the clock says here and there, and what the answer takes to be written.
_CLOCK_S = 0.05
_LOOKS = 40
_EVERY_S = 0.25


@dataclass(slots=True)
class Connector:
    """One connector; ``configuration`` and ``credentials`` are those that it was created with."""

    stand: Stand
    name: str
    configuration: Mapping[str, Any]
    credentials: Mapping[str, str]
    type: str = "aws_s3"
    id: str = ""

    @property
    def _path(self) -> str:
        return f"/api/orgs/{self.stand.organization_uuid}/connectors"

    async def create(self) -> None:
        """Create it, from the beginning of the log on."""
        flush = {"start": "earliest", "flush_seconds": FLUSH_S}
        body = {
            "name": self.name,
            "type": self.type,
            "configuration": {**flush, **self.configuration},
            "credentials": self.credentials,
        }
        status, answer = await self.stand.ask("POST", self._path, body)
        if status != 201:
            raise RuntimeError(f"{self.name} was not created: {status} {answer}")
        self.id = answer["connector"]["id"]

    async def change(self, **given: Any) -> None:
        """Change some fields."""
        status, answer = await self.stand.ask("PUT", f"{self._path}/{self.id}", given)
        if status != 200:
            raise RuntimeError(f"{self.name} was not changed: {status} {answer}")

    async def status(self) -> Mapping[str, Any]:
        """Return how it is; nothing where the server is not there."""
        status, answer = await self.stand.ask("GET", f"{self._path}/{self.id}/status")
        told: Mapping[str, Any] = answer["status"] if status == 200 else {}
        return told

    async def position(self) -> int:
        """Return the position up to which all is stored."""
        return (await self.status()).get("last_delivered_seq") or 0

    def behind(self, position: int) -> tuple[int, int, int]:
        """Ask the database what is behind a position."""
        return books.behind(self.stand.ground.books, self.stand.organization_uuid, position)

    async def compare_lag(self) -> str:
        """Compare the lag with the database at a moment when nothing comes; return what differs."""
        for _ in range(_LOOKS):
            position = await self.position()
            asked, (count, oldest, _) = time.time(), self.behind(position)
            told = await self.status()
            answered, (again, *_) = time.time(), self.behind(position)
            if (told.get("last_delivered_seq") or 0) != position or count != again:
                continue  # something came or went meanwhile
            records, seconds = told["lag_records"], told["lag_seconds"]
            least, most = ((at - oldest / 1e6) if oldest else 0.0 for at in (asked, answered))
            if records == count and least - _CLOCK_S <= seconds <= most + _CLOCK_S:
                return ""
            return f"{self.name}: lag {records} of {count}, {seconds:.2f} of {least:.2f} s"
        return f"{self.name}: never quiet"


async def delivered(connectors: Sequence[Connector], through: int, timeout: float) -> list[str]:
    """Wait until all are stored up to a position; name those that are not."""
    until, left = time.monotonic() + timeout, list(connectors)
    while left and time.monotonic() < until:
        left = [one for one in left if await one.position() < min(through, one.behind(0)[2])]
        await asyncio.sleep(0.05)
    return [one.name for one in left]


@dataclass(slots=True)
class Lags:
    """The largest lag that was told of each connector while somebody looked, s."""

    most: dict[str, float] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def watching_lags(connectors: Sequence[Connector]) -> AsyncIterator[Lags]:
    """Look at the lag of these all the time."""
    lags = Lags()

    async def watch(one: Connector) -> None:
        while True:
            told = await one.status()
            lags.most[one.name] = max(lags.most.get(one.name, 0.0), told.get("lag_seconds", 0.0))
            await asyncio.sleep(_EVERY_S)

    tasks = [asyncio.create_task(watch(one)) for one in connectors]
    try:
        yield lags
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def neighbouring(stand: Stand) -> AsyncIterator[Stand]:
    """Found another organization on the same server."""
    ground = stand.ground
    async with open_storage(ground.data_dir, SystemClock(), database_url=ground.url) as storage:
        organization = await storage.organizations.create("neighbours")
        uuid = organization.organization_uuid
        _, key = await storage.api_keys.create(uuid, "admin")
    async with (
        aiohttp.ClientSession(headers={"x-api-key": key}) as session,
        contextlib.AsyncExitStack() as stack,
    ):
        chance = random.Random(stand.chance.random())
        yield Stand(stand.server, session, uuid, ground, chance, _stack=stack)
