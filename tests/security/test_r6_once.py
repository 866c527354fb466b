"""R-6: a write that is repeated with its Idempotency-Key is carried out once, also over a kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection

from tests.api.conftest import Api, Connect
from tests.e2e.test_kill_commands import STATION, Server, enrol, hears, serving

STARTS = f"{STATION}/evses/1/transactions"
BODY = {"idToken": "AABBCCDD"}
KEY = {"Idempotency-Key": "start-1"}


async def start(server: Server) -> tuple[int, Any]:
    async with server.session.post(f"{server.http}{STARTS}", json=BODY, headers=KEY) as got:
        return got.status, await got.json()


async def starts_heard(socket: ClientConnection) -> int:
    """Ask for something else, and count the starts that come before it."""
    heard = 0
    while True:
        _, id, *rest = json.loads(await socket.recv())
        if rest and rest[0] == "ClearCache":
            await socket.send(json.dumps([3, id, {"status": "Accepted"}]))
            return heard
        heard += bool(rest) and rest[0] == "RequestStartTransaction"
        await socket.send(json.dumps([4, id, "NotSupported", "", {}]))


async def test_a_start_is_never_sent_twice_though_the_server_was_killed_before_the_answer(
    tmp_path: Path,
) -> None:
    key, api_key = await enrol(tmp_path)
    async with serving(tmp_path, key, api_key) as server, server.charger() as socket:
        asking = asyncio.create_task(start(server))
        await hears(socket, "RequestStartTransaction")
        server.process.send_signal(signal.SIGKILL)
        with contextlib.suppress(aiohttp.ClientError):
            await asking

    async with serving(tmp_path, key, api_key) as server, server.charger() as socket:
        again = await start(server)
        clearing = asyncio.create_task(server.post("ClearCache", {}))
        assert await starts_heard(socket) == 0
        await clearing

        status, told = again
        assert (status, told["error"]) == (409, "conflict")
        command = await server.command(told["command_id"])
        assert (command["action"], command["state"]) == ("RemoteStart", "failed")
        assert "restarted" in command["response"]["error"]


async def test_an_answer_outlives_the_server_that_gave_it(tmp_path: Path) -> None:
    key, api_key = await enrol(tmp_path)
    async with serving(tmp_path, key, api_key) as server, server.charger() as socket:
        asking = asyncio.create_task(start(server))
        id, _ = await hears(socket, "RequestStartTransaction")
        await socket.send(json.dumps([3, id, {"status": "Accepted"}]))
        first = await asking
        server.process.send_signal(signal.SIGKILL)

    async with serving(tmp_path, key, api_key) as server, server.charger() as socket:
        again = await start(server)
        clearing = asyncio.create_task(server.post("ClearCache", {}))
        assert await starts_heard(socket) == 0
        await clearing

    assert first[0] == 200
    assert again == first


async def test_of_ten_at_once_a_charger_hears_one(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    headers = {"x-api-key": api.key, **KEY}
    asked = [
        asyncio.create_task(api("POST", f"{STATION}/reset", {"type": "Immediate"}, headers=headers))
        for _ in range(10)
    ]
    call = await charger.peer.hears()
    refused, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    while len(refused) < 9:
        more, _ = await asyncio.wait(set(asked) - refused, return_when=asyncio.FIRST_COMPLETED)
        refused |= more
    await charger.peer.says(json.dumps([3, call[1], {"status": "Accepted"}]))
    answers = await asyncio.gather(*asked)

    assert sorted(each.status for each in answers) == [200] + [409] * 9
    assert len((await api.get(f"{STATION}/commands"))["commands"]) == 1
