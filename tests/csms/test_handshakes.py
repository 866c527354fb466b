"""Hands are shaken by TLS with whoever stands at the door already, on both loops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from csms.doorstep import Arriving, Doorstep
from csms.handshakes import Handshakes
from tests.certificates import authority, certificate
from tests.doubles import PATIENCE, until

pytestmark = pytest.mark.sqlite_only("about TLS")
LOOPS: tuple[Callable[[Awaitable[Any]], Any], ...] = (asyncio.run, uvloop.run)  # type: ignore[assignment] # both run coroutines
HELLO_BEGINS = b"\x16\x03\x01\x02\x00\x01"
both = pytest.mark.parametrize("run", LOOPS)


class Door:
    """A listener with TLS that says again what it hears."""

    def __init__(self, folder: Path, seconds: float = PATIENCE) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate(folder, "localhost"))
        self.client = ssl.create_default_context(cadata=authority())
        self.doorstep, self.handshakes = Doorstep(most=3), Handshakes(context, seconds)
        self.port, self.faults = 0, list[Any]()

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Door]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, fault: self.faults.append(fault))
        making = partial(Arriving, self.doorstep, self.handshakes)
        async with serve(self._host, "127.0.0.1", 0, create_connection=making) as server:  # type: ignore[arg-type]  # it makes one
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self
            server.close()
            await self.handshakes.close()
        await until(lambda: len(self.doorstep) == len(self.handshakes) == 0)
        gc.collect()
        assert self.faults == []

    async def _host(self, connection: ServerConnection) -> None:
        self.doorstep.leave(connection)
        assert connection.transport.get_extra_info("ssl_object") is not None
        await connection.send(str(await connection.recv()))

    def stand(self, said: bytes = b"") -> socket.socket:
        """Connect, with so much said at once."""
        stranger = socket.create_connection(("127.0.0.1", self.port))
        stranger.sendall(said)
        return stranger

    async def is_in(self) -> None:
        url = f"wss://localhost:{self.port}"
        async with connect(url, host="127.0.0.1", ssl=self.client, proxy=None) as link:
            await link.send("x")
            assert await link.recv() == "x"


@both
def test_who_shakes_hands_is_in_and_nothing_is_left(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with Door(tmp_path).opened() as door:
            for _ in range(20):
                await door.is_in()

    run(main())


@both
def test_what_came_together_with_the_socket_is_heard(run: Any, tmp_path: Path) -> None:
    said = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(
            ssl.MemoryBIO(), said, server_hostname="localhost"
        ).do_handshake()
    hello = said.read()

    async def main() -> None:
        async with Door(tmp_path).opened() as door:
            with door.stand(hello) as eager:  # in one turn, so that it waits at the kernel
                eager.settimeout(PATIENCE)
                assert await asyncio.to_thread(eager.recv, 1) == b"\x16"  # a ServerHello

    run(main())


@both
def test_who_says_nothing_is_counted_and_gives_way(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with Door(tmp_path).opened() as door:
            silent = [door.stand() for _ in range(5)]
            await until(lambda: len(door.doorstep) == len(door.handshakes) == 3)
            await door.is_in()
            for each in silent:
                each.close()

    run(main())


@both
@pytest.mark.parametrize("said", [b"", HELLO_BEGINS, b"GET / HTTP/1.1\r\n\r\n"])
def test_who_goes_or_speaks_no_tls_leaves_nothing(run: Any, tmp_path: Path, said: bytes) -> None:
    async def main() -> None:
        async with Door(tmp_path).opened() as door:
            for _ in range(3):
                door.stand(said).close()
            await door.is_in()
            standing = door.stand(said)
            if said.startswith(b"GET"):
                await until(lambda: len(door.doorstep) == len(door.handshakes) == 0)
            standing.close()
            await until(lambda: len(door.doorstep) == len(door.handshakes) == 0)

    run(main())


@both
def test_who_is_not_done_in_time_is_cut_off(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with Door(tmp_path, 0.05).opened() as door:
            with door.stand(HELLO_BEGINS) as slow:
                slow.settimeout(PATIENCE)
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.to_thread(slow.recv, 1) == b""

    run(main())


@both
def test_who_is_not_done_at_the_end_is_cut_off(run: Any, tmp_path: Path) -> None:
    async def main() -> None:
        async with Door(tmp_path).opened() as door:
            late = door.stand()
            await until(lambda: len(door.handshakes) == 1)
        with late, contextlib.suppress(ConnectionError):
            late.settimeout(PATIENCE)
            assert late.recv(1) == b""

    run(main())
