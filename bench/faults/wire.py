"""A charger that says exactly what it is told to, byte by byte where need be."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from simulators.oracle import OracleFile
from simulators.sockets import basic
from simulators.watched import Fields

PATIENCE = 20.0
AT = "2026-11-21T10:{:02d}:{:02d}.{:03d}Z"


def moment(number: int) -> str:
    """Return a timestamp of its own for each number below 3.6 million."""
    seconds, milliseconds = divmod(number, 1000)
    return AT.format(*divmod(seconds, 60), milliseconds)


@dataclass(slots=True)
class Session:
    """One transaction's messages in the words of a version; ``id`` is the CSMS's for 1.6."""

    version: str
    name: str
    number: int
    id: str = ""
    said: int = 0

    @property
    def tx(self) -> str:
        """Name it for the oracle."""
        return f"{self.name}-{self.number}"

    def begin(self) -> tuple[str, Fields]:
        """Say that it begins."""
        if self.version == "1.6":
            at, wh = moment(self.number * 1000), self.number
            return "StartTransaction", {
                "connectorId": 1,
                "idTag": "WIRE",
                "meterStart": wh,
                "timestamp": at,
            }
        self.id = self.tx
        token = {"idToken": {"idToken": "WIRE", "type": "Central"}}
        return self._event("Started", self.number, "Authorized", **token)

    def meter(self, **more: Any) -> tuple[str, Fields]:
        """Say what the meter reads."""
        self.said += 1
        wh = self.number + self.said
        if self.version == "1.6":
            return "MeterValues", {
                "connectorId": 1,
                "transactionId": int(self.id),
                "meterValue": [self._value(wh)],
                **more,
            }
        return self._event("Updated", wh, "MeterValuePeriodic", **more)

    def end(self) -> tuple[str, Fields]:
        """Say that it ends."""
        self.said += 1
        wh = self.number + self.said
        if self.version == "1.6":
            return "StopTransaction", {
                "transactionId": int(self.id),
                "idTag": "WIRE",
                "meterStop": wh,
                "timestamp": moment(self.number * 1000 + self.said),
                "reason": "Local",
            }
        return self._event("Ended", wh, "StopAuthorized")

    def took(self, answer: Fields) -> None:
        """Take in the answer to the beginning."""
        if self.version == "1.6":
            self.id = str(answer["transactionId"])

    def _event(self, kind: str, wh: int, trigger: str, **more: Any) -> tuple[str, Fields]:
        return "TransactionEvent", {
            "eventType": kind,
            "timestamp": moment(self.number * 1000 + self.said),
            "triggerReason": trigger,
            "seqNo": self.said,
            "transactionInfo": {"transactionId": self.id},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [self._value(wh)],
            **more,
        }

    def _value(self, wh: int) -> Fields:
        value: Any = str(wh) if self.version == "1.6" else wh
        sampled = {"value": value, "measurand": "Energy.Active.Import.Register"}
        at = moment(self.number * 1000 + self.said)
        return {"timestamp": at, "sampledValue": [sampled]}


@dataclass(slots=True)
class Wire:
    """One charger's identity, its oracle, and the connection that it has now."""

    url: str
    charge_box_id: str
    password: str
    version: str
    oracle: OracleFile
    answers: list[tuple[float, str, float]] = field(default_factory=list)
    commands: asyncio.Queue[list[Any]] = field(default_factory=asyncio.Queue)
    errors: list[list[Any]] = field(default_factory=list)  # answers that nobody waited for
    listener: Callable[[list[Any]], None] | None = None  # takes all there is
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _seqs: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _open: dict[str, asyncio.Future[list[Any]]] = field(default_factory=dict)
    socket: ClientConnection | None = None

    @contextlib.asynccontextmanager
    async def connected(self, url: str = "") -> AsyncIterator[None]:
        """Be connected inside a ``with`` block, and boot first."""
        async with connect(
            url or self.url,
            subprotocols=[Subprotocol(f"ocpp{self.version}")],
            additional_headers={"Authorization": basic(self.charge_box_id, self.password)},
            compression=None,
            proxy=None,
            max_size=None,
        ) as self.socket:
            reading = asyncio.create_task(self._read(self.socket))
            try:
                await self.call("BootNotification", BOOTS[self.version])
                yield
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def send(self, text: bytes) -> None:
        """Send a text frame, whatever it is."""
        assert self.socket is not None
        await self.socket.send(text, text=True)

    async def call(self, action: str, fields: Fields, id: str = "") -> list[Any]:
        """Call and return the answering frame; raise TimeoutError."""
        id = id or f"{self.charge_box_id}-{next(self._numbers)}"
        began = time.monotonic()
        answer = await self.ask(id, orjson.dumps([2, id, action, fields]))
        self.answers.append((began, action, time.monotonic() - began))
        return answer

    async def ask(self, id: str, text: bytes) -> list[Any]:
        """Send a text and wait for the answer with an id."""
        waiting: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._open[id] = waiting
        await self.send(text)
        async with asyncio.timeout(PATIENCE):
            return await waiting

    async def event(self, session: Session, message: tuple[str, Fields]) -> Fields:
        """Tell of a transaction event, with the oracle; return the answer."""
        seq = self.emit(session, message)
        answer = await self.call(*message)
        if answer[0] != 3:
            raise RuntimeError(f"{self.charge_box_id}: {message[0]} was answered {answer}")
        self.oracle.settled(seq, "answered")
        told: Fields = answer[2]
        return told

    def emit(self, session: Session, message: tuple[str, Fields]) -> int:
        """Write an event down."""
        seq = next(self._seqs)
        action, fields = message
        self.oracle.emitted(seq, session.tx, action, 0.0, fields)
        return seq

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame = orjson.loads(text)
            if self.listener is not None:
                self.listener(frame)
            elif frame[0] == 2:
                self.commands.put_nowait(frame)
            elif (waiting := self._open.pop(frame[1], None)) is not None:
                if not waiting.done():
                    waiting.set_result(frame)
            else:
                self.errors.append(frame)


BOOTS: dict[str, Fields] = {
    "1.6": {"chargePointVendor": "Ringmain", "chargePointModel": "Wire"},
    "2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"vendorName": "Ringmain", "model": "Wire"},
    },
}


class ByteWire:
    """A WebSocket client of which every byte is in our hands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, wire: Wire, port: int | None = None) -> ByteWire:
        """Connect as this charger, on another port if one is named."""
        parts = urlsplit(wire.url)
        reader, writer = await asyncio.open_connection("127.0.0.1", port or parts.port)
        writer.write(handshake(wire))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{wire.charge_box_id} was refused: {answer[:80]!r}")
        return cls(reader, writer)

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, text: bytes) -> list[Any]:
        """Send a whole text frame and return the answer."""
        await self.write(masked(text))
        return await self.receive()

    async def receive(self) -> list[Any]:
        """Return the next text that comes."""
        async with asyncio.timeout(PATIENCE):
            while True:
                opcode, length = await self._reader.readexactly(2)
                if length == 126:
                    (length,) = struct.unpack("!H", await self._reader.readexactly(2))
                data = await self._reader.readexactly(length)
                if opcode == 0x81:
                    found: list[Any] = orjson.loads(data)
                    return found

    def cut(self, *, reset: bool) -> None:
        """End the connection: with a TCP reset, or as if the process had ended."""
        own = self._writer.get_extra_info("socket")
        if reset and own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.close()


def handshake(wire: Wire) -> bytes:
    """Return the request that opens a WebSocket."""
    parts = urlsplit(wire.url)
    lines = (
        f"GET {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: ocpp{wire.version}",
        f"Authorization: {basic(wire.charge_box_id, wire.password)}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def masked(text: bytes) -> bytes:
    """Return a client's WebSocket frame; the mask is 0, so the bytes are those of the text."""
    if len(text) < 126:
        head = struct.pack("!BB", 0x81, 0x80 | len(text))
    else:
        head = struct.pack("!BBH", 0x81, 0x80 | 126, len(text))
    return head + bytes(4) + text
