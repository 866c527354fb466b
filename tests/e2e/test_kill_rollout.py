"""kill -9 in the middle of a rollout and of its rollback: each goes on, and no charger is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from storage.clock import SystemClock
from storage.commissioning_records import Site
from storage.records import Charger, ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests import programs
from tests.installations import variables
from tests.proxy.stage import Target

PASSWORD = "a-password-of-20-cha"
CONNECTED = ("CP-1", "CP-2", "CP-3")
ABSENT = tuple(f"FAR-{number:02d}" for number in range(12))
SITE = "site"
PATIENCE = 60.0
SETTINGS = {
    "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
    "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
}


@dataclass(frozen=True)
class Server:
    """A server process, and the operator's way to it."""

    process: programs.Program
    operator: str
    session: aiohttp.ClientSession

    async def post(self, path: str, body: Any = None) -> Any:
        async with self.session.post(f"{self.operator}/{path}", json=body) as got:
            assert got.status in {200, 202}, await got.text()
            return await got.json()

    async def get(self, path: str) -> Any:
        async with self.session.get(f"{self.operator}/{path}") as got:
            assert got.status == 200, await got.text()
            return await got.json()

    async def rollout(self) -> Any:
        return (await self.get(f"connections/sites/{SITE}"))["rollout"]

    async def applied(self) -> dict[str, str | None]:
        """Return the version that each charger has."""
        results = (await self.get(f"connections/sites/{SITE}"))["results"]
        return {one["charge_box_id"]: one["appliedVersion"] for one in results}

    async def ends(self) -> str:
        """Wait until what is rolled out has ended; return how."""
        while (rollout := await self.rollout())["state"] == "running":
            await _a_moment()
        return str(rollout["state"])

    async def gets_somewhere(self) -> None:
        """Wait until a charger is done."""
        while not (await self.rollout())["counts"].get("applied"):
            await _a_moment()

    async def stored(self, target: Target) -> str:
        """Store a version that leads to a target, and return it."""
        url = f"ws://127.0.0.1:{target.port}/ocpp"
        body = {"connectivityMode": "DualProtocol", "websocketConnectionArgs": {"url": url}}
        return str((await self.post("connection-details", body))["version"])

    async def roll_out(self, version: str, **more: Any) -> None:
        await self.post(f"connections/sites/{SITE}", {"version": version, **more})

    async def linked(self) -> None:
        """Wait until all who are there are linked."""
        for name in CONNECTED:
            while (await self.get(f"connections/chargers/{name}"))["linkState"] != "ready":
                await _a_moment()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)


async def _a_moment() -> None:
    # HTTP tells nobody of news; asked without a pause, the server would do nothing else.
    await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(folder: Path, organization: str, api_key: str) -> AsyncIterator[Server]:
    """Serve, with the chargers that are there, until the context ends."""
    process = await programs.start("serve", environment=variables(folder, **SETTINGS))
    chargers: list[asyncio.Task[None]] = []
    try:
        async with (
            asyncio.timeout(PATIENCE),
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {api_key}"}) as session,
        ):
            while (event := json.loads(await process.stderr.readline()))["event"] != "ready":
                pass
            chargers += [
                asyncio.create_task(charge(event["ocpp"], organization, name)) for name in CONNECTED
            ]
            base = f"{event['http']}/local-ocpp/v1/operators/{organization}"
            yield Server(process, base, session)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        await asyncio.gather(*chargers)


async def charge(ocpp: str, organization: str, name: str) -> None:
    """Boot, and stay until the server dies; what it wants to know it is not told."""
    host = ocpp.removeprefix("ws://")
    url = f"ws://{name}:{PASSWORD}@{host}/{organization}/ocpp_proxy/{name}"
    boot = {"chargePointVendor": "Acme", "chargePointModel": "Wall"}
    with contextlib.suppress(WebSocketException, OSError):
        async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None) as socket:
            await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
            async for text in socket:
                kind, id, *_ = json.loads(text)
                if kind == 2:
                    await socket.send(json.dumps([4, id, "NotSupported", "", {}]))


async def enrol(folder: Path) -> tuple[str, str]:
    clock = SystemClock()
    async with open_storage(folder, clock) as storage:
        organization = (await storage.organizations.create("kill")).organization_uuid
        for name in (*CONNECTED, *ABSENT):
            charger = Charger(
                key=ChargerKey(organization, name),
                charger_name=name,
                password_digest=digest_secret(PASSWORD.encode()),
                created_at=clock.now(),
            )
            await storage.chargers.enroll(charger, None)
        now = clock.now()
        site = Site(
            site_id=SITE, organization_uuid=organization, name="S", created_at=now, updated_at=now
        )
        await storage.sites.create(site, (*CONNECTED, *ABSENT))
        return organization, (await storage.api_keys.create(organization, "admin"))[1]


def dialled(target: Target) -> set[str]:
    """Return as whom chargers have dialled a target, and forget it."""
    paths = {request.path.rpartition("/")[2] for request in target.requests}
    target.requests.clear()
    return paths


async def test_a_rollout_and_its_rollback_survive_kill_9(tmp_path: Path) -> None:
    organization, api_key = await enrol(tmp_path)
    everybody = (*CONNECTED, *ABSENT)
    async with Target().up() as old, Target().up() as new:
        new.status = HTTPStatus.SERVICE_UNAVAILABLE
        async with serving(tmp_path, organization, api_key) as server:
            first, second = await server.stored(old), await server.stored(new)
            await server.roll_out(first)
            assert await server.ends() == "done"
            await server.linked()
            # The canary waits for a target that is not there yet.
            await server.roll_out(second, canary={"chargers": 1, "seconds": 300})
            await server.gets_somewhere()
            server.kill()

        new.status = HTTPStatus.SWITCHING_PROTOCOLS
        dialled(old)
        async with serving(tmp_path, organization, api_key) as server:
            assert await server.ends() == "done"
            assert await server.applied() == dict.fromkeys(everybody, second)
            await server.linked()
            assert dialled(new) == set(CONNECTED)
            await server.post(f"connections/sites/{SITE}/rollback")
            await server.gets_somewhere()
            server.kill()

        dialled(old)
        dialled(new)
        async with serving(tmp_path, organization, api_key) as server:
            assert await server.ends() == "done"
            assert await server.applied() == dict.fromkeys(everybody, first)
            await server.linked()
            assert dialled(old) == set(CONNECTED)
            rollout = await server.rollout()
            assert rollout["counts"]["applied"] == len(everybody)
