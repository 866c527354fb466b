"""A whole server to stand on, traps that nobody may touch, and a made-up world outside."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from csms import settings, wiring
from proxy.timings import Timings
from tests.e2e.conftest import FAST

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Ground:
    """A server, and the API of it with the key of one organization."""

    session: aiohttp.ClientSession
    organization_uuid: str
    server: wiring.Running

    @property
    def organization(self) -> str:
        return f"/api/v1/organizations/{self.organization_uuid}"

    @property
    def connectors(self) -> str:
        return f"/api/orgs/{self.organization_uuid}/connectors"

    @property
    def ocpp(self) -> str:
        return f"ws://{self.server.ocpp}/{self.organization_uuid}/ocpp_proxy"

    async def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body) as answer:
            return answer.status, await answer.json()

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        """Ask for what must work."""
        status, told = await self(method, path, body)
        assert status < 300, (method, path, told)
        return told

    async def enrol(self, name: str) -> str:
        """Enrol a charger and return its password."""
        made = await self.ok("POST", f"{self.organization}/chargers", {"charge_box_id": name})
        return str(made["charger"]["ocpp_password"])

    async def audit(self) -> list[Any]:
        """Return the audit, newest first."""
        listed: list[Any] = (await self.ok("GET", f"{self.organization}/audit?limit=1000"))[
            "entries"
        ]
        return listed


@contextlib.asynccontextmanager
async def served(
    data_dir: Path, variables: Mapping[str, str] = NOTHING, timings: Timings = FAST
) -> AsyncIterator[Ground]:
    """Run a server that may dial nobody on this machine, unless the variables say so."""
    environment = {
        "RINGMAIN_DATA_DIR": str(data_dir),
        "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
        "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
        "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
        "RINGMAIN_RATE_LIMIT": "100000/100000",  # who waits for something asks often
        **variables,
    }
    async with wiring.running(settings.read(environment), timings=timings) as server:
        organization = await server.storage.organizations.create("tests")
        _, key = await server.storage.api_keys.create(organization.organization_uuid, "admin")
        async with aiohttp.ClientSession(
            f"http://{server.http}", headers={"x-api-key": key}
        ) as session:
            yield Ground(session, organization.organization_uuid, server)


# ---- traps ----


@dataclass
class Trap:
    """A listener that should never be connected to; it answers nothing and counts."""

    port: int = 0
    touched: list[Any] = field(default_factory=list)

    async def _touch(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.touched.append(writer.get_extra_info("sockname"))
        writer.close()


@contextlib.asynccontextmanager
async def trap(host: str = "127.0.0.2") -> AsyncIterator[Trap]:
    """Lay a trap on an address; `0.0.0.0` is all of this machine's."""
    laid = Trap()
    async with await asyncio.start_server(laid._touch, host, 0) as listener:
        laid.port = listener.sockets[0].getsockname()[1]
        yield laid


# ---- what is outside ----

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def answering(handle: Handle) -> AsyncIterator[int]:
    """Run an HTTP server on 127.0.0.1 that answers whatever it is asked; its port."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port: int = runner.addresses[0][1]
        yield port
    finally:
        await runner.cleanup()


def sending_to(url: str, status: int) -> Handle:
    """Return what sends everybody elsewhere."""

    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": url})

    return send


class Outside:
    """A made-up DNS, and a look at every address that this process connects to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # By name; each look-up takes the next answer, the last one stays.
        self.names: dict[str, list[list[str]]] = {}
        self.lookups: list[str] = []
        self._dialled: list[tuple[str, int]] = []
        self._monkeypatch = monkeypatch

    def watch(self) -> None:
        """Answer whoever asks the running loop, and look at every socket, from now on."""
        loop = asyncio.get_running_loop()
        asked, connected = loop.getaddrinfo, socket.socket.connect

        async def getaddrinfo(host: Any, port: Any, **named: Any) -> Any:
            if host not in self.names:
                return await asked(host, port, **named)
            self.lookups.append(host)
            answers = self.names[host]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            return [_entry(address, port) for address in found]

        def connect(opened: socket.socket, address: Any) -> None:
            if opened.family != socket.AF_UNIX:
                self._dialled.append(address[:2])
            connected(opened, address)

        self._monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        self._monkeypatch.setattr(socket.socket, "connect", connect)

    def dialled(self, ground: Ground) -> list[tuple[str, int]]:
        """Return what was connected to, without the server's own API."""
        own = (ground.server.http.host, ground.server.http.port)
        return [address for address in self._dialled if address != own]


def _entry(address: str, port: int) -> tuple[Any, ...]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


def proxy(charge_box_id: str, url: str, **more: object) -> Mapping[str, object]:
    """Return a proxy configuration that leads to a URL."""
    return {
        "charge_box_id": charge_box_id,
        "target_platform_identifier": "theirs",
        "target_websocket_url": url,
        "target_authentication_method": "Basic",
        "target_auth_basic_password": "third-party-secret",
        **more,
    }
