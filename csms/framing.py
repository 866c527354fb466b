"""Whole texts on a WebSocket, framed and unframed in one step (RFC 6455 §5.2).

The websockets library frames and parses in general: fragments, extensions, control frames, any
split of the bytes. That costs 4 µs a text, and nearly every message is one frame that comes in
one piece. Such a one is done here; whatever else there is goes the library's way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.frames import (  # type: ignore[attr-defined]  # it has chosen the fast one
    DATA_OPCODES,
    Frame,
    Opcode,
    apply_mask,
)
from websockets.protocol import SERVER, Event, Protocol, State
from websockets.streams import StreamReader

from csms.pace import Allowance

LONGEST = 0xFFFF  # what two bytes of length can say
# Bytes that are parsed in one turn of the loop: a system call may bring 256 KiB, in which 40,000
# pings have room, and everybody else would wait for them.
AT_ONCE = 8192
# Frames that are no whole text (pings, fragments) and may be empty: a second, and all at once.
_OTHER_FRAMES, _OTHER_FRAMES_AT_ONCE = 200.0, 2000.0
# Fragments of one text: each may be empty, so that no limit in bytes is ever reached.
MOST_FRAGMENTS = 10_000

_WHOLE_TEXT = 0x80 | Opcode.TEXT  # nothing follows, and no extension was at work
_MASKED = 0x80
_TWO_BYTES = 126  # stands where a length of two bytes follows
_SHORT, _LONG = Struct("!BB"), Struct("!BBH")
_MASK = 4  # bytes


def masks() -> Iterator[bytes]:
    """Yield masking keys for ever; asking the system for each would be a call of its own."""
    while True:
        drawn = os.urandom(64 * _MASK)
        for at in range(0, len(drawn), _MASK):
            yield drawn[at : at + _MASK]


def framed(text: bytes, mask: bytes | None = None) -> bytes:
    """Return the frame of a text of at most LONGEST bytes, masked if a client sends it."""
    size, masked = len(text), _MASKED if mask else 0
    if size < _TWO_BYTES:
        head = _SHORT.pack(_WHOLE_TEXT, masked | size)
    else:
        head = _LONG.pack(_WHOLE_TEXT, masked | _TWO_BYTES, size)
    return head + mask + apply_mask(text, mask) if mask else head + text


def unframed(data: bytes, *, masked: bool) -> bytes | None:
    """Return the text that these bytes are the one frame of, None where they are anything else."""
    if len(data) < 2 or data[0] != _WHOLE_TEXT:
        return None
    size, start = data[1] - (_MASKED if masked else 0), 2
    if size == _TWO_BYTES:
        size, start = int.from_bytes(data[2:4]), 4
    elif not 0 <= size < _TWO_BYTES:
        return None
    mask, start = data[start : start + _MASK], start + _MASK * masked
    if len(data) != start + size:
        return None
    return apply_mask(data[start:], mask) if masked else data[start:]


class Shortcut(Connection):
    """Hand over whole texts past the library's parser, while that is between two texts.

    While the reader waits for the next one, ``hear`` is given it at once, which spares waking the
    reader; what it returns False for goes to the reader.
    """

    hear: Callable[[bytes], bool] | None = None
    _between_texts = False
    _waiter: asyncio.Future[bytes | None] | None = None
    _rest = b""  # that has come and is not parsed
    _others: Allowance | None = None  # for frames that are no whole text
    _fragments = 0  # of the text that is not whole
    _pausing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        super().connection_made(transport)
        self.recv_messages.resume = self._resume

    async def handshake(self, *args: Any, **options: Any) -> None:
        """Open the connection, and do not hold on to why that was not possible."""
        try:
            await super().handshake(*args, **options)  # type: ignore[misc]  # both ends have it
        finally:
            self.protocol.handshake_exc = None

    async def next_text(self) -> bytes:
        """Wait for the next message as the library's ``recv`` does; for one reader only."""
        if self.recv_messages.frames or self.recv_messages.closed:
            return await self.recv(decode=False)
        waiter = self._waiter = self.loop.create_future()
        try:
            text = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (text := waiter.result()) is not None:
                self.recv_messages.put(Frame(Opcode.TEXT, text))  # for whoever reads next
            raise
        finally:
            self._waiter = None
        return await self.recv(decode=False) if text is None else text

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent."""
        if self._between_texts:
            text = unframed(data, masked=self.protocol.side is SERVER)
            if text is not None and len(text) <= (self.protocol.max_message_size or LONGEST):
                waiter = self._waiter
                if waiter is None or waiter.done():
                    self.recv_messages.put(Frame(Opcode.TEXT, text))
                elif self.hear is None or not self.hear(text):
                    waiter.set_result(text)
                return
        if self._rest:
            self._rest += data
        elif len(data) > AT_ONCE and self.protocol.state is State.OPEN:
            self._rest, self._between_texts = data, False
            self.transport.pause_reading()
            self._parse_on()
        else:
            super().data_received(data)
            self._between_texts = _between_texts(self.protocol)
            if self._others is not None and self._others.left <= 0:
                self.transport.pause_reading()
                self._resume()

    def _parse_on(self) -> None:
        """Parse a part of what has come, and leave the rest to a later turn."""
        if self.transport.is_closing():
            return
        part, self._rest = self._rest[:AT_ONCE], self._rest[AT_ONCE:]
        super().data_received(part)
        self._between_texts = not self._rest and _between_texts(self.protocol)
        self._resume()

    def _resume(self) -> None:
        """Go on, unless the reader or the pace of other frames has to be waited for."""
        if self._pausing or self.recv_messages.paused:
            return
        if self._others is not None and (pause := self._others.pause()):
            self._pausing = True
            self.loop.call_later(pause, self._end_pause)
        elif self._rest:
            self.loop.call_soon(self._parse_on)
        else:
            self.transport.resume_reading()

    def _end_pause(self) -> None:
        self._pausing = False
        if not self.transport.is_closing():
            self._resume()

    def process_event(self, event: Event) -> None:
        """Take what the library has parsed."""
        if isinstance(event, Frame) and not (event.opcode is Opcode.TEXT and event.fin):
            self._count(event)
        super().process_event(event)
        self._look_again()

    def _count(self, frame: Frame) -> None:
        if self._others is None:
            self._others = Allowance(_OTHER_FRAMES, _OTHER_FRAMES_AT_ONCE, self.loop.time)
        self._others.left -= 1
        if frame.opcode in DATA_OPCODES:
            self._fragments = 0 if frame.fin else self._fragments + 1
            if self._fragments > MOST_FRAGMENTS:
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end."""
        super().connection_lost(exc)
        self._look_again()
        _strip(self.protocol.parser_exc)
        _strip(self.protocol.handshake_exc)
        self.recv_messages.pause = self.recv_messages.resume = _nothing
        self.protocol.parser.close()

    def _look_again(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _strip(fault: BaseException | None) -> None:
    """Take their ways from a fault and its causes: those frames hold a connection in a circle."""
    while fault is not None:
        fault.__traceback__ = None
        fault = fault.__cause__ or fault.__context__


def _nothing() -> None:
    """Do it."""


def _between_texts(protocol: Protocol) -> bool:
    if protocol.state is not State.OPEN or protocol.current_size is not None:
        return False
    # The parser is a generator: what it waits in tells how far it has got.
    waiting: Any = protocol.parser
    while waiting.gi_yieldfrom is not None:
        waiting = waiting.gi_yieldfrom
    return bool(waiting.gi_code is StreamReader.at_eof.__code__)


class Dialled(Shortcut, ClientConnection):
    """A connection to a server of somebody else."""
