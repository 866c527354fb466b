"""A server killed between a command and its answer: the records say so, and reports go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from storage.clock import SystemClock
from storage.records import Charger, ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests import programs
from tests.installations import variables

PASSWORD = "a-password-of-20-cha"
STATION = "/api/chargingStations/CP-1"


@dataclass(frozen=True)
class Server:
    """A server process, and one charger's and one user's way to it."""

    process: programs.Program
    http: str
    url: str
    session: aiohttp.ClientSession

    async def post(self, action: str, body: Any) -> Any:
        async with self.session.post(f"{self.http}{STATION}/commands/{action}", json=body) as got:
            return await got.json()

    async def commands(self) -> dict[str, Any]:
        """Return the records by action."""
        async with self.session.get(f"{self.http}{STATION}/commands") as got:
            return {one["action"]: one for one in (await got.json())["commands"]}

    async def command(self, command_id: str) -> Any:
        async with self.session.get(f"{self.http}{STATION}/commands/{command_id}") as got:
            return (await got.json())["command"]

    def charger(self) -> Any:
        return connect(self.url, subprotocols=[Subprotocol("ocpp2.0.1")], proxy=None)


@contextlib.asynccontextmanager
async def serving(data_dir: Path, key: ChargerKey, api_key: str) -> AsyncIterator[Server]:
    process = await programs.start("serve", environment=variables(data_dir))
    try:
        async with (
            asyncio.timeout(60),
            aiohttp.ClientSession(headers={"x-api-key": api_key}) as session,
        ):
            while (event := json.loads(await process.stderr.readline()))["event"] != "ready":
                pass
            path = f"{key.organization_uuid}/ocpp_proxy/{key.charge_box_id}"
            host = event["ocpp"].removeprefix("ws://")
            url = f"ws://{key.charge_box_id}:{PASSWORD}@{host}/{path}"
            yield Server(process, event["http"], url, session)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def enrol(data_dir: Path) -> tuple[ChargerKey, str]:
    clock = SystemClock()
    async with open_storage(data_dir, clock) as storage:
        organization = await storage.organizations.create("kill")
        key = ChargerKey(organization.organization_uuid, "CP-1")
        charger = Charger(
            key=key,
            charger_name="CP-1",
            password_digest=digest_secret(PASSWORD.encode()),
            created_at=clock.now(),
        )
        await storage.chargers.enroll(charger, None)
        _, api_key = await storage.api_keys.create(key.organization_uuid, "operate")
    return key, api_key


async def hears(socket: ClientConnection, action: str) -> list[Any]:
    """Return the next CALL of an action; what else the server wants to know it is not told."""
    while True:
        kind, id, *rest = json.loads(await socket.recv())
        if kind == 2 and rest[0] == action:
            return [id, rest[1]]
        if kind == 2:
            await socket.send(json.dumps([4, id, "NotSupported", "", {}]))


async def reports(socket: ClientConnection, number: int, seq_no: int, *, more: bool) -> None:
    """Tell a part of a report, and wait until it is answered."""
    part = {"requestId": number, "seqNo": seq_no, "generatedAt": "2026-11-21T10:00:00Z"}
    await socket.send(json.dumps([2, f"part-{seq_no}", "NotifyReport", {**part, "tbc": more}]))
    while json.loads(await socket.recv())[:2] != [3, f"part-{seq_no}"]:
        pass


async def test_what_was_out_has_failed_and_what_is_collected_goes_on(tmp_path: Path) -> None:
    key, api_key = await enrol(tmp_path)
    async with serving(tmp_path, key, api_key) as server, server.charger() as socket:
        body = {"reportBase": "FullInventory"}
        asking = asyncio.create_task(server.post("GetBaseReport", body))
        id, asked = await hears(socket, "GetBaseReport")
        await socket.send(json.dumps([3, id, {"status": "Accepted"}]))
        assert await asking == {"status": "Accepted"}
        await reports(socket, asked["requestId"], 0, more=True)
        lost = asyncio.create_task(server.post("ClearCache", {}))
        await hears(socket, "ClearCache")
        assert (await server.commands())["ClearCache"]["state"] == "sent"
        server.process.send_signal(signal.SIGKILL)
        with contextlib.suppress(aiohttp.ClientError):
            await lost

    async with serving(tmp_path, key, api_key) as server, server.charger() as socket:
        told = await server.commands()
        assert told["ClearCache"]["state"] == "failed"
        assert "restarted" in told["ClearCache"]["response"]["error"]
        report = await server.command(told["GetBaseReport"]["commandId"])
        assert (report["state"], report["progress"]["parts"]) == ("collecting", 1)

        await reports(socket, asked["requestId"], 1, more=False)
        report = await server.command(told["GetBaseReport"]["commandId"])
        assert (report["state"], report["progress"]["parts"]) == ("complete", 2)
