"""What a command costs: from the POST over the charger's answer to ours (goal 10).

Two subjects: Ringmain with every promise kept, and the least that could do it, one POST and one
round trip over a WebSocket. The load is the same for both, and in the bench's own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import orjson
from aiohttp import web
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from api.app import ApiParts, create_app
from api.server import listening
from bench.load import Dial
from csms.admission import Admission, records_of
from csms.attempts import Attempts
from csms.books import open_books
from csms.gateway import Door, Gateway
from csms.registry import Registry
from csms.security_events import SecurityEvents
from csms.settings import Bind
from csms.wiring import commissioned, export_parts
from proxy.addresses import AddressGuard
from proxy.parts import RelayParts
from proxy.relays import Relays
from proxy.store_door import StoreDoor
from storage.clock import SystemClock
from storage.exporter import Exporter
from storage.sinks.port import Outside
from storage.store import Storage, open_storage

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from bench.subjects import Dials

_FRAME = b'[2,"00000000-0000-4000-a000-00000000%04d","ClearCache",{}]'
_ACCEPTED = {"status": "Accepted"}


class Round:
    """One POST, one round trip over the WebSocket of its number, one answer."""

    def __init__(self) -> None:
        self._connections: list[ServerConnection] = []
        self._answers: dict[int, asyncio.Future[bytes]] = {}

    async def converse(self, connection: ServerConnection) -> None:
        """Hand over whatever the other end says to who waits for it."""
        number = len(self._connections)
        self._connections.append(connection)
        with contextlib.suppress(ConnectionClosed):
            while True:
                answer = await connection.recv(decode=False)
                self._answers[number].set_result(answer)

    async def post(self, request: web.Request) -> web.Response:
        """Pass a frame on and answer what came back."""
        await request.read()
        number = int(request.match_info["number"])
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connections[number].send(_FRAME % number, text=True)
        return web.Response(body=await answer, content_type="application/json")


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve a bare application; yield its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    assert runner.server is not None
    listener = await asyncio.get_running_loop().create_server(runner.server, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def commanding(
    storage: Storage, organization_uuid: str, dials: Dials, clock: SystemClock
) -> AsyncIterator[Dials]:
    """Serve an organization's chargers, and commands for them."""
    _, api_key = await storage.api_keys.create(organization_uuid, "operate")
    guard = AddressGuard([ip_network("127.0.0.0/8")], allow_insecure=True)
    outside = Outside(StoreDoor(guard))
    events = SecurityEvents(storage.audit, clock)
    relaying, registry = RelayParts(storage=storage, guard=guard, clock=clock), Registry()
    async with (
        Relays(relaying) as relays,
        commissioned(storage, relays, registry, clock) as (provisioning, rollouts),
    ):
        gateway = Gateway(
            Door(bind=Bind("127.0.0.1", 0)),
            registry=registry,
            books=open_books(storage, clock),
            journal=storage.journal,
            relaying=relays,
            events=events,
            admission=Admission(records_of(storage), Attempts(time.monotonic), events, clock),
        )
        parts = ApiParts(
            storage=storage,
            registry=registry,
            relays=relays,
            events=events,
            guard=guard,
            exports=Exporter(export_parts(storage, outside, clock)),
            outside=outside,
            commissioning=rollouts.commissioning,
            provisioning=provisioning,
            rollouts=rollouts,
            clock=clock,
            new_id=lambda: str(uuid.uuid4()),
            public_ocpp_url="",
        )
        async with (
            gateway.listening() as ocpp,
            listening(create_app(parts), Bind("127.0.0.1", 0)) as http,
        ):
            base = f"http://{http}/api/chargingStations"
            yield [
                {
                    **dial,
                    "url": f"ws://{ocpp}{dial['url']}",
                    "post": f"{base}/{dial['user']}/commands/ClearCache",
                    "key": api_key,
                }
                for dial in dials
            ]


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[tuple[Storage, SystemClock]]:
    """Open a storage that goes with the context."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as directory:
        async with open_storage(Path(directory), clock) as storage:
            yield storage, clock


# ---- the load ----


class Commander:
    """Chargers that accept every command, and who commands each of them, one after the other."""

    def __init__(self, connections: Sequence[ClientConnection], dials: Sequence[Dial]) -> None:
        self._connections = connections
        self._dials = dials
        self.waits: list[float] = []  # s

    @contextlib.asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """Let the chargers answer until the context ends."""
        answering = [asyncio.create_task(_accept(one)) for one in self._connections]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._session:
            yield
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)

    async def command(self, calls: int) -> None:
        """Command all chargers together this many times."""
        share = calls // len(self._dials)
        async with asyncio.TaskGroup() as group:
            for dial in self._dials:
                group.create_task(self._command(dial, share))

    async def _command(self, dial: Dial, times: int) -> None:
        headers = {"x-api-key": dial.key} if dial.key else {}
        for _ in range(times):
            begun = time.perf_counter()
            async with self._session.post(dial.post, json={}, headers=headers) as answer:
                told = await answer.read()
            assert answer.status == 200, told
            self.waits.append(time.perf_counter() - begun)


async def _accept(connection: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            kind, id, *_ = orjson.loads(await connection.recv(decode=False))
            if kind == 2:
                await connection.send(orjson.dumps([3, id, _ACCEPTED]), text=True)
