"""Who stands at the door: so many of one source, and the oldest goes first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from csms.doorstep import LONGEST_HEAD, Arriving, Doorstep
from tests.doubles import PATIENCE, until

HEAD = (
    b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@dataclass(frozen=True)
class Door:
    """A listener, and who stands before it."""

    doorstep: Doorstep
    port: int

    async def stand(
        self, address: str = "127.0.0.1", said: bytes = b""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect from this address and say so much of a head."""
        before = len(self.doorstep._sources)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(address, 0)
        )
        writer.write(said)
        if not said and before < min(self.doorstep.most, self.doorstep.most_of_all):
            await until(lambda: len(self.doorstep) > before)
        return reader, writer


@contextlib.asynccontextmanager
async def opened(doorstep: Doorstep) -> AsyncIterator[Door]:
    """Listen; whoever asks for anything is in."""

    async def welcome(connection: ServerConnection, _request: Request) -> Response | None:
        doorstep.leave(connection)
        return None

    async def host(connection: ServerConnection) -> None:
        await connection.send(str(await connection.recv()))

    async with serve(
        host,
        "127.0.0.1",
        0,
        process_request=welcome,
        create_connection=partial(Arriving, doorstep, None),  # type: ignore[arg-type]  # it makes one
        compression=None,
    ) as server:
        yield Door(doorstep, next(iter(server.sockets)).getsockname()[1])


async def read(reader: asyncio.StreamReader) -> bytes:
    """Read to the end, which comes."""
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
        return b""


async def test_of_too_many_of_one_source_the_oldest_goes() -> None:
    async with opened(Doorstep(most=3)) as door:
        standing = [await door.stand("127.0.0.2") for _ in range(3)]
        elsewhere = await door.stand("127.0.0.3")
        latest = await door.stand("127.0.0.2")

        assert await read(standing[0][0]) == b""
        assert len(door.doorstep) == 4
        for _, writer in (*standing, elsewhere, latest):
            writer.close()
        await until(lambda: len(door.doorstep) == 0)


async def test_of_too_many_of_all_sources_the_oldest_goes() -> None:
    async with opened(Doorstep(most_of_all=3)) as door:
        standing = [await door.stand(f"127.0.0.{number}") for number in range(2, 6)]

        assert await read(standing[0][0]) == b""
        assert len(door.doorstep) == 3
        for _, writer in standing:
            writer.close()
        await until(lambda: len(door.doorstep) == 0)


async def test_who_waits_for_us_stays_and_the_newcomer_goes() -> None:
    doorstep = Doorstep(most=2)
    async with opened(doorstep) as door:
        waiting = [await door.stand("127.0.0.2") for _ in range(2)]
        with contextlib.ExitStack() as judged:
            for connection in tuple(doorstep._sources):
                judged.enter_context(doorstep.judging(connection))
            newcomer = await door.stand("127.0.0.2")
            assert await read(newcomer[0]) == b""
        assert len(doorstep) == 2
        latest = await door.stand("127.0.0.2")

        assert await read(waiting[0][0]) == b""  # it was answered, and stands there still
        for _, writer in (*waiting, newcomer, latest):
            writer.close()
        await until(lambda: len(doorstep) == 0)


async def test_who_is_in_is_counted_no_more() -> None:
    async with opened(Doorstep(most=1)) as door:
        insiders = [await door.stand(said=HEAD + b"\r\n") for _ in range(5)]
        for reader, writer in insiders:
            assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x81\x81\0\0\0\0x")  # a text, masked by zeros
            assert await reader.readexactly(3) == b"\x81\x01x"
            writer.close()

        assert len(door.doorstep) == 0


async def test_a_trusted_proxy_may_have_as_many_as_it_likes() -> None:
    doorstep = Doorstep((ip_network("127.0.0.2/32"),), most=1)
    async with opened(doorstep) as door:
        standing = [await door.stand("127.0.0.2", b"GET") for _ in range(5)]
        for reader, writer in standing:
            writer.write(HEAD[3:] + b"\r\n")
            assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
            writer.close()


def test_a_trusted_proxy_is_known_by_its_address_of_a_listener_for_both_too() -> None:
    doorstep = Doorstep((ip_network("127.0.0.2/32"),))
    for address in ("127.0.0.2", "::ffff:127.0.0.2", "::ffff:127.0.0.3"):
        doorstep.enter(Arriving.__new__(Arriving), address)

    assert len(doorstep) == 1


async def test_a_head_that_does_not_end_is_cut_off() -> None:
    async with opened(Doorstep()) as door:
        reader, writer = await door.stand(said=HEAD + b"X: " + b"x" * (LONGEST_HEAD - len(HEAD)))

        assert (await read(reader)).startswith(b"HTTP/1.1 431 ")
        await until(lambda: len(door.doorstep) == 0)
        writer.close()


async def test_a_head_of_the_greatest_length_is_read() -> None:
    async with opened(Doorstep()) as door:
        rest = LONGEST_HEAD - len(HEAD) - 2
        lines = [b"X-%02d: %s\r\n" % (n, b"x" * (rest // 5 - 8)) for n in range(5)]
        reader, writer = await door.stand(said=HEAD + b"".join(lines) + b"\r\n")

        assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
