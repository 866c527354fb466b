from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from csms.errors import LinkClosed
from simulators.sockets import SILENT, HandshakeRefused, WebSocket, basic, dial


@contextlib.asynccontextmanager
async def both(patience: float = 10.0) -> AsyncIterator[tuple[WebSocket, WebSocket]]:
    """Yield both ends of a connection, the dialling one first."""
    accepted: asyncio.Future[WebSocket] = asyncio.get_running_loop().create_future()

    async def accept(connection: ServerConnection) -> None:
        accepted.set_result(WebSocket(connection, patience=patience))
        await connection.wait_closed()

    offered = [Subprotocol("ocpp1.6")]
    async with serve(accept, "127.0.0.1", 0, subprotocols=offered, logger=SILENT) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        own = await dial(
            f"ws://127.0.0.1:{port}/CP", subprotocols=["ocpp1.6"], username="CP", password=None
        )
        yield own, await accepted
        await own.close(1000, "")


async def test_texts_pass_both_ways() -> None:
    async with both() as (client, server):
        await client.send(b"[2]")
        await server.send(b"[3]")

        assert (await server.receive(), await client.receive()) == (b"[2]", b"[3]")


async def test_an_empty_text_is_silence() -> None:
    async with both() as (client, server):
        await client.send(b"")
        posted = client.post(b"")
        await client.send(b"[2]")

        assert posted
        assert await server.receive() == b"[2]"


async def closing(server: WebSocket) -> LinkClosed:
    with pytest.raises(LinkClosed) as closed:
        await server.receive()
    return closed.value


async def test_a_close_has_its_code_and_reason() -> None:
    async with both() as (client, server):
        await client.close(4000, "why")
        closed = await closing(server)

    assert (closed.code, closed.reason) == (4000, "why")


async def test_a_close_without_a_code_is_1005() -> None:
    async with both() as (client, server):
        reading = asyncio.create_task(closing(server))
        await client.close_without_code()

        assert (await reading).code == 1005


async def test_a_cut_is_1006() -> None:
    async with both() as (client, server):
        client.cut()

        assert (await closing(server)).code == 1006


async def test_nothing_is_sent_into_a_closed_connection() -> None:
    async with both() as (client, server):
        await server.close(1000, "")
        with pytest.raises(LinkClosed):
            await client.receive()

        with pytest.raises(LinkClosed):
            await client.send(b"[2]")


async def flood(socket: WebSocket) -> None:
    while True:
        await socket.send(b"x" * 1_000_000)


async def test_a_peer_that_does_not_read_is_given_up() -> None:
    async with both(patience=0.05) as (client, server):
        with pytest.raises(LinkClosed) as closed:
            await flood(server)
        client.cut()

    assert closed.value.code == 1008


async def test_a_handshake_with_nobody_is_refused() -> None:
    with pytest.raises(HandshakeRefused) as refused:
        await dial("ws://127.0.0.1:1/CP", subprotocols=["ocpp1.6"], username="CP", password="x")

    assert refused.value.status == 0


def test_a_password_may_be_raw_bytes() -> None:
    assert basic("CP", b"\xff") == "Basic Q1A6/w=="
    assert basic("CP", "ü") == "Basic Q1A6w7w="
