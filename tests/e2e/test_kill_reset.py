"""A restart that waits outlives kill -9: it goes out when the charger is idle, once."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.e2e.test_kill_commands import STATION, Server, enrol, hears, serving

START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-11-21T10:00:00Z"}


def charger(server: Server) -> Any:
    return connect(server.url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None)


async def calls(socket: ClientConnection, action: str, payload: dict[str, Any]) -> Any:
    """Call the server and return its answer; what it wants to know it is not told."""
    await socket.send(json.dumps([2, action, action, payload]))
    while True:
        kind, id, *rest = json.loads(await socket.recv())
        if (kind, id) == (3, action):
            return rest[0]
        assert kind == 2, rest
        assert rest[0] != "Reset"
        await socket.send(json.dumps([4, id, "NotSupported", "", {}]))


async def shown(server: Server) -> tuple[int, Any]:
    async with server.session.get(f"{server.http}{STATION}/reset") as got:
        return got.status, await got.json()


async def ended(server: Server, waiting: Any) -> Any:
    """Return the record of a restart, None while it has not ended."""
    command = await server.command(waiting["commandId"])
    return None if command["finishedAt"] is None else command


async def test_a_restart_that_waits_goes_out_after_the_server_was_killed(tmp_path: Path) -> None:
    key, api_key = await enrol(tmp_path)
    async with serving(tmp_path, key, api_key) as server, charger(server) as socket:
        started = await calls(socket, "StartTransaction", START)
        url, body = f"{server.http}{STATION}/reset", {"type": "OnIdle"}
        async with server.session.post(url, json=body) as got:
            assert await got.json() == {"responseFromStation": "Scheduled"}
        server.process.send_signal(signal.SIGKILL)

    async with serving(tmp_path, key, api_key) as server, charger(server) as socket:
        waiting = (await shown(server))[1]["reset"]
        stop = {"transactionId": started["transactionId"], "meterStop": 1}
        await calls(socket, "StopTransaction", {**stop, "timestamp": "2026-11-21T10:30:00Z"})
        id, asked = await hears(socket, "Reset")
        assert asked == {"type": "Soft"}
        await socket.send(json.dumps([3, id, {"status": "Accepted"}]))
        async with asyncio.timeout(30):
            while (command := await ended(server, waiting)) is None:
                pass
        assert command["response"] == {"status": "Accepted"}
        assert (await shown(server))[0] == 404
