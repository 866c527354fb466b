"""An operator who commissions chargers by HTTP, with a server, chargers and targets of TLS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from ssl import SSLContext, SSLObject
from typing import Any

import aiohttp

from csms import settings, wiring
from proxy.timings import Timings
from simulators.charger import Charger
from simulators.target import Target
from simulators.voice import Identity
from tests.certificates import authority, certificate, server_side
from tests.doubles import PATIENCE

DOMAIN = "ocpp.operator.example"
PASSWORD = "third-party-secret"
# Whoever waits for one of these pauses where nothing has to be waited for is found out.
PATIENT = replace(Timings(), first_backoff=PATIENCE, introduction=PATIENCE, dials_per_window=1000)


def details(target: Target, **more: Any) -> dict[str, Any]:
    """Return connection details that lead to a target."""
    return {
        "connectivityMode": "DualProtocol",
        "websocketConnectionArgs": {"url": f"{target.url}/ocpp"},
        "basicAuthPassword": PASSWORD,
        **more,
    }


@dataclass(frozen=True)
class Operator:
    """Somebody with an admin key; every call is (status, body)."""

    session: aiohttp.ClientSession
    uuid: str
    server: wiring.Running

    @property
    def organization(self) -> str:
        return f"/api/v1/organizations/{self.uuid}"

    @property
    def commissioning(self) -> str:
        return f"/local-ocpp/v1/operators/{self.uuid}"

    async def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body) as answer:
            return answer.status, await answer.json()

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        """Ask for what must work."""
        status, told = await self(method, path, body)
        assert status < 300, (method, path, told)
        return told

    # ---- what seed 001 offers ----

    async def store(self, body: Mapping[str, Any], serial: str | None = None) -> str:
        """Store details, of one charger where its serial number is given; return the version."""
        path = f"{self.commissioning}/connection-details" + (f"/{serial}" if serial else "")
        return str((await self.ok("POST", path, body))["version"])

    async def apply(self, serial: str, version: str) -> Any:
        path = f"{self.commissioning}/connections/chargers/{serial}"
        return await self.ok("POST", path, {"version": version})

    async def connection(self, serial: str) -> Any:
        return await self.ok("GET", f"{self.commissioning}/connections/chargers/{serial}")

    async def linked(self, serial: str, version: str) -> Any:
        """Wait until a version is installed at a charger, and its link is ready."""
        return await self.until(serial, appliedVersion=version, linkState="ready")

    async def until(self, serial: str, **wanted: object) -> Any:
        """Wait until a charger's connection is what is wanted, and return it."""
        shown: Any = {}
        try:
            async with asyncio.timeout(PATIENCE / 2):
                while not wanted.items() <= (shown := await self.connection(serial)).items():
                    await _a_moment()
        except TimeoutError:
            raise AssertionError(shown) from None
        return shown

    async def apply_to(self, site_id: str, version: str, **more: Any) -> Any:
        """Apply a version to a site, and wait until that has ended."""
        path = f"{self.commissioning}/connections/sites/{site_id}"
        begun = await self.ok("POST", path, {"version": version, **more})
        return await self._ended(site_id, begun)

    async def take_back(self, site_id: str) -> Any:
        path = f"{self.commissioning}/connections/sites/{site_id}/rollback"
        return await self._ended(site_id, await self.ok("POST", path))

    async def _ended(self, site_id: str, begun: Mapping[str, Any]) -> Any:
        path = f"{self.commissioning}/connections/sites/{site_id}/rollouts/{begun['rolloutId']}"
        async with asyncio.timeout(PATIENCE / 2):
            while (told := await self.ok("GET", path))["rollout"]["state"] == "running":
                await _a_moment()
        return told

    # ---- chargers and what the rest of the API says of them ----

    async def enrol(self, name: str, **more: Any) -> str:
        """Enrol a charger and return its password."""
        body = {"charge_box_id": name, **more}
        told = await self.ok("POST", f"{self.organization}/chargers", body)
        return str(told["charger"]["ocpp_password"])

    async def make_site(self, name: str, chargers: Sequence[str]) -> str:
        body = {"name": name, "chargers": list(chargers)}
        told = await self.ok("POST", f"{self.organization}/sites", body)
        return str(told["site"]["site_id"])

    async def proxy_configuration(self, serial: str) -> Any:
        """Return a charger's proxy configuration as seed 000 shows it."""
        id = (await self.connection(serial))["proxyConfigurationId"]
        path = f"{self.organization}/proxy_configurations/{id}"
        return (await self.ok("GET", path))["proxy_configuration"]

    @contextlib.asynccontextmanager
    async def charger(
        self, name: str, version: str = "1.6", *, serial: str, password: str | None = None
    ) -> AsyncIterator[Charger]:
        """Let a charger with this serial number play; it is enrolled unless that was done."""
        played = Charger(
            f"ws://{self.server.ocpp}/{self.uuid}/ocpp_proxy",
            name,
            password or await self.enrol(name),
            version,
            identity=Identity(serial_number=serial),
        )
        async with played.running():
            await played.wait_connected(PATIENCE)
            yield played


@contextlib.asynccontextmanager
async def operating(data_dir: Path, timings: Timings = PATIENT) -> AsyncIterator[Operator]:
    """Run a server that may dial this machine, for one operator."""
    chosen = settings.read(
        {
            "RINGMAIN_DATA_DIR": str(data_dir),
            "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
            "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
            "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
            "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8,::1/128",
        }
    )
    async with wiring.running(chosen, timings=timings) as server:
        organization = (await server.storage.organizations.create("operator")).organization_uuid
        _, key = await server.storage.api_keys.create(organization, "admin")
        headers = {"Authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(f"http://{server.http}", headers=headers) as session:
            yield Operator(session, organization, server)


async def _a_moment() -> None:
    # HTTP tells nobody of news; asked without a pause, the server would do nothing else.
    await asyncio.sleep(0.01)


def show(what: str, seconds: float) -> None:
    """Print how long something took."""
    print(f"{what}: {seconds:.3f} s")  # noqa: T201 - for whoever runs it with -s


# ---- targets ----


@dataclass
class Secure:
    """A target behind TLS, the names that it was asked for, and how each connection began."""

    target: Target
    context: SSLContext
    asked: list[str]
    begun: list[bytes] = field(default_factory=list)
    port: int = 0

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a connection on to the target, having looked at its first byte."""
        first = await reader.read(1)
        self.begun.append(first)
        answers, there = await asyncio.open_connection("127.0.0.1", self.target.port)
        there.write(first)
        await asyncio.gather(_pump(reader, there), _pump(answers, writer))

    def details(self, **more: Any) -> dict[str, Any]:
        """Return connection details that lead here, by a host that its certificate lacks."""
        arguments = {
            "url": f"wss://localhost:{self.port}/ocpp",
            "caCertificate": authority(),
            "caCertificateDomain": DOMAIN,
            **more.pop("arguments", {}),
        }
        return details(self.target, websocketConnectionArgs=arguments, **more)


@contextlib.asynccontextmanager
async def secure_target(folder: Path, name: str = DOMAIN, **issuing: Any) -> AsyncIterator[Secure]:
    """Serve with a certificate for this name until the context ends."""
    asked: list[str] = []

    def ask(_: SSLObject, name: str | None, __: SSLContext) -> None:
        asked.append(name or "")

    context = server_side(certificate(folder, name, **issuing))
    context.sni_callback = ask
    passwords = {"*": PASSWORD}
    async with Target.listening(passwords=passwords, ssl=context) as target:
        secure = Secure(target, context, asked)
        async with await asyncio.start_server(secure.pass_on, "127.0.0.1", 0) as front:
            secure.port = front.sockets[0].getsockname()[1]
            yield secure


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(1 << 16):
            writer.write(content)
            await writer.drain()
    writer.close()
