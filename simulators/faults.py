"""A TCP proxy that fails on purpose: between a charger and us, or between us and a target."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Literal, TypeAlias

Way: TypeAlias = Literal["up", "down"]  # up: from whoever connected, down: to it

_LINGER_NONE = struct.pack("ii", 1, 0)
_CHUNK = 65_536
_SLICES_PER_S = 20  # a throttled connection moves so often


class FaultProxy:
    """Pass bytes both ways, unless told otherwise.

    Every switch may be set at any time. ``delay`` (s before each piece is passed on), ``throttle``
    (bytes/s each way of each connection), ``stalled``, ``stalled_up`` and ``stalled_down`` (nothing
    is passed that way, the sockets stay open and nothing is lost) and ``cut_after`` (close a
    connection after so many more bytes from its client, once) hold for live connections and new
    ones. ``refusing`` resets whoever connects. ``blackhole`` takes every connection, live or new,
    and never answers: what is sent is gone, no end learns of the other's, and a connection that
    was in the hole stays there when the switch is off again, as after a lost route. ``reset()``
    ends all connections with a TCP reset.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._pipes: set[_Pipe] = set()
        self._server: asyncio.Server | None = None
        self._switched = asyncio.Event()
        self._delay, self._throttle = 0.0, 0
        self._stalled: frozenset[Way] = frozenset()
        self._blackhole = False
        self.refusing = False
        self.cut_after: int | None = None
        self.connections = 0  # how many ever

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, host: str, port: int, own_port: int = 0) -> AsyncIterator[FaultProxy]:
        """Listen, on a free port if none is named, for as long as the ``with`` block lasts."""
        proxy = cls(host, port)
        proxy._server = await asyncio.start_server(proxy._accept, "127.0.0.1", own_port)
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
    def live(self) -> int:
        """Return how many connections are open."""
        return len(self._pipes)

    # ---- switches ----

    @property
    def delay(self) -> float:
        """Return the s before each piece is passed on."""
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._delay = seconds
        self._switch()

    @property
    def throttle(self) -> int:
        """Return the bytes/s each way of each connection, 0 for any."""
        return self._throttle

    @throttle.setter
    def throttle(self, bytes_per_s: int) -> None:
        self._throttle = bytes_per_s
        self._switch()

    @property
    def stalled(self) -> bool:
        """Tell whether nothing is passed on either way."""
        return len(self._stalled) == 2

    @stalled.setter
    def stalled(self, stalled: bool) -> None:
        self.stalled_up = self.stalled_down = stalled

    @property
    def stalled_up(self) -> bool:
        """Tell whether nothing is passed on from whoever connected."""
        return "up" in self._stalled

    @stalled_up.setter
    def stalled_up(self, stalled: bool) -> None:
        self._stall("up", stalled=stalled)

    @property
    def stalled_down(self) -> bool:
        """Tell whether nothing is passed on to whoever connected."""
        return "down" in self._stalled

    @stalled_down.setter
    def stalled_down(self, stalled: bool) -> None:
        self._stall("down", stalled=stalled)

    @property
    def blackhole(self) -> bool:
        """Tell whether connections lead nowhere."""
        return self._blackhole

    @blackhole.setter
    def blackhole(self, blackhole: bool) -> None:
        self._blackhole = blackhole
        for pipe in self._pipes if blackhole else ():
            pipe.lost = True
        self._switch()

    def reset(self) -> None:
        """End all connections with a TCP reset."""
        for pipe in tuple(self._pipes):
            pipe.reset()

    def _stall(self, way: Way, *, stalled: bool) -> None:
        self._stalled = self._stalled | {way} if stalled else self._stalled - {way}
        self._switch()

    def _switch(self) -> None:
        switched, self._switched = self._switched, asyncio.Event()
        switched.set()

    # ---- connections ----

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refusing:
            _reset(writer)
            return
        pipe = _Pipe(self, (reader, writer), lost=self._blackhole)
        self._pipes.add(pipe)
        try:
            await pipe.run(*self._upstream)
        finally:
            self._pipes.discard(pipe)

    async def flows(self, way: Way, lost: Callable[[], bool]) -> None:
        """Wait while this way is stalled, for those who are not lost anyway."""
        while way in self._stalled and not lost():
            await self._switched.wait()

    async def pause(self, seconds: Callable[[], float]) -> None:
        """Wait so many s; a switch that is set meanwhile counts at once."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (left := began + seconds() - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._switched.wait()

    def take(self, most: int) -> tuple[int, bool]:
        """Return how many bytes a client may still send, and whether it is cut then."""
        if self.cut_after is None or self.cut_after > most:
            self.cut_after = None if self.cut_after is None else self.cut_after - most
            return most, False
        left, self.cut_after = self.cut_after, None
        return left, True


_Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Pipe:
    """One connection and what is behind it."""

    def __init__(self, proxy: FaultProxy, client: _Ends, *, lost: bool) -> None:
        self._proxy = proxy
        self._reader, self._writer = client
        self._behind: asyncio.StreamWriter | None = None
        self.lost = lost  # in the black hole, for good

    async def run(self, host: str, port: int) -> None:
        """Pass on until either end is gone."""
        with contextlib.suppress(OSError):
            if self.lost:
                await self._swallow(self._reader)
                return
            try:
                behind, self._behind = await asyncio.open_connection(host, port)
            except OSError:
                self.reset()
                return
            await self._both(
                self._pump("up", self._reader, self._behind),
                self._pump("down", behind, self._writer),
            )
        for writer in self._writers:
            writer.close()

    def reset(self) -> None:
        """End both sides with a TCP reset."""
        for writer in self._writers:
            _reset(writer)

    @property
    def _writers(self) -> list[asyncio.StreamWriter]:
        return [self._writer] if self._behind is None else [self._writer, self._behind]

    async def _both(self, *pumps: Coroutine[object, object, None]) -> None:
        tasks = [asyncio.create_task(pump) for pump in pumps]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if self.lost:  # no end learns that the other has left
            await asyncio.wait(tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while not self.lost and (piece := await reader.read(_CHUNK)):
            await self._proxy.pause(lambda: self._proxy.delay)
            while piece:
                piece, cut = await self._pass(way, piece, writer)
                if cut:
                    return
        if self.lost:
            await self._swallow(reader)

    async def _pass(
        self, way: Way, piece: bytes, writer: asyncio.StreamWriter
    ) -> tuple[bytes, bool]:
        """Pass on what may go now; return the rest, and whether the connection ends here."""
        await self._proxy.flows(way, lambda: self.lost)
        if self.lost:
            return b"", False
        rate = self._proxy.throttle
        most = min(len(piece), max(1, rate // _SLICES_PER_S)) if rate else len(piece)
        most, cut = self._proxy.take(most) if way == "up" else (most, False)
        writer.write(piece[:most])
        await writer.drain()
        if rate:
            await self._proxy.pause(lambda: most / max(1, self._proxy.throttle or 10**9))
        return piece[most:], cut

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(_CHUNK):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None:
        with contextlib.suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    writer.transport.abort()
