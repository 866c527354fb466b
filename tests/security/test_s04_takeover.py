"""S-04: a newcomer that has authenticated takes over; two devices with one name are told apart."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from storage.records import ChargerKey
from tests.doubles import PATIENCE
from tests.security.doors import PASSWORD, Knocking, enrol, told
from tests.security.ground import Ground, served

HERE, THERE = "127.0.0.7", "127.0.0.8"
CLEAR = "/api/chargingStations/CP01/commands/ClearCache"


async def linked(ground: Ground, connection: ClientConnection) -> None:
    """Wait until this one is the charger's link, which is served."""
    await connection.send('[2,"1","Heartbeat",{}]')
    await connection.recv()
    assert ChargerKey(ground.organization_uuid, "CP01") in ground.server.registry


async def obeys(connection: ClientConnection, asked: list[Any]) -> None:
    """Accept whatever is asked, and remember it."""
    with contextlib.suppress(ConnectionClosed):
        async for text in connection:
            call = json.loads(text)
            asked.append(call)
            await connection.send(json.dumps([3, call[1], {"status": "Accepted"}]))


async def ended(connection: ClientConnection) -> tuple[int, str]:
    """Wait for the end of a link and return how it ended."""
    async with asyncio.timeout(PATIENCE):
        await connection.wait_closed()
    return connection.close_code or 0, connection.close_reason or ""


async def test_s04_a_charger_whose_old_socket_is_half_open_is_reached_by_its_new_one(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        charger = Knocking(ground, password=PASSWORD)
        async with charger.dialled() as old:
            await linked(ground, old)
            old.transport.pause_reading()  # from now on it answers nothing, not even a close
            async with charger.dialled() as new:
                await linked(ground, new)
                asked: list[Any] = []
                obeying = asyncio.create_task(obeys(new, asked))
                status, _ = await ground("POST", CLEAR, {})
                obeying.cancel()

        assert (status, [call[2] for call in asked]) == (200, ["ClearCache"])


@pytest.mark.sqlite_only("about sockets")
async def test_s04_what_was_asked_of_the_old_socket_fails_at_once(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        charger = Knocking(ground, password=PASSWORD)
        async with charger.dialled() as old:
            await linked(ground, old)
            asking = asyncio.create_task(ground("POST", CLEAR, {}))
            assert json.loads(await old.recv())[2] == "ClearCache"
            async with charger.dialled() as new:
                status, body = await asking
                await linked(ground, new)

        assert status >= 400, body
        assert await ended(old) == (1008, "superseded by a newer connection")


async def test_s04_of_two_clones_the_one_that_is_in_stays_and_its_owner_is_told(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground, contextlib.AsyncExitStack() as stack:
        await enrol(ground)
        ends: list[tuple[int, str]] = []
        present = await stack.enter_async_context(
            Knocking(ground, password=PASSWORD, source=HERE).dialled()
        )
        for _ in range(20):
            await linked(ground, present)
            source = (THERE, HERE)[sum(why.startswith("superseded") for _, why in ends) % 2]
            clone = await stack.enter_async_context(
                Knocking(ground, password=PASSWORD, source=source).dialled()
            )
            over = {
                asyncio.create_task(ended(one), name=str(one is clone)): one
                for one in (present, clone)
            }
            done, waiting = await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            (first,) = done
            ends.append(first.result())
            present = over[next(iter(waiting))]
            for task in waiting:
                task.cancel()
        events = [one for one in await told(ground) if one.action == "DuplicateConnection"]

        path = f"{ground.organization}/chargers/CP01/rotate-password"
        new = (await ground.ok("POST", path, {"by": "hand"}))["ocpp_password"]
        rightful = await stack.enter_async_context(
            Knocking(ground, password=new, source=THERE).dialled()
        )
        await linked(ground, rightful)
        assert await ended(present) == (1008, "superseded by a newer connection")

    assert (
        ends
        == [(1008, "superseded by a newer connection")] * 6
        + [(1008, "another device is connected as this charger")] * 14
    )
    assert [(one.charge_box_id, one.actor, one.result) for one in events] == [
        ("CP01", f"address:{THERE}", "refused")
    ]
    assert events[0].details["kept"] == HERE
    assert "new password" in events[0].details["advice"]


async def test_s04_the_close_of_the_old_socket_leaves_the_charger_online(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        charger = Knocking(ground, password=PASSWORD)
        async with charger.dialled() as old, charger.dialled() as new:
            await linked(ground, new)
            await old.close()
            old.transport.abort()
            asked: list[Any] = []
            obeying = asyncio.create_task(obeys(new, asked))
            status, _ = await ground("POST", CLEAR, {})
            obeying.cancel()

            assert (status, len(asked)) == (200, 1)
            assert key in ground.server.registry


async def test_s04_a_newcomer_that_has_not_authenticated_disturbs_nobody(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as present:
            await linked(ground, present)
            for password in (None, "wrong", "") * 3:
                stranger = Knocking(ground, password=password, source=THERE)
                assert await stranger.outcome() == 401
            asked: list[Any] = []
            obeying = asyncio.create_task(obeys(present, asked))
            status, _ = await ground("POST", CLEAR, {})
            obeying.cancel()

        assert (status, len(asked)) == (200, 1)
