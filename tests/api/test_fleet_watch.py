"""Whoever watches a fleet is told what holds: of every change, soon, and once for all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest

from api import fleet_watch
from api.fleet_watch import MOST_AT_ONCE, Fleets, Watcher
from storage.database import NO_VALUES, Row, Statement
from storage.errors import StorageUnavailable
from tests.api.conftest import Api, Connect
from tests.doubles import PATIENCE


class Told:
    """What a watcher is told, one change after the other."""

    def __init__(self, watcher: Watcher) -> None:
        self._changes = watcher.changes()

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            change = await anext(self._changes)
        told: dict[str, Any] = orjson.loads(orjson.dumps(change))
        return told

    async def names(self, count: int) -> list[str]:
        """Return of whom the next changes are, until there are so many."""
        found = list[str]()
        while len(found) < count:
            change = await self.next()
            found += [row["charge_box_id"] for row in change["chargers"]] + change["removed"]
        return found


@pytest.fixture
async def fleets(api: Api, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleets]:
    monkeypatch.setattr(fleet_watch, "PAUSE", 0.02)
    fleets, parts = Fleets(api.parts), api.parts
    with parts.storage.commits.heard_by(fleets), parts.registry.news.heard_by(fleets.note):
        yield fleets


@contextlib.asynccontextmanager
async def watching(fleets: Fleets, api: Api) -> AsyncIterator[Told]:
    async with fleets.watch(api.organization_uuid) as watcher:
        told = Told(watcher)
        assert await told.next() == {"chargers": [], "removed": []}
        yield told


async def test_every_change_is_told(api: Api, fleets: Fleets, connect: Connect) -> None:
    async with watching(fleets, api) as told:
        path = f"{api.organization}/chargers/CP-1"
        await api.enrol()
        assert await told.names(1) == ["CP-1"]
        await api("PATCH", path, {"charger_name": "By the door"})
        [renamed] = (await told.next())["chargers"]
        made = await api("POST", f"{api.organization}/sites", {"name": "S", "chargers": ["CP-1"]})
        site = made.body["site"]["site_id"]
        [placed] = (await told.next())["chargers"]
        await api("DELETE", f"{api.organization}/sites/{site}")
        [displaced] = (await told.next())["chargers"]
        peer = (await connect()).peer
        [came] = (await told.next())["chargers"]
        await peer.calls(
            "StatusNotification", b'{"connectorId":1,"errorCode":"NoError","status":"Faulted"}'
        )
        [faulted] = (await told.next())["chargers"]
        await api("DELETE", path)
        gone = await told.next()

    assert renamed["charger_name"] == "By the door"
    assert (placed["site_id"], displaced["site_id"]) == (site, None)
    assert (came["state"], faulted["state"]) == ("unknown", "faulted")
    assert gone == {"chargers": [], "removed": ["CP-1"]}


async def test_a_heartbeat_is_no_change(api: Api, fleets: Fleets, connect: Connect) -> None:
    await api.enrol()
    peer = (await connect()).peer
    async with watching(fleets, api) as told:
        await peer.calls("Heartbeat")
        await peer.hears()
        await api.enrol("CP-2")

        assert await told.names(1) == ["CP-2"]


async def test_how_a_link_is_to_its_target_is_a_change(api: Api, fleets: Fleets) -> None:
    await api.enrol()
    async with watching(fleets, api) as told:
        api.parts.registry.news.tell(api.charger_key("CP-1"))

        assert await told.names(1) == ["CP-1"]


async def test_who_is_slow_is_told_of_each_only_what_holds(api: Api, fleets: Fleets) -> None:
    key = api.charger_key("CP-1")
    await api.enrol()
    async with watching(fleets, api) as told, watching(fleets, api) as quick:
        for status in ("Available", "Preparing", "Charging"):
            api.storage.chargers.note_status(key, 1, 1, status, b"{}")
            await api.storage.journal.flush()
            [row] = (await quick.next())["chargers"]
            assert row["connectors"][0]["status"] == status
        change = await told.next()

    assert [row["connectors"][0]["status"] for row in change["chargers"]] == ["Charging"]


async def test_many_changes_come_in_parts(api: Api) -> None:
    watcher = Watcher()
    told = Told(watcher)
    await told.next()
    for number in range(2 * MOST_AT_ONCE + 1):
        watcher.tell(f"CP-{number}", None)

    assert [len((await told.next())["removed"]) for _ in range(3)] == [
        MOST_AT_ONCE,
        MOST_AT_ONCE,
        1,
    ]


async def test_what_could_not_be_read_is_read_when_storage_is_back(
    api: Api, fleets: Fleets, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.enrol()
    inner = api.storage.database.inner  # type: ignore[attr-defined] # `open_storage` has it watched
    fetch, asked = inner.fetch, asyncio.Event()

    async def away(_statement: Statement, _values: Row = NO_VALUES) -> list[Row]:
        asked.set()
        raise StorageUnavailable

    async with watching(fleets, api) as told:
        monkeypatch.setattr(inner, "fetch", away)
        fleets.note(api.charger_key("CP-1"))
        await asked.wait()
        monkeypatch.setattr(inner, "fetch", fetch)

        assert await told.names(1) == ["CP-1"]


async def test_what_may_have_been_committed_is_looked_at(
    api: Api, fleets: Fleets, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.enrol()
    inner = api.storage.database.inner  # type: ignore[attr-defined] # `open_storage` has it watched
    write = inner.write

    async def breaking(writes: Sequence[Any]) -> None:
        await write(writes)
        if writes:
            raise StorageUnavailable

    async with watching(fleets, api) as told:
        monkeypatch.setattr(inner, "write", breaking)
        api.storage.chargers.note_status(api.charger_key("CP-1"), 1, 1, "Faulted", b"{}")
        with contextlib.suppress(StorageUnavailable):
            await api.storage.journal.flush()
        monkeypatch.setattr(inner, "write", write)
        [row] = (await told.next())["chargers"]

    assert row["connectors"][0]["status"] == "Faulted"


async def test_where_nobody_watches_nothing_is_read(api: Api, fleets: Fleets) -> None:
    async with watching(fleets, api), watching(fleets, api):
        assert len(fleets._watched) == 1

    assert fleets._watched == {}
