from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, SERVER, Protocol

from csms import framing
from csms.framing import AT_ONCE, LONGEST, Shortcut, framed, masks, unframed
from csms.sockets import quiet_logger
from tests.doubles import until

PATIENCE = 5.0
TEXTS = st.one_of(st.binary(max_size=300), st.integers(0, LONGEST).map(lambda size: b"x" * size))
MASK = b"\x01\x80\x00\xff"


class Accepted(Shortcut, ServerConnection):
    """A connection to a client."""


def read_by_the_library(data: bytes, side: Any) -> list[bytes]:
    reader = Protocol(side)
    reader.receive_data(data)
    return [bytes(frame.data) for frame in reader.events_received() if isinstance(frame, Frame)]


def written_by_the_library(text: bytes, side: Any) -> bytes:
    writer = Protocol(side)
    writer.send_text(text)
    return b"".join(writer.data_to_send())


# ---- frames ----


@given(TEXTS)
def test_library_reads_what_we_frame(text: bytes) -> None:
    assert read_by_the_library(framed(text), CLIENT) == [text]
    assert read_by_the_library(framed(text, MASK), SERVER) == [text]


@given(TEXTS)
def test_we_read_what_the_library_frames(text: bytes) -> None:
    assert unframed(written_by_the_library(text, SERVER), masked=False) == text
    assert unframed(written_by_the_library(text, CLIENT), masked=True) == text


@given(st.binary(max_size=40), st.booleans())
@settings(max_examples=500)
def test_what_we_read_the_library_reads_alike(data: bytes, masked: bool) -> None:  # noqa: FBT001 - drawn by name
    data = bytes([0x81]) + data
    text = unframed(data, masked=masked)

    if text is not None:
        assert read_by_the_library(data, SERVER if masked else CLIENT) == [text]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        framed(b"[2]", MASK)[:-1],  # a part
        framed(b"[2]", MASK) + b"\x81",  # more than one
        framed(b"[2]"),  # a client must mask
        b"\x01" + framed(b"[2]", MASK)[1:],  # a fragment
        b"\xc1" + framed(b"[2]", MASK)[1:],  # compressed
        b"\x82" + framed(b"[2]", MASK)[1:],  # binary
        b"\x89" + framed(b"[2]", MASK)[1:],  # a ping
        b"\x81\xff" + (3).to_bytes(8) + MASK + b"abc",  # a length of eight bytes
    ],
)
def test_anything_but_one_whole_text_is_left_to_the_library(data: bytes) -> None:
    assert unframed(data, masked=True) is None


def test_masks_differ() -> None:
    drawn = list(islice(masks(), 100))

    assert {len(mask) for mask in drawn} == {4}
    assert len(set(drawn)) > 90


# ---- connections ----


@dataclass(frozen=True)
class Client:
    """A client that speaks in bytes, each piece by itself."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.005)  # or several pieces would come as one

    async def is_closed_with(self) -> int:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readexactly(4)
        assert head[0] == 0x80 | Opcode.CLOSE
        return int.from_bytes(head[2:])


@contextlib.asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[tuple[Client, Accepted]]:
    """Accept one client, which speaks in bytes."""
    accepted: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()

    async def accept(connection: Accepted) -> None:
        accepted.set_result(connection)
        await connection.wait_closed()

    options = {"create_connection": Accepted, "compression": None, **options}
    async with serve(accept, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]  # it makes such ones
        host, port = next(iter(server.sockets)).getsockname()[:2]
        reader, writer = await asyncio.open_connection(host, port)
        key = b"dGhlIHNhbXBsZSBub25jZQ=="
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key
        )
        await reader.readuntil(b"\r\n\r\n")
        try:
            yield Client(reader, writer), await accepted
        finally:
            writer.close()
            await writer.wait_closed()


async def hears(connection: Accepted) -> bytes:
    async with asyncio.timeout(PATIENCE):
        return await connection.next_text()


@pytest.mark.parametrize("cut", range(1, 12))
async def test_text_in_two_pieces_is_read(cut: int) -> None:
    text = framed(b"[2]" * 100, MASK)
    async with listening() as (client, ours):
        await client.says(text[:cut], text[cut:], framed(b"[3]", MASK))

        assert await hears(ours) == b"[2]" * 100
        assert await hears(ours) == b"[3]"


async def test_piece_that_looks_like_a_text_belongs_to_the_text_around_it() -> None:
    inner = framed(b"inner", MASK)
    head = bytes([0x81, 0x80 | len(inner)]) + b"\0\0\0\0"
    async with listening() as (client, ours):
        await client.says(head, inner, framed(b"[3]", MASK))

        assert await hears(ours) == inner
        assert await hears(ours) == b"[3]"


async def test_texts_fragments_and_pings_keep_their_order() -> None:
    def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
        return Frame(opcode, data, fin).serialize(mask=True)

    async with listening() as (client, ours):
        await client.says(
            framed(b"[1]", MASK),
            frame(Opcode.TEXT, b"[", fin=False),
            frame(Opcode.PING, b"still there"),
            frame(Opcode.CONT, b"2]"),
            framed(b"[3]", MASK) + framed(b"[4]", MASK),
            framed(b"[5]", MASK),
        )

        assert [await hears(ours) for _ in range(5)] == [b"[%d]" % n for n in range(1, 6)]


async def test_texts_that_nobody_waits_for_are_kept_in_order() -> None:
    async with listening() as (client, ours):
        await client.says(*(framed(b"[%d]" % n, MASK) for n in range(3)))

        assert [await hears(ours) for _ in range(3)] == [b"[0]", b"[1]", b"[2]"]


async def test_reader_that_is_cancelled_takes_no_text_along() -> None:
    async with listening() as (client, ours):
        reading = asyncio.create_task(ours.next_text())
        await asyncio.sleep(0)
        ours.data_received(framed(b"[2]", MASK))  # without a pause the reader cannot go on
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await client.says(framed(b"[3]", MASK))

        assert reading.cancelled()
        assert [await hears(ours), await hears(ours)] == [b"[2]", b"[3]"]


@pytest.mark.parametrize("waiting", [True, False])
async def test_end_is_told_to_the_reader(waiting: bool) -> None:  # noqa: FBT001 - drawn by name
    async with listening() as (client, ours):
        reading = asyncio.create_task(hears(ours)) if waiting else None
        await asyncio.sleep(0)
        client.writer.close()
        if reading is None:
            await asyncio.wait_for(ours.wait_closed(), PATIENCE)
            reading = asyncio.create_task(hears(ours))

        with pytest.raises(ConnectionClosed, match="no close frame"):
            await reading


async def test_text_within_fragments_is_a_protocol_error() -> None:
    async with listening() as (client, _ours):
        await client.says(Frame(Opcode.TEXT, b"[", fin=False).serialize(mask=True))
        await client.says(framed(b"[2]", MASK))

        assert await client.is_closed_with() == 1002


async def test_text_over_the_limit_is_1009() -> None:
    async with listening(max_size=100) as (client, _ours):
        await client.says(framed(b"x" * 101, MASK))

        assert await client.is_closed_with() == 1009


# ---- much at once ----


async def test_of_what_comes_at_once_nothing_is_lost_and_others_get_their_turn() -> None:
    texts = [b'[2,"%d","Heartbeat",{}]' % number for number in range(4000)]
    pings = [Frame(Opcode.PING, b"").serialize(mask=True)] * 1500
    said = [Frame(Opcode.TEXT, text).serialize(mask=True) for text in texts]
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with listening() as (client, accepted):
        client.writer.write(b"".join(pings))
        client.writer.write(b"".join(said))
        others = asyncio.create_task(take_turns())
        async with asyncio.timeout(PATIENCE):
            heard = [await accepted.next_text() for _ in texts]
        others.cancel()

    assert heard == texts
    assert turns > len(b"".join([*pings, *said])) / AT_ONCE


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
@pytest.mark.parametrize("at_once", [3000, 100])
async def test_whoever_sends_other_frames_without_end_is_read_slowly(
    opcode: Opcode, at_once: int
) -> None:
    frames = Frame(opcode, b"").serialize(mask=True) * at_once

    async with listening() as (client, accepted):
        async with asyncio.timeout(PATIENCE):
            while not accepted._pausing:
                client.writer.write(frames)
                await asyncio.sleep(0)
        accepted.transport.abort()


async def test_a_text_of_fragments_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MOST_FRAGMENTS", 100)
    fragment = Frame(Opcode.CONT, b"", fin=False).serialize(mask=True)

    async with listening() as (client, accepted):
        client.writer.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
        client.writer.write(fragment * 98 + Frame(Opcode.CONT, b"[]").serialize(mask=True))
        async with asyncio.timeout(PATIENCE):
            assert await accepted.next_text() == b"[]"
            client.writer.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
            client.writer.write(fragment * 100)
            with pytest.raises(ConnectionClosed):
                await accepted.next_text()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"no HTTP\r\n\r\n"])
async def test_a_connection_that_was_never_opened_is_let_go_of_at_once(said: bytes) -> None:
    made: list[weakref.ref[Accepted]] = []

    class Remembered(Accepted):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(weakref.ref(self))

    async def host(_: ServerConnection) -> None:
        """Never meet anybody."""

    async with serve(
        host, "127.0.0.1", 0, create_connection=Remembered, logger=quiet_logger()
    ) as server:
        gc.disable()  # what refers to itself lives on
        try:
            _, writer = await asyncio.open_connection(*next(iter(server.sockets)).getsockname())
            writer.write(said)
            await until(lambda: made)
            writer.transport.abort()
            await until(lambda: made[0]() is None)
        finally:
            gc.enable()
