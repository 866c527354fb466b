from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from csms.errors import LinkClosed
from csms.sockets import WebSocket
from tests.doubles import PATIENCE


@dataclass(frozen=True)
class Ends:
    """Our adapter on the listening side and a bare client."""

    ours: WebSocket
    client: ClientConnection


@contextlib.asynccontextmanager
async def connected(patience: float = PATIENCE, **options: Any) -> AsyncIterator[Ends]:
    """Connect both ends over loopback."""
    accepted: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def accept(connection: ServerConnection) -> None:
        accepted.set_result(connection)
        await connection.wait_closed()

    async with serve(accept, "127.0.0.1", 0, compression=None, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", close_timeout=0.1) as client:
            yield Ends(WebSocket(await accepted, patience=patience), client)


@pytest.mark.parametrize("text", ["[2]", b"[2]"])
async def test_texts_and_binary_messages_arrive_as_bytes(text: str | bytes) -> None:
    async with connected() as ends:
        await ends.client.send(text)

        assert await ends.ours.receive() == b"[2]"


async def test_what_we_send_is_a_text() -> None:
    async with connected() as ends:
        await ends.ours.send("Zürich".encode())

        assert await ends.client.recv() == "Zürich"


async def test_fragments_arrive_as_one_text() -> None:
    async with connected() as ends:
        await ends.client.send(["[2,", '"id-1",', '"Heartbeat",{}]'])

        assert await ends.ours.receive() == b'[2,"id-1","Heartbeat",{}]'


async def test_close_of_the_peer_is_told_with_its_code_and_reason() -> None:
    async with connected() as ends:
        await ends.client.close(4001, "going home")

        with pytest.raises(LinkClosed) as gone:
            await ends.ours.receive()
        assert (gone.value.code, gone.value.reason) == (4001, "going home")
        with pytest.raises(LinkClosed):
            await ends.ours.send(b"[2]")


async def test_lost_peer_is_1006() -> None:
    async with connected() as ends:
        ends.client.transport.abort()

        with pytest.raises(LinkClosed, match="1006"):
            await ends.ours.receive()


async def test_message_over_the_limit_is_1009() -> None:
    async with connected(max_size=100) as ends:
        await ends.client.send("x" * 101)

        with pytest.raises(LinkClosed, match="1009"):
            await ends.ours.receive()


async def test_peer_that_does_not_read_is_given_up() -> None:
    async with connected(patience=0.1) as ends:
        ends.client.transport.pause_reading()

        with pytest.raises(LinkClosed, match="1008 peer does not read"):
            await asyncio.gather(*(ends.ours.send(b"x" * 1_000_000) for _ in range(50)))


async def test_peer_that_is_silent_to_pings_is_given_up() -> None:
    async with connected(ping_interval=0.05, ping_timeout=0.05, close_timeout=0.1) as ends:
        ends.client.transport.pause_reading()

        with pytest.raises(LinkClosed, match="1011"):
            await ends.ours.receive()


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1008, "superseded", (1008, "superseded")),
        (1006, "lost", (1000, "lost")),
        (1012, "ü" * 100, (1012, "ü" * 61)),
    ],
)
async def test_peer_is_told_why_we_close(code: int, reason: str, told: tuple[int, str]) -> None:
    async with connected() as ends:
        await ends.ours.close(code, reason)
        await ends.client.wait_closed()

        assert (ends.client.close_code, ends.client.close_reason) == told
        await ends.ours.close(1011, "again")


async def test_a_close_that_nobody_waits_for_leaves_nothing_open() -> None:
    async with connected() as ends:
        ends.client.transport.pause_reading()  # so no good-bye comes back
        closing = asyncio.create_task(ends.ours.close(1001, "going away"))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

        async with asyncio.timeout(PATIENCE / 10):  # the library itself would wait for 10 s
            await ends.ours._connection.wait_closed()
        assert closing.cancelled()


async def test_a_peer_that_answers_a_ping_lives() -> None:
    async with connected() as ends:
        assert await ends.ours.answers(PATIENCE)


async def test_a_peer_that_is_silent_or_gone_does_not_live() -> None:
    async with connected() as ends:
        ends.client.transport.pause_reading()
        assert not await ends.ours.answers(0.05)

        ends.client.transport.abort()
        assert not await ends.ours.answers(PATIENCE)
