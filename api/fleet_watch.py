"""
Tell who watches a fleet what changes of it.

One reader for each organization that is watched reads anew, in bulk, what was changed; all its
watchers are told the same rows. A watcher who does not keep up is told of each charger only what
holds when he does, so he costs no more than one row of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice

import orjson
import structlog
from aiohttp import web

from api.fleet_rows import FleetRows
from api.parts import PARTS, ApiParts
from csms.errors import place_of
from storage.changes import changed
from storage.database import Write
from storage.errors import StorageUnavailable
from storage.records import ChargerKey

log = structlog.get_logger("ringmain.api")

# s between two readings of an organization, and two events to a watcher.
PAUSE = 1.0
# Rows of one event.
MOST_AT_ONCE = 500


class Watcher:
    """One who watches, and what he has yet to be told: rows as they are written, by charger."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._untold: dict[str, orjson.Fragment | None] = {}  # None is not enrolled any more

    def tell(self, charge_box_id: str, row: orjson.Fragment | None) -> None:
        """Have something told, instead of what was not told yet of the same charger."""
        self._untold[charge_box_id] = row
        self._news.set()

    async def changes(self) -> AsyncIterator[dict[str, list[orjson.Fragment] | list[str]]]:
        """Yield what has changed, at first nothing, as soon as a second is over and not at once."""
        yield {"chargers": [], "removed": []}
        while True:
            await self._news.wait()
            self._news.clear()
            while some := dict(islice(self._untold.items(), MOST_AT_ONCE)):
                for name in some:
                    del self._untold[name]
                yield {
                    "chargers": [row for row in some.values() if row is not None],
                    "removed": [name for name, row in some.items() if row is None],
                }
            await asyncio.sleep(PAUSE)


class _Fleet:
    """The fleet of one organization while it is watched."""

    def __init__(self, organization_uuid: str, rows: FleetRows) -> None:
        self._organization_uuid = organization_uuid
        self._rows = rows
        self._changed: set[str] = set()
        self._news = asyncio.Event()
        self.watchers: set[Watcher] = set()
        # On behalf of its organization, as whoever watches first is.
        self._reading = asyncio.create_task(self._read())

    def note(self, charge_box_id: str) -> None:
        """Have a charger read again."""
        self._changed.add(charge_box_id)
        self._news.set()

    async def _read(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            names, self._changed = self._changed, set()
            try:
                await self._tell(names)
            except StorageUnavailable:
                self._again(names)
            except Exception as fault:  # noqa: BLE001 - whatever it is, they go on watching
                log.error("fleet_not_read", fault=place_of(fault))
                self._again(names)
            await asyncio.sleep(PAUSE)

    async def end(self) -> None:
        """Read no more."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    def _again(self, names: set[str]) -> None:
        self._changed |= names
        self._news.set()

    async def _tell(self, names: set[str]) -> None:
        gone = set(names)
        async for rows in self._rows.among(self._organization_uuid, names):
            for row in rows:
                gone.discard(row["charge_box_id"])
                self._give(row["charge_box_id"], orjson.Fragment(orjson.dumps(row)))
        for name in gone:
            self._give(name, None)

    def _give(self, charge_box_id: str, row: orjson.Fragment | None) -> None:
        for watcher in self.watchers:
            watcher.tell(charge_box_id, row)


class Fleets:
    """The fleets that are watched."""

    def __init__(self, parts: ApiParts) -> None:
        self._rows = FleetRows(parts)
        self._watched: dict[str, _Fleet] = {}

    def committed(self, writes: Sequence[Write]) -> None:
        """Hear what one transaction has written."""
        if self._watched:
            for key in changed(writes):
                self.note(key)

    def returned(self, writes: Sequence[Write]) -> None:
        """Hear what may have been written."""
        self.committed(writes)

    def note(self, key: ChargerKey) -> None:
        """Hear that something about a charger has changed."""
        fleet = self._watched.get(key.organization_uuid)
        if fleet is not None:
            fleet.note(key.charge_box_id)

    @asynccontextmanager
    async def watch(self, organization_uuid: str) -> AsyncIterator[Watcher]:
        """Watch an organization's fleet until the context ends."""
        fleet = self._watched.get(organization_uuid)
        if fleet is None:
            fleet = self._watched[organization_uuid] = _Fleet(organization_uuid, self._rows)
        watcher = Watcher()
        fleet.watchers.add(watcher)
        try:
            yield watcher
        finally:
            fleet.watchers.discard(watcher)
            if not fleet.watchers:
                del self._watched[organization_uuid]
                await fleet.end()


FLEETS = web.AppKey("FLEETS", Fleets)


async def watching(app: web.Application) -> AsyncIterator[None]:
    """Hear what changes while the application is served."""
    parts, fleets = app[PARTS], app[FLEETS]
    with parts.storage.commits.heard_by(fleets), parts.registry.news.heard_by(fleets.note):
        yield
