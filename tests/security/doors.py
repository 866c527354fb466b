"""Servers with a door for every security profile, and chargers of all kinds who knock there."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from simulators.sockets import SILENT, basic
from storage.clock import SystemClock
from storage.records import AuditEntry, Charger, ChargerKey
from storage.secrets import digest_secret
from storage.store import Storage
from tests import certificates
from tests.doubles import PATIENCE
from tests.security.ground import Ground, served

PASSWORD = "correct-horse-2048-a"
PROXY = "127.0.0.2"
# What such a proxy says of a charger that has come to it by TLS.
FORWARDED: Mapping[str, str] = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "https",
}
HEARTBEAT = '[2,"beat","Heartbeat",{}]'


@contextlib.asynccontextmanager
async def secured(
    folder: Path, *, lists: Sequence[str] = (), **variables: str
) -> AsyncIterator[Ground]:
    """Run a server whose door speaks TLS and asks for certificates of the test authority."""
    own = certificates.certificate(folder, "localhost")
    (folder / "ca.pem").write_text("".join([certificates.authority(), *lists]))
    tls = {
        "RINGMAIN_TLS_CERT": str(own),
        "RINGMAIN_TLS_KEY": str(own),
        "RINGMAIN_TLS_CLIENT_CA": str(folder / "ca.pem"),
        **variables,
    }
    async with served(folder / "data", tls) as ground:
        yield ground


def trusting(client: certificates.Issued | None = None, folder: Path | None = None) -> Any:
    """Return how a charger speaks TLS that trusts the test authority, and what it shows."""
    context = ssl.create_default_context(cadata=certificates.authority())
    if client is not None and folder is not None:
        shown = folder / "client.pem"
        shown.write_text(client.key + client.chain)
        context.load_cert_chain(shown)
    return context


@dataclass(frozen=True)
class Knocking:
    """A device that knocks: by TLS or not, with a password or not, through a proxy or not."""

    ground: Ground
    name: str = "CP01"
    password: str | bytes | None = None
    tls: ssl.SSLContext | None = None
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    source: str = "127.0.0.1"
    path: str = ""
    version: str = "ocpp1.6"

    @property
    def url(self) -> str:
        scheme = "wss" if self.tls else "ws"
        path = self.path or f"/{self.ground.organization_uuid}/ocpp/{self.name}"
        return f"{scheme}://localhost:{self.ground.server.ocpp.port}{path}"

    @contextlib.asynccontextmanager
    async def dialled(self) -> AsyncIterator[ClientConnection]:
        """Connect as a charger does."""
        said = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        own = [] if self.password is None else [("Authorization", basic(self.name, self.password))]
        async with connect(
            self.url,
            host="127.0.0.1",
            local_addr=(self.source, 0),
            subprotocols=[Subprotocol(self.version)],
            additional_headers=[*own, *said],
            ssl=self.tls,
            compression=None,
            proxy=None,
            close_timeout=0.2,
            logger=SILENT,
        ) as connection:
            yield connection

    async def outcome(self) -> int | str:
        """Return 101 where it is served, else the status or that TLS has failed."""
        try:
            async with self.dialled() as connection, asyncio.timeout(PATIENCE):
                await connection.send(HEARTBEAT)
                await connection.recv()
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code
        except (ssl.SSLError, InvalidHandshake, ConnectionClosed, ConnectionError, EOFError):
            return "tls"


async def enrol(ground: Ground, name: str = "CP01", **fields: Any) -> ChargerKey:
    """Enrol a charger with the password that all have here."""
    key, storage = ChargerKey(ground.organization_uuid, name), ground.server.storage
    given = {"password_digest": digest_secret(PASSWORD.encode()), **fields}
    await storage.chargers.enroll(
        Charger(key=key, charger_name=name, created_at=SystemClock().now(), **given), None
    )
    return key


async def told(ground: Ground, name: str | None = None) -> list[AuditEntry]:
    """Return the security events, oldest first, of one charger or of all."""
    storage: Storage = ground.server.storage
    await storage.group.flush()
    entries = await storage.audit.list(ground.organization_uuid, 1000)
    return [
        each
        for each in reversed(entries)
        if each.category == "security" and name in (None, each.charge_box_id)
    ]


async def answer(
    ground: Ground, path: str, *headers: str, tls: ssl.SSLContext | None = None
) -> bytes:
    """Shake hands by hand; return the whole answer but for its date, none where it is cut off."""
    bind = ground.server.ocpp
    reader, writer = await asyncio.open_connection(
        bind.host, bind.port, ssl=tls, server_hostname="localhost" if tls else None
    )
    fixed = (
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    writer.write("\r\n".join([*fixed, *headers, "", ""]).encode("iso-8859-1"))
    try:
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            body = b"" if head.startswith(b"HTTP/1.1 101") else await reader.read()
    except asyncio.IncompleteReadError:
        return b""
    finally:
        writer.close()
    lines = (head + body).split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.startswith(b"Date:"))


def authorization(name: str, password: str) -> str:
    return f"Authorization: {basic(name, password)}"
