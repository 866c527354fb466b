"""S-17 for chargers: each limit is kept, and what is beyond it is answered as it is documented."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from csms.doorstep import LONGEST_HEAD
from csms.pace import PaceLimits
from tests.doubles import PATIENCE, until
from tests.security.doors import PASSWORD, Knocking, answer, authorization, enrol
from tests.security.ground import served

pytestmark = pytest.mark.sqlite_only("about what comes over the wire")
MIB = 1 << 20
CLEAR = "/api/chargingStations/CP01/commands/ClearCache"


async def says(connection: ClientConnection, text: bytes | str) -> Any:
    """Send one text and return the answer."""
    await connection.send(text, text=True)
    async with asyncio.timeout(PATIENCE):
        return json.loads(await connection.recv())


def transfer(size: int) -> bytes:
    """Return a CALL of so many bytes."""
    frame = b'[2,"1","DataTransfer",{"vendorId":"a","data":"%s"}]'
    return frame % (b"x" * (size - len(frame) + 2))


def deep(levels: int) -> bytes:
    """Return a CALL whose innermost list is so deep."""
    inner = levels - 2  # the frame and its payload
    return b'[2,"1","DataTransfer",{"vendorId":"a","data":' + b"[" * inner + b"]" * inner + b"}]"


async def test_s17_a_frame_of_a_charger_has_1_mib_at_most(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as charger:
            assert (await says(charger, transfer(MIB)))[0] == 3
            assert (await says(charger, transfer(MIB + 1)))[:3] == [4, "1", "FormationViolation"]
            await charger.send(transfer(2 * MIB + 1), text=True)
            with pytest.raises(ConnectionClosed, match="1009"):
                await charger.recv()


async def test_s17_depth_ids_and_values_of_a_frame_are_limited(tmp_path: Path) -> None:
    many = b'[2,"1","DataTransfer",{"vendorId":"a","data":[' + b"0," * 60_000 + b"0]}]"
    async with served(tmp_path) as ground:
        await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as charger:
            # As deep as may be, it is no text, which is what the schema asks for.
            assert (await says(charger, deep(32)))[2] == "TypeConstraintViolation"
            assert (await says(charger, deep(33)))[2] == "FormationViolation"
            assert (await says(charger, many))[2] == "FormationViolation"
            for length, id in ((255, "x" * 255), (256, "-1")):
                call = [2, "x" * length, "Heartbeat", {}]
                assert (await says(charger, json.dumps(call)))[1] == id


async def test_s17_a_head_has_32_kib_at_most(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        path, right = f"/{ground.organization_uuid}/ocpp/CP01", authorization("CP01", PASSWORD)
        headers = [f"X-{number}: {'x' * 4000}" for number in range(LONGEST_HEAD // 4000)]

        assert b" 101 " in await answer(ground, path, right, *headers[:-1])
        assert b" 431 " in await answer(ground, path, right, *headers, "X-Last: " + "x" * 1000)


async def test_s17_what_comes_faster_than_1_mb_a_second_is_read_later_and_none_of_it_lost(
    tmp_path: Path,
) -> None:
    at_once, rate, size = PaceLimits().bytes_at_once, PaceLimits().bytes, 1_000_000
    frames = round(at_once / size) + 1
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as charger:
            began = time.monotonic()
            for _ in range(frames):
                await charger.send(b'[3,"1",{"data":"%s"}]' % (b"x" * size), text=True)
            assert (await says(charger, '[2,"1","Heartbeat",{}]'))[0] == 3
            took = time.monotonic() - began
            found = ground.server.registry.find(key)
            assert found is not None
            assert found.link.traffic.unsolicited == frames

    # Whatever the machine, it cannot be faster.
    assert took >= (frames * size - at_once) / rate - 0.1


async def test_s17_answers_that_nobody_asked_for_are_dropped_and_count_as_no_calls(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as charger:
            for number in range(3000):
                await charger.send(f'[3,"{number}",{{}}]')
            assert (await says(charger, '[2,"1","Heartbeat",{}]'))[0] == 3
            found = ground.server.registry.find(key)
            assert found is not None
            assert found.link.traffic.unsolicited == 3000
            assert found.link._pace.calls.left > 0


async def test_s17_of_64_commands_that_wait_for_a_charger_one_more_is_refused(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as charger:
            await says(charger, '[2,"1","Heartbeat",{}]')
            asking = [asyncio.create_task(ground("POST", CLEAR, {})) for _ in range(80)]
            await until(lambda: sum(task.done() for task in asking) == 16)
            refused = [task.result() for task in asking if task.done()]
            await _obey(charger, 64)
            answers = [await task for task in asking]

    assert {status for status, _ in refused} == {503}
    assert sorted(status for status, _ in answers) == [200] * 64 + [503] * 16


async def _obey(charger: ClientConnection, times: int) -> None:
    for _ in range(times):
        call = json.loads(await charger.recv())
        await charger.send(json.dumps([3, call[1], {"status": "Accepted"}]))


async def test_s17_pings_without_number_are_answered_and_hold_nothing_up(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        async with Knocking(ground, password=PASSWORD).dialled() as charger:
            pongs = [await charger.ping(str(number)) for number in range(500)]
            assert (await says(charger, '[2,"1","Heartbeat",{}]'))[0] == 3
            await asyncio.gather(*pongs)


def test_s17_the_documented_figures_are_those_that_are_kept() -> None:
    limits = PaceLimits()

    assert (limits.calls, limits.calls_at_once, limits.bytes) == (200, 2000, 1_000_000)
