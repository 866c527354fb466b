"""A TCP proxy that fails on purpose: between a charger and us, or between us and a target."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

_LINGER_NONE = struct.pack("ii", 1, 0)
_CHUNK = 65_536


class FaultProxy:
    """Pass bytes both ways, unless told otherwise; every switch acts on live connections too.

    ``delay`` is s before each piece is passed on, ``stalled`` keeps both directions still while the
    sockets stay open, ``refusing`` resets whoever connects, ``cut_after`` cuts a connection after
    so many more bytes from its client.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.delay = 0.0
        self.refusing = False
        self.cut_after: int | None = None
        self.connections = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator[FaultProxy]:
        """Listen on a free port for as long as the ``with`` block lasts."""
        proxy = cls(host, port)
        proxy._server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._server.close()
            proxy.reset()

    @property
    def port(self) -> int:
        """Return the port to connect to."""
        assert self._server is not None, "the proxy is not listening"  # noqa: S101 - a misuse
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def stalled(self) -> bool:
        """Tell whether nothing is passed on."""
        return not self._flowing.is_set()

    @stalled.setter
    def stalled(self, stalled: bool) -> None:
        (self._flowing.clear if stalled else self._flowing.set)()

    def reset(self) -> None:
        """End all connections with a TCP reset."""
        for writer in tuple(self._writers):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refusing:
            _reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            _reset(writer)
            return
        self._writers |= {writer, up_writer}
        with contextlib.suppress(OSError):
            up = asyncio.create_task(self._pump(reader, up_writer, counted=True))
            down = asyncio.create_task(self._pump(up_reader, writer, counted=False))
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        for end in (writer, up_writer):
            end.close()
            self._writers.discard(end)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        while piece := await reader.read(_CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._flowing.wait()
            left = self.cut_after if counted else None
            writer.write(piece[:left])
            await writer.drain()
            if left is not None:
                self.cut_after = max(0, left - len(piece))
                if len(piece) >= left:
                    self.cut_after = None
                    return


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None:
        with contextlib.suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    writer.transport.abort()
