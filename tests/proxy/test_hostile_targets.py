"""Whatever a target does, its charger notices nothing, the status tells it, no loop runs hot."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from csms.sockets import quiet_logger
from proxy.states import TargetStatus
from storage.records import ChargerKey
from tests.doubles import until
from tests.proxy.stage import ACCEPTED, OCPP16, OCPP201, QUICK, Device, Stage, staged

pytestmark = pytest.mark.one_of_each("many ways to be hostile")

MOST_DIALS = 4
# Pauses that a hot loop would not notice, but for the one bound that is under test.
HASTY = replace(
    QUICK,
    ask=0.3,
    answer=0.3,
    ping=0.2,
    heartbeat_interval=0.05,
    boot_interval=0.05,
    dial=0.3,
    dials_per_window=MOST_DIALS,
    dial_window=60.0,
)
PATIENT = 10.0  # s
# s: an answer to a charger takes milliseconds, here beside a flood on a machine that may be full.
SOON = 5.0
MOST_MEMORY = 64 << 10  # KiB
MIB = 1 << 20

Behaviour = Callable[["Rude", ServerConnection], Awaitable[None]]
Answering = Callable[[str], list[str | bytes]]


def good(id: str) -> list[str | bytes]:
    return [orjson.dumps([3, id, {}]).decode()]


def accepting(id: str) -> list[str | bytes]:
    return [orjson.dumps([3, id, {**ACCEPTED, "interval": 0}]).decode()]


@dataclass
class Rude:
    """A target that accepts our Boot, and then does as it likes."""

    behave: Behaviour | None = None
    answers: Answering = good
    boots: Answering = accepting
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[Rude]:
        subprotocols: Any = [OCPP16, OCPP201]
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=subprotocols,
            ping_interval=None,
            close_timeout=0.1,
            max_size=None,
            logger=quiet_logger(),
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        async with asyncio.TaskGroup() as group:
            behaving = None
            with contextlib.suppress(ConnectionClosed):
                async for text in connection:
                    frame = orjson.loads(text)
                    if frame[0] != 2:
                        continue
                    self.heard.append(frame[2])
                    boot = frame[2] == "BootNotification"
                    for answer in (self.boots if boot else self.answers)(frame[1]):
                        await connection.send(answer)
                    if boot and self.behave is not None and behaving is None:
                        behaving = group.create_task(self._misbehave(connection))
            if behaving is not None:
                behaving.cancel()

    async def _misbehave(self, connection: ServerConnection) -> None:
        assert self.behave is not None
        with contextlib.suppress(ConnectionClosed):
            await self.behave(self, connection)


def flooding(piece: bytes, first: bytes = b"") -> Behaviour:
    """Write the same bytes again and again, as fast as they are taken."""

    async def flood(_: Rude, connection: ServerConnection) -> None:
        transport = connection.transport
        transport.write(first)
        while not transport.is_closing():
            if transport.get_write_buffer_size() < MIB:
                transport.write(piece)
            await asyncio.sleep(0)

    return flood


def dripping(first: bytes, drop: bytes, every: float = 0.01) -> Behaviour:
    """Write a beginning, and then one drop after the other."""

    async def drip(_: Rude, connection: ServerConnection) -> None:
        connection.transport.write(first)
        while not connection.transport.is_closing():
            connection.transport.write(drop)
            await asyncio.sleep(every)

    return drip


def writing(raw: bytes) -> Behaviour:
    """Write this once, and be silent."""

    async def write(_: Rude, connection: ServerConnection) -> None:
        connection.transport.write(raw)

    return write


def text(payload: bytes, head: int = 0x81) -> bytes:
    """Return the frame of a text as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((head, size)) + payload
    if size < 1 << 16:
        return bytes((head, 126)) + size.to_bytes(2) + payload
    return bytes((head, 127)) + size.to_bytes(8) + payload


@dataclass
class Watched:
    """A charger that goes on talking while its target misbehaves, and how long it waited."""

    stage: Stage
    key: ChargerKey
    charger: Device
    slowest: float = 0.0
    calls: int = 0

    async def says(self, action: str = "Heartbeat") -> None:
        """Call once, as a charger does that knows nothing of targets."""
        now = asyncio.get_running_loop().time
        begun = now()
        await self.charger.call(action)
        self.slowest, self.calls = max(self.slowest, now() - begun), self.calls + 1

    async def until(self, states: str, reason: str) -> TargetStatus:
        """Talk until the status tells the reason in one of these states."""
        async with asyncio.timeout(PATIENT):
            while True:
                await self.says()
                status = await self.stage.status(self.key)
                if status.state in states.split("|") and re.search(reason, status.last_error or ""):
                    return status
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def watched(folder: Path, url: str, subprotocol: str = OCPP16) -> AsyncIterator[Watched]:
    async with staged(folder, HASTY) as stage:
        key = await stage.enrol(url)
        async with stage.charger(key, subprotocol) as charger:
            await charger.boots()
            watched = Watched(stage, key, charger)
            yield watched
            assert charger.link.closed is None
            assert watched.slowest < SOON
            assert charger.link.traffic.malformed == charger.link.traffic.unsolicited == 0


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


CALL = b'[2,"x","GetConfiguration",{}]'
DEEP = b'[2,"x","GetConfiguration",' + b"[" * 5_000 + b"]" * 5_000 + b"]"
NO_OCPP, TOO_MUCH = r"a frame that is no OCPP", r"1008 too much"
ENDS = "backoff|dialing|booting|ready"

# What it does, and what the status says of it.
BEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "a text that is no JSON": (writing(text(b"garbage")), NO_OCPP),
    "a text that is no UTF-8": (writing(text(b'[2,"x","\xff",{}]')), NO_OCPP),
    "JSON that is no frame": (writing(text(b'{"ocpp": true}')), NO_OCPP),
    "a binary frame of nonsense": (writing(text(b"\x00\x01\x02", 0x82)), NO_OCPP),
    "an answer to nothing": (writing(text(b'[3,"nobody",{}]')), "answer to nothing"),
    "a CALLERROR to nothing": (writing(text(b'[4,"nobody","X","",{}]')), "answer to nothing"),
    "5,000 levels": (writing(text(DEEP)), NO_OCPP),
    "a number without end": (
        writing(text(b'[2,"x","Y",{"v":' + b"9" * 100_000 + b"}]")),
        NO_OCPP,
    ),
    "a text of 1.5 MiB": (writing(text(b"x" * (3 * MIB // 2))), "longer than 1048576 bytes"),
    "a text of 3 MiB": (writing(text(b"x" * 3 * MIB)), "1009"),
    "an announced text of 2**63 bytes": (writing(b"\x81\x7f\x7f" + b"\xff" * 7), "1009"),
    "half a frame, then silence": (writing(text(CALL)[:-5]), "1011 keepalive"),
    "a frame that drips": (dripping(b"\x81\x7f" + MIB.to_bytes(8), b" "), "1011 keepalive"),
    "a text whose fragments never end": (flooding(4096 * b"\x00\x00", b"\x01\x00"), TOO_MUCH),
    "pings without end": (flooding(4096 * b"\x89\x00"), TOO_MUCH),
    "pongs without end": (flooding(4096 * b"\x8a\x00"), TOO_MUCH),
    "empty texts without end": (flooding(4096 * b"\x81\x00"), TOO_MUCH),
    "garbage without end": (flooding(100 * text(b"garbage")), TOO_MUCH),
    "long garbage without end": (flooding(text(b"x" * MIB)), TOO_MUCH),
    "answers to nothing without end": (flooding(100 * text(b'[3,"nobody",{}]')), TOO_MUCH),
    # Its pongs come behind its CALLs.
    "CALLs without end": (flooding(100 * text(CALL)), f"{TOO_MUCH}|1011 keepalive"),
    "CALLs of a megabyte without end": (
        flooding(text(b'[2,"x","DataTransfer",{"vendorId":"' + b"x" * MIB + b'"}]')),
        TOO_MUCH,
    ),
    "what claims to be compressed": (writing(text(b"\x00" * 100, 0xC1)), "1002"),
    "a frame with a mask": (writing(b"\x81\x85" + 9 * b"\x00"), "1002"),
    "an opcode that nobody knows": (writing(b"\x83\x00"), "1002"),
    "a ping of a megabyte": (writing(text(b"x" * MIB, 0x89)), "1002"),
    "a continuation of nothing": (writing(b"\x80\x01x"), "1002"),
    "a close with half a code": (writing(b"\x88\x01\x03"), "1002"),
    "a close with a code that is none": (writing(b"\x88\x02\x00\x00"), "1002"),
    "a close with a reason that is no UTF-8": (writing(b"\x88\x04\x03\xe8\xff\xff"), "1007"),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_what_a_target_sends_stays_with_the_target(tmp_path: Path, behaviour: str) -> None:
    behave, reason = BEHAVIOURS[behaviour]
    async with Rude(behave).up() as rude, watched(tmp_path, rude.url) as talk:
        with little_memory():
            await talk.until(ENDS, reason)
            for _ in range(20):
                await talk.says()

        assert rude.connections <= MOST_DIALS
        assert talk.charger.heard == [] or "without end" in behaviour


@pytest.mark.parametrize("behaviour", ["garbage without end", "half a frame, then silence"])
async def test_on_2_0_1_as_well(tmp_path: Path, behaviour: str) -> None:
    behave, reason = BEHAVIOURS[behaviour]
    async with Rude(behave).up() as rude, watched(tmp_path, rude.url, OCPP201) as talk:
        await talk.until(ENDS, reason)

        assert rude.connections <= MOST_DIALS


def twice(id: str) -> list[str | bytes]:
    return good(id) + good(id)


def both(id: str) -> list[str | bytes]:
    return [*good(id), orjson.dumps([4, id, "InternalError", "", {}]).decode()]


def wrong(id: str) -> list[str | bytes]:
    return good(id[::-1])


def with_list(id: str) -> list[str | bytes]:
    return [f'[3,"{id}",[]]']


def at_length(id: str) -> list[str | bytes]:
    return [f'[4,"{id}","InternalError","{MIB // 2 * "x"}",{{}}]']


def on_the_terminal(id: str) -> list[str | bytes]:
    return [f'[4,"{id}","InternalError","\\u001b[2J\\n\\u0000",{{}}]']


def mute(_: str) -> list[str | bytes]:
    return []


def binary(id: str) -> list[str | bytes]:
    return [answer.encode() for answer in good(id) if isinstance(answer, str)]


# How it answers what it is told, and what the status says of it.
ANSWERS: dict[str, tuple[Answering, str]] = {
    "twice": (twice, "answer to nothing"),
    "with a CALLRESULT and a CALLERROR": (both, "answer to nothing"),
    "under another id": (wrong, "answer to nothing|in time"),
    "never": (mute, "did not answer in time"),
    "with garbage": (lambda _: ["garbage"], NO_OCPP),
    "with a list": (with_list, ""),
    "with a CALLERROR of half a megabyte": (at_length, ""),
    "with a CALLERROR of control characters": (on_the_terminal, ""),
}


@pytest.mark.parametrize("answering", ANSWERS)
async def test_how_a_target_answers_stays_with_the_target(tmp_path: Path, answering: str) -> None:
    answers, reason = ANSWERS[answering]
    async with Rude(answers=answers).up() as rude, watched(tmp_path, rude.url) as talk:
        status = await talk.until("ready|backoff|dialing|booting", reason)
        for action in ("StatusNotification", "MeterValues", "DataTransfer"):
            with contextlib.suppress(Exception):  # what it is told is not the point here
                await talk.says(action)

        assert rude.connections <= MOST_DIALS
        assert len(status.last_error or "") < 400


async def test_an_answer_in_a_binary_frame_is_an_answer(tmp_path: Path) -> None:
    async with Rude(answers=binary).up() as rude, watched(tmp_path, rude.url) as talk:
        await talk.until("ready", "")
        await until(lambda: rude.heard.count("Heartbeat") >= 3)  # so it has answered twice
        told = await talk.stage.status(talk.key)

    assert (told.state, told.last_error) == ("ready", None)


# Its word on our Boot, and what the status says of it.
BOOTS: dict[str, tuple[bytes, str]] = {
    "nothing in it": (b"{}", ""),
    "no object": (b"[]", ""),
    "null": (b"null", ""),
    "an unknown status": (b'{"status":"Perhaps"}', ""),
    "a status that is no text": (b'{"status":{"a":1}}', ""),
    "an interval that is no number": (b'{"status":"Accepted","interval":"x"}', ""),
    "an interval below nothing": (b'{"status":"Accepted","interval":-1}', ""),
    "an interval of ages": (b'{"status":"Accepted","interval":1e300}', ""),
    "an interval of 20 digits": (b'{"status":"Pending","interval":99999999999999999999}', ""),
    "a clock that is no clock": (b'{"status":"Accepted","currentTime":"yesterday"}', ""),
    "a clock of another age": (
        b'{"status":"Accepted","currentTime":"+222222017-01-01T00:00:00Z","interval":1}',
        "",
    ),
}


@pytest.mark.parametrize("word", BOOTS)
async def test_what_a_target_says_to_our_boot_stays_with_the_target(
    tmp_path: Path, word: str
) -> None:
    payload, _ = BOOTS[word]

    def boots(id: str) -> list[str | bytes]:
        return [f'[3,"{id}",'.encode() + payload + b"]"]

    def as_text(id: str) -> list[str | bytes]:
        return [answer.decode() for answer in boots(id) if isinstance(answer, bytes)]

    async with Rude(boots=as_text).up() as rude, watched(tmp_path, rude.url) as talk:
        async with asyncio.timeout(PATIENT):
            while not rude.heard:
                await talk.says()
        await talk.until("ready|booting|pending|rejected|backoff|dialing", "")
        for _ in range(20):
            await talk.says()

        assert rude.connections <= MOST_DIALS
        assert rude.heard.count("BootNotification") <= 50


# ---- what is no WebSocket at all ----

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(head: bytes, more: bytes = b"", *, every: float | None = None) -> Answer:
    """Answer a request with this, and then with more and more of it."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while more:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(every or 0)

    return say


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
HTTP: dict[str, tuple[Answer, str]] = {
    **{
        f"{status}": (
            saying(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status),
            f"HTTP status {status}",
        )
        for status in (200, 204, 400, 401, 403, 404, 426, 429, 500, 502, 503)
    },
    "302 to a place inside": (
        saying(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        "HTTP status 302",
    ),
    "200 with a body that never ends": (
        saying(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536),
        "does not speak WebSocket|HTTP status 200|No connection",
    ),
    "200 with chunks that never end": (
        saying(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"10000\r\n" + b"x" * 65_536 + b"\r\n",
        ),
        "does not speak WebSocket|HTTP status 200|No connection",
    ),
    "200 with a body that drips": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x", every=0.01),
        "No connection within",
    ),
    "headers that drip": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\n", b"X", every=0.01),
        "No connection within",
    ),
    "headers that never end": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\n", 100 * b"X-Header: x\r\n"),
        "does not speak WebSocket|No connection",
    ),
    "a header that never ends": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\nX-Header: ", b"x" * 65_536),
        "does not speak WebSocket|No connection",
    ),
    "101 with a wrong key": (
        saying(UPGRADE + b"Sec-WebSocket-Accept: bm8=\r\n\r\n"),
        "does not speak WebSocket",
    ),
    "101 without a key": (saying(UPGRADE + b"\r\n"), "does not speak WebSocket"),
    "nothing": (silence, "No connection within"),
    "an end at once": (saying(b""), "No connection"),
    "another protocol": (saying(b"SSH-2.0-OpenSSH_9.6\r\n"), "does not speak WebSocket"),
    "another version of HTTP": (saying(b"HTTP/2 200\r\n\r\n"), "does not speak WebSocket"),
}


@contextlib.asynccontextmanager
async def http(answer: Answer) -> AsyncIterator[Counted]:
    """Listen for requests until the context ends."""
    counted = Counted(answer)
    server = await asyncio.start_server(counted.accept, "127.0.0.1", 0)
    counted.port = server.sockets[0].getsockname()[1]
    try:
        yield counted
    finally:
        server.close()
        for task in tuple(counted.tasks):
            task.cancel()
        await asyncio.gather(*counted.tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Counted:
    """A listener that counts who comes."""

    answer: Answer
    port: int = 0
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self.answer(reader, writer)
        finally:
            writer.close()


@pytest.mark.parametrize("answering", HTTP)
async def test_what_a_target_answers_to_the_handshake_stays_with_the_target(
    tmp_path: Path, answering: str
) -> None:
    answer, reason = HTTP[answering]
    async with http(answer) as listener:
        url = f"ws://127.0.0.1:{listener.port}/ocpp"
        async with watched(tmp_path, url) as talk:
            with little_memory():
                await talk.until("backoff|incompatible", reason)
                for _ in range(20):
                    await talk.says()

            assert listener.connections <= MOST_DIALS
