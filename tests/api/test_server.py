"""The listener: whoever is slow, in whatever way, is cut off at a deadline (S-18)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from api.errors import answer_faults
from api.parsing import Parser
from api.schemas.common import Problem
from api.server import DEADLINES, Conversation, Deadlines, listening
from csms.settings import Bind

SOON = 0.2
FAR = 60.0
MUCH = 64 << 20
PATIENT = Deadlines(head=FAR, body=FAR, answer=FAR, keep_alive=FAR, linger=SOON)
HEAD = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def take_body(request: web.Request) -> web.Response:
    await Parser().parse(Problem(partial=True), request, location="json")
    return web.Response()


async def give_much(_request: web.Request) -> web.Response:
    return web.Response(body=bytes(MUCH))


async def work_long(_request: web.Request) -> web.Response:
    await asyncio.sleep(3 * SOON)
    return web.Response()


async def answer_nothing(_request: web.BaseRequest) -> web.Response:
    return web.Response()


@contextlib.asynccontextmanager
async def server(deadlines: Deadlines) -> AsyncIterator[Bind]:
    app = web.Application(middlewares=(answer_faults,))
    app[DEADLINES] = deadlines
    app.router.add_post("/body", take_body)
    app.router.add_get("/much", give_much)
    app.router.add_get("/long", work_long)
    async with listening(app, Bind("127.0.0.1", 0)) as bind:
        yield bind


class Client:
    """Speak HTTP by hand, as slowly as one likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def says(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    async def drips(self, text: bytes) -> None:
        """Say it byte by byte for as long as somebody listens."""
        with contextlib.suppress(ConnectionError):
            for place in range(len(text)):
                await self.says(text[place : place + 1])
                await asyncio.sleep(SOON / 8)

    async def hears_all(self) -> bytes:
        """Return what came until the other side hung up."""
        heard = bytearray()
        # Who goes on talking to one that has hung up is reset, maybe before it has read the answer.
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(100 * SOON):
                while chunk := await self.reader.read(1 << 16):
                    heard += chunk
        return bytes(heard)

    async def hears_answer(self) -> tuple[int, bytes]:
        async with asyncio.timeout(100 * SOON):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[16:])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length: ")
            )
            return int(head[9:12]), await self.reader.readexactly(length)


@contextlib.asynccontextmanager
async def client(bind: Bind) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(bind.host, bind.port, limit=1 << 16)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_client_that_says_nothing_is_cut_off() -> None:
    async with server(replace(PATIENT, head=SOON)) as bind, client(bind) as silent:
        assert await silent.hears_all() == b""


async def test_a_head_that_does_not_end_is_cut_off() -> None:
    async with server(replace(PATIENT, head=SOON)) as bind, client(bind) as partial:
        await partial.says(HEAD)

        assert await partial.hears_all() == b""


async def test_a_dripping_head_is_cut_off_at_the_same_deadline() -> None:
    async with server(replace(PATIENT, head=SOON)) as bind, client(bind) as dripping:
        begun = time.monotonic()
        drips = asyncio.create_task(dripping.drips(b"GET /" + b"x" * 500))

        assert await dripping.hears_all() == b""
        assert time.monotonic() - begun < 10 * SOON
        await drips


async def test_the_head_of_a_second_request_has_the_deadline_too() -> None:
    async with server(replace(PATIENT, head=SOON)) as bind, client(bind) as second:
        await second.says(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert (await second.hears_answer())[0] == 200
        await second.says(b"POST /body HTT")

        assert await second.hears_all() == b""


async def test_a_body_that_arrives_in_pieces_is_no_head() -> None:
    async with server(replace(PATIENT, head=SOON)) as bind, client(bind) as steady:
        await steady.says(HEAD + b"Content-Length: 2\r\n\r\n{")
        await asyncio.sleep(2 * SOON)
        await steady.says(b"}")
        assert (await steady.hears_answer())[0] == 200
        await asyncio.sleep(2 * SOON)
        await steady.says(HEAD + b"Content-Length: 2\r\n\r\n{}")

        assert (await steady.hears_answer())[0] == 200


async def test_work_may_take_longer_than_a_head() -> None:
    async with server(replace(PATIENT, head=SOON)) as bind, client(bind) as waiting:
        await waiting.says(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")

        assert (await waiting.hears_answer())[0] == 200


@pytest.mark.parametrize("drip", [b"", b" " * 500], ids=["partial", "dripping"])
async def test_a_body_that_does_not_end_is_answered_and_cut_off(drip: bytes) -> None:
    async with server(replace(PATIENT, body=SOON)) as bind, client(bind) as partial:
        await partial.says(HEAD + b"Content-Length: 1000\r\n\r\n{")
        drips = asyncio.create_task(partial.drips(drip))
        head, _, body = (await partial.hears_all()).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 408 ")
        assert orjson.loads(body)["error"] == "too_slow"
        await drips


async def test_an_idle_connection_is_closed() -> None:
    async with server(replace(PATIENT, keep_alive=SOON)) as bind, client(bind) as idle:
        await idle.says(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert (await idle.hears_answer())[0] == 200

        assert await idle.hears_all() == b""


async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    async with server(replace(PATIENT, answer=SOON)) as bind, client(bind) as deaf:
        await deaf.says(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(3 * SOON)

        assert len(await deaf.hears_all()) < MUCH


async def test_what_is_no_http_is_answered_like_every_error() -> None:
    async with server(PATIENT) as bind, client(bind) as stranger:
        await stranger.says(b"\x16\x03\x01 HELLO\r\n\r\n")
        head, _, body = (await stranger.hears_all()).partition(b"\r\n\r\n")

        assert head.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
        assert b"aiohttp" not in head
        assert orjson.loads(body) == {
            "success": False,
            "error": "bad_request",
            "message": "The request is not understood.",
        }


@pytest.mark.parametrize("path", [b"/body", b"/nowhere"])
async def test_an_expectation_that_is_none_is_answered_like_every_error(path: bytes) -> None:
    """aiohttp looks at it before any middleware."""
    async with server(PATIENT) as bind, client(bind) as stranger:
        more = b"Host: x\r\nExpect: nonsense\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        await stranger.says(b"POST " + path + b" HTTP/1.1\r\n" + more)
        head, _, body = (await stranger.hears_all()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 417 ")
    assert b"aiohttp" not in head
    assert orjson.loads(body)["error"] == "bad_request"


async def test_who_goes_in_the_middle_of_his_body_is_no_fault_of_ours() -> None:
    with capture_logs() as ours:
        async with server(PATIENT) as bind, client(bind) as gone:
            await gone.says(HEAD + b"Content-Length: 100\r\n\r\n{")
        # The listener has ended, and with it all that was still asked of it.

    assert not ours


async def test_a_body_that_is_not_packed_as_it_says_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\n"
    async with server(PATIENT) as bind:
        with capture_logs() as ours:
            for body in (b'{"a": 1}', b"\x1f\x8b\x08 none"):
                async with client(bind) as broken:
                    await broken.says(head + body)
                    assert (await broken.hears_answer())[0] == 400
                    assert await broken.hears_all() == b""

    assert not caplog.records
    assert not ours


async def test_what_goes_wrong_beside_an_answer_is_one_line_without_what_a_peer_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    conversation = Conversation(web.Server(answer_nothing), PATIENT)
    with capture_logs() as ours:
        conversation.log_exception("Unhandled exception", exc_info=ValueError("canary"))
        conversation.log_exception("Missing return statement on request handler")

    assert not caplog.records
    assert [line["fault"] for line in ours] == [
        "ValueError",
        "Missing return statement on request handler",
    ]


async def test_many_may_come_at_once() -> None:
    with contextlib.ExitStack() as sockets:
        async with server(PATIENT) as bind:
            for _ in range(300):  # and nobody is let in before all have come
                sockets.enter_context(socket.create_connection((bind.host, bind.port), timeout=1.0))
