"""Servers that are no object store or not a healthy one, and a door that leads to all of them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from storage.sinks.errors import SinkRefused
from storage.sinks.port import Endpoint

# What is done with a request, which has been read up to the end of its head.
Conduct = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LoopbackDoor:
    """Lead every name to loopback, and remember who was asked about."""

    def __init__(self, *closed: str, leads_nowhere: bool = False) -> None:
        self.closed, self.leads_nowhere = closed, leads_nowhere
        self.checked: list[str] = []
        self.resolved: list[str] = []

    def check(self, url: str) -> None:
        self.checked.append(url)
        if any(each in url for each in self.closed):
            raise SinkRefused("This URL is closed.")

    async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
        self.resolved.append(host)
        if self.leads_nowhere:
            raise SinkRefused("This host is closed.")
        return [Endpoint(socket.AF_INET, ("127.0.0.1", port))]


class Stranger:
    """A server on loopback: the heads of the requests that it got, and who is connected."""

    def __init__(self, conduct: Conduct) -> None:
        self.heads: list[str] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.port = 0
        self._conduct = conduct

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            self.asked.set()
            await self._conduct(reader, writer)
        self.left.set()


@asynccontextmanager
async def meeting(
    conduct: Conduct, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Stranger]:
    """Run a server that treats every request alike."""
    stranger = Stranger(conduct)
    async with serving(stranger.meet, tls, host, port) as stranger.port:
        yield stranger


@asynccontextmanager
async def serving(
    meet: Conduct, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Run a server on a port of loopback, and leave no connection behind."""
    async with asyncio.TaskGroup() as guests:

        async def guest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await meet(reader, writer)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

        met: list[asyncio.Task[None]] = []
        server = await asyncio.start_server(
            lambda *ends: met.append(guests.create_task(guest(*ends))), host, port, ssl=tls
        )
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()
            for task in met:
                task.cancel()


def saying(answer: bytes) -> Conduct:
    """Answer with these bytes and hang up; what is still being sent is read to its end."""

    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if writer.can_write_eof():  # TLS cannot
            writer.write_eof()
        while await reader.read(1 << 16):
            pass

    return conduct


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return an HTTP answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything and never say a word."""
    while await reader.read(1 << 16):
        pass


async def deafness(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take no more than fits into the buffers."""
    await writer.wait_closed()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    writer.transport.abort()
