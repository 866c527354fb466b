"""S-18 at the door for chargers: who is slow is cut at a deadline, and crowds out only himself.

The deadlines of the REST listener are tried in tests/api/test_server.py; with 2,000 sockets, both
in `make attacks`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from socket import create_connection
from typing import Any

import pytest

from api.server import Deadlines
from csms.gateway import Door
from csms.settings import Bind
from csms.tls import TlsFiles, load
from storage.clock import SystemClock
from tests.certificates import certificate
from tests.csms.test_gateway import PATH, House, basic, handshake, house
from tests.doubles import PATIENCE, until

pytestmark = pytest.mark.sqlite_only("about sockets")
SOON = 0.3
HEAD = handshake(PATH, f"Authorization: {basic()}").encode()


@contextlib.asynccontextmanager
async def socket(
    home: House, said: bytes = b"", source: str = "127.0.0.7"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect from this address and say so much."""
    reader, writer = await asyncio.open_connection(
        home.bind.host, home.bind.port, local_addr=(source, 0)
    )
    writer.write(said)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read to the end, which comes."""
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
        return b""


def gone(reader: asyncio.StreamReader) -> bool:
    """Tell whether the other side has hung up, by a reset or not."""
    return reader.at_eof() or reader.exception() is not None


@pytest.mark.parametrize(
    "said", [b"", HEAD[:30], HEAD[:-2], b"GET / HTTP/1.1\r\nContent-Length: 100\r\n\r\nx"]
)
async def test_s18_who_does_not_end_his_head_is_cut_off(tmp_path: Path, said: bytes) -> None:
    async with house(tmp_path, open_seconds=SOON) as home, socket(home, said) as (reader, _):
        assert b" 101 " not in await rest(reader)


async def test_s18_a_dripping_head_has_no_longer_time(tmp_path: Path) -> None:
    async with house(tmp_path, open_seconds=SOON) as home, socket(home, HEAD[:-2]) as (reader, out):
        ended = asyncio.create_task(rest(reader))
        while not ended.done():
            out.write(b"X-Drip: 1\r\n")
            await asyncio.wait((ended,), timeout=SOON / 10)

        assert b" 101 " not in ended.result()


async def test_s18_who_is_slow_crowds_out_himself_and_nobody_else(tmp_path: Path) -> None:
    async with (
        house(tmp_path, unauthenticated_per_source=20) as home,
        contextlib.AsyncExitStack() as stack,
    ):
        slow = [await stack.enter_async_context(socket(home, b"GET ")) for _ in range(60)]
        await until(lambda: sum(gone(reader) for reader, _ in slow) >= 40)
        for source in ("127.0.0.7", "127.0.0.8"):
            reader, _ = await stack.enter_async_context(socket(home, HEAD, source))
            async with asyncio.timeout(PATIENCE):
                assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        still_there = [reader for reader, _ in slow if not gone(reader)]

    assert len(still_there) in (19, 20)


def test_s18_the_documented_deadlines_are_those_that_are_kept() -> None:
    door, rest = Door(Bind("127.0.0.1", 0)), Deadlines()

    assert (door.open_seconds, door.unauthenticated_per_source) == (10.0, 500)
    assert (rest.head, rest.body, rest.keep_alive) == (10.0, 15.0, 75.0)


async def test_s18_many_may_come_at_once(tmp_path: Path) -> None:
    with contextlib.ExitStack() as sockets:
        async with house(tmp_path) as home:
            where = home.bind.host, home.bind.port
            for _ in range(300):  # and nobody is let in before all have come
                sockets.enter_context(create_connection(where, timeout=1.0))


async def test_s18_who_says_nothing_at_all_where_tls_is_spoken_is_counted_too(
    tmp_path: Path,
) -> None:
    own = certificate(tmp_path, "localhost")
    door: dict[str, Any] = {
        "tls": load(TlsFiles((own,), (own,)), SystemClock().now()).context,
        "unauthenticated_per_source": 20,
        "open_seconds": 10 * PATIENCE,
    }
    async with (
        house(tmp_path / "data", **door) as home,
        contextlib.AsyncExitStack() as strangers,
    ):
        standing = [await strangers.enter_async_context(socket(home)) for _ in range(30)]

        for reader, _ in standing[:10]:
            assert await rest(reader) == b""
        assert not any(gone(reader) for reader, _ in standing[10:])
