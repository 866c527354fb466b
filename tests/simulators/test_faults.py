from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from simulators.charger import Charger
from simulators.faults import FaultProxy
from simulators.target import Target
from tests.doubles import PATIENCE, until
from tests.simulators.stage import NAME


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """Serve what comes back as it went."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1000):
                writer.write(piece)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def hearing() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve what comes back, and tell what came; the end of a connection is empty."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1000):
                heard.append(piece)
                writer.write(piece)
            heard.append(b"")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    async with echo() as port, FaultProxy.to("127.0.0.1", port) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def client(
    proxy: FaultProxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        async with asyncio.timeout(PATIENCE):
            yield reader, writer
    finally:
        writer.transport.abort()


async def say_hello(proxy: FaultProxy) -> bytes:
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        return await reader.readexactly(5)


async def test_bytes_pass_both_ways(proxy: FaultProxy) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")

        assert await reader.readexactly(5) == b"hello"


async def test_a_delay_holds_every_piece_back(proxy: FaultProxy) -> None:
    loop = asyncio.get_running_loop()
    proxy.delay = 0.02
    async with client(proxy) as (reader, writer):
        began = loop.time()
        writer.write(b"hello")
        await reader.readexactly(5)

    assert loop.time() - began >= 0.04


async def test_a_stalled_connection_stays_open_and_goes_on_later(proxy: FaultProxy) -> None:
    async with client(proxy) as (reader, writer):
        proxy.stalled = True
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.readexactly(5)
        proxy.stalled = False

        assert await reader.readexactly(5) == b"hello"


async def test_a_connection_is_cut_after_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.cut_after = 3
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")

        assert await reader.read(5) in (b"hel", b"")
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")

        assert await reader.readexactly(5) == b"hello"


@pytest.mark.parametrize(("way", "arrives"), [("stalled_up", False), ("stalled_down", True)])
async def test_one_way_can_be_stalled_alone(way: str, *, arrives: bool) -> None:
    async with (
        hearing() as (port, heard),
        FaultProxy.to("127.0.0.1", port) as proxy,
        client(proxy) as (reader, writer),
    ):
        await until(lambda: proxy.live == 1)
        setattr(proxy, way, True)
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.readexactly(5)

        assert (heard == [b"hello"]) is arrives
        assert proxy.stalled is False
        setattr(proxy, way, False)
        assert await reader.readexactly(5) == b"hello"


async def test_a_throttle_holds_for_live_connections_and_ends_at_once(proxy: FaultProxy) -> None:
    loop = asyncio.get_running_loop()
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        await reader.readexactly(5)
        proxy.throttle = 1000
        began = loop.time()
        writer.write(b"x" * 200)
        await reader.readexactly(100)
        slow = loop.time() - began
        proxy.throttle = 1
        proxy.throttle = 0

        await reader.readexactly(100)

    assert slow >= 0.04


async def test_a_delay_that_is_taken_back_ends_at_once(proxy: FaultProxy) -> None:
    proxy.delay = PATIENCE
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        await asyncio.sleep(0.01)
        proxy.delay = 0

        assert await reader.readexactly(5) == b"hello"


async def test_what_is_in_a_black_hole_stays_there(proxy: FaultProxy) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        await reader.readexactly(5)
        proxy.blackhole = True
        proxy.blackhole = False
        writer.write(b"anybody?")

        assert await say_hello(proxy) == b"hello"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(5)


async def test_a_black_hole_takes_whoever_connects(proxy: FaultProxy) -> None:
    proxy.blackhole = True
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(5)


async def test_no_end_of_a_black_hole_learns_that_the_other_has_left() -> None:
    async with hearing() as (port, heard), FaultProxy.to("127.0.0.1", port) as proxy:
        async with client(proxy) as (reader, writer):
            writer.write(b"hello")
            await reader.readexactly(5)
            proxy.blackhole = True
        await asyncio.sleep(0.05)

        assert heard == [b"hello"]
        assert proxy.live == 1


async def test_whoever_connects_is_refused(proxy: FaultProxy) -> None:
    proxy.refusing = True
    with pytest.raises(ConnectionError):
        await say_hello(proxy)


async def test_a_reset_ends_everything(proxy: FaultProxy) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(b"hello")
        await reader.readexactly(5)
        proxy.reset()

        with pytest.raises(ConnectionError):
            await reader.readexactly(1)


async def test_a_charger_survives_a_reset_and_a_dead_server(target: Target, version: str) -> None:
    async with FaultProxy.to("127.0.0.1", target.port) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}"
        charger = Charger(url, NAME, version=version, back_off=(0.01, 0.02))
        async with charger.running():
            await charger.wait_connected()
            proxy.refusing = True
            proxy.reset()
            await charger.until(lambda c: c.seen("refused"))
            proxy.refusing = False
            await charger.wait_connected()

    assert proxy.connections >= 3


async def test_nobody_behind_it_is_a_reset() -> None:
    async with FaultProxy.to("127.0.0.1", 1) as proxy:
        with pytest.raises(ConnectionError):
            await say_hello(proxy)
