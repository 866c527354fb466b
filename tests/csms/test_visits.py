"""The visitors' book, at the real door: who came, who took over, and how each went."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from csms import settings, wiring
from storage.clock import SystemClock
from storage.history_records import Visit
from storage.repositories.visits import STOPPED
from storage.store import open_storage
from tests.csms.test_gateway import KEY, House, beats, close_of, house
from tests.doubles import PATIENCE, until


async def visits(home: House) -> list[Visit]:
    await home.storage.group.flush()
    return await home.storage.visits.page(KEY, 10)


async def test_a_connection_is_written_down_as_it_begins_and_as_it_ends(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        async with home.dial() as client:
            assert await beats(client)
            (lasting,) = await visits(home)
            assert (lasting.until, lasting.frames_received) == (None, None)
            assert lasting.since == home.connected().since
            await client.close(3000, "for\0today")
        await until(lambda: len(home.registry) == 0)
        (over,) = await visits(home)

    assert (over.key, over.since) == (KEY, lasting.since)
    assert over.until is not None
    assert over.until >= over.since
    assert (over.remote_address, over.subprotocol) == ("127.0.0.1", "ocpp1.6")
    assert (over.close_code, over.close_reason) == (3000, "fortoday")
    assert (over.frames_received, over.frames_sent) == (1, 1)
    assert over.bytes_received == len('[2,"beat","Heartbeat",{}]')
    assert over.bytes_sent


async def test_who_is_taken_over_has_a_row_with_its_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home, home.dial() as old:
        assert await beats(old)
        async with home.dial() as new:
            assert await beats(new)
            await close_of(old)
            await until(lambda: home.connected().link.traffic.frames_received)
            newer, older = await both_told(home)

    assert newer.until is None
    assert (older.close_code, older.frames_received) == (1008, 1)
    assert "superseded" in (older.close_reason or "")


async def both_told(home: House) -> list[Visit]:
    """Return the rows once the older connection has ended."""
    async with asyncio.timeout(PATIENCE):
        while (found := await visits(home))[-1].until is None:  # noqa: ASYNC110 - no event is set
            await asyncio.sleep(0)
    return found


async def test_who_is_refused_leaves_no_row(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        with pytest.raises(InvalidStatus, match="401"):
            async with home.dial(authorization=()):
                pass
        assert await visits(home) == []


async def test_shutdown_ends_each_with_its_code(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with house(tmp_path) as home:
            client = await stack.enter_async_context(home.dial())
            assert await beats(client)
        async with open_storage(tmp_path, SystemClock()) as storage:
            (visit,) = await storage.visits.page(KEY, 10)

    assert (visit.close_code, visit.close_reason) == (1012, "restarting")


async def test_what_a_killed_server_left_open_is_ended_before_anybody_comes(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        async with home.dial() as client:
            assert await beats(client)
            (lasting,) = await visits(home)
        await until(lambda: len(home.registry) == 0)
        await home.storage.visits.note(lasting)  # as if it had not been told that it is over
    chosen = settings.read(
        {
            "RINGMAIN_DATA_DIR": str(tmp_path),
            "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
            "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
        }
    )
    async with wiring.running(chosen) as server:
        (visit,) = await server.storage.visits.page(KEY, 10)

    assert (visit.since, visit.close_code, visit.close_reason) == (lasting.since, None, STOPPED)
    assert visit.until is not None
    assert visit.until >= visit.since
