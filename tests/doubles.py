"""Adapters kept in memory: a socket with two ends, a tap that remembers, a peer to talk to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from csms import frames
from csms.errors import LinkClosed, MalformedFrame
from csms.frames import OCPP16, Call, Dialect, Frame, Reply, Send
from csms.link import Link
from csms.ports import Answer, Socket, Tap, Tell, Way, no_tap

PATIENCE = 30.0  # s: what should happen has happened by then, or never will


class MemorySocket(Socket):
    """One end of a connection in memory; ``room`` texts fit into it unread."""

    def __init__(self, room: int = 0) -> None:
        self._incoming: asyncio.Queue[bytes | LinkClosed] = asyncio.Queue(room)
        self._peer = self
        self.closed: LinkClosed | None = None

    def connect(self, peer: MemorySocket) -> None:
        """Lead both ends to each other."""
        self._peer, peer._peer = peer, self

    @property
    def unread(self) -> int:
        """Count what has arrived and was not received yet."""
        return self._incoming.qsize()

    async def receive(self) -> bytes:
        """Wait for the next text."""
        if self.closed:
            raise self.closed
        text = await self._incoming.get()
        if isinstance(text, LinkClosed):
            self.closed = text
            raise text
        return text

    async def send(self, text: bytes) -> None:
        """Hand over one text; wait while the other end has no room."""
        if self.closed:
            raise self.closed
        await self._peer._incoming.put(text)

    async def close(self, code: int, reason: str) -> None:
        """Close both ways; the other end first receives what was sent before."""
        if self.closed is None:
            self.closed = LinkClosed(code, reason)
            for end in (self, self._peer):
                if not end._incoming.full():
                    end._incoming.put_nowait(self.closed)


def socket_pair(room: int = 0) -> tuple[MemorySocket, MemorySocket]:
    """Return both ends of one connection."""
    ours, theirs = MemorySocket(room), MemorySocket(room)
    ours.connect(theirs)
    return ours, theirs


@dataclass(slots=True)
class Kept:
    """What the tap was told of one frame, and what becomes of it."""

    position: int
    way: Way
    kind: str
    id: str
    action: str | None
    text: bytes
    tell: Tell | None = field(compare=False)
    fault: Exception | None = field(default=None, compare=False)
    settled: bool = field(default=False, compare=False)

    def settle(self, fault: Exception | None = None) -> None:
        """Be on disk, or not."""
        self.settled, self.fault = True, fault
        if self.tell is not None:
            self.tell(fault)


class MemoryTap:
    """Remember every frame; its commits are done at once, or when ``commit`` is called.

    ``lost`` is why each of them fails at once.
    """

    def __init__(self, *, by_hand: bool = False, lost: Exception | None = None) -> None:
        self.kept: list[Kept] = []
        self._by_hand = by_hand
        self._lost = lost

    def __call__(
        self,
        way: Way,
        frame: Frame | MalformedFrame,
        text: bytes,
        action: str | None,
        _note: object = None,
        tell: Tell | None = None,
    ) -> Kept:
        """Keep one frame."""
        position = len(self.kept) + 1
        kept = Kept(position, way, type(frame).__name__, frame.id, action, text, tell)
        self.kept.append(kept)
        if not self._by_hand:
            kept.settle(self._lost)
        return kept

    def commit(self, fault: Exception | None = None) -> None:
        """Write all that was kept, or fail to."""
        for kept in self.kept:
            if not kept.settled:
                kept.settle(fault)

    @property
    def story(self) -> list[tuple[str, str, str | None]]:
        """Tell way, kind and action of all that was kept, in order."""
        return [(kept.way, kept.kind, kept.action) for kept in self.kept]


class Peer:
    """Speak and hear OCPP-J by hand, at the other end of a Link."""

    def __init__(self, socket: MemorySocket) -> None:
        self.socket = socket

    async def says(self, text: str | bytes) -> None:
        """Send one text as it is."""
        await self.socket.send(text.encode() if isinstance(text, str) else text)

    async def calls(self, action: str, payload: bytes = b"{}", id: str = "peer-1") -> None:
        """Send a CALL."""
        await self.says(frames.call(id, action, payload).text)

    async def hears(self) -> Any:
        """Wait for the next text and decode it."""
        async with asyncio.timeout(PATIENCE):
            return orjson.loads(await self.socket.receive())

    async def answers(self, payload: bytes = b"{}") -> Any:
        """Wait for the next CALL, answer it and return it."""
        call = await self.hears()
        assert call[0] == 2, call
        await self.says(frames.call_result(call[1], payload).text)
        return call


async def echo(call: Call | Send, _position: int) -> Reply:
    """Answer every CALL with its own payload."""
    return frames.call_result(call.id, call.payload)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A running Link and the peer at its other end."""

    link: Link
    peer: Peer
    running: asyncio.Task[LinkClosed]

    async def ended(self) -> LinkClosed:
        """Wait for the end of the link and tell its reason."""
        async with asyncio.timeout(PATIENCE):
            return await self.running


@contextlib.asynccontextmanager
async def conversation(
    answer: Answer = echo,
    *,
    dialect: Dialect = OCPP16,
    tap: Tap = no_tap,
    room: int = 0,
    **bounds: Any,
) -> AsyncIterator[Conversation]:
    """Run a Link until the context ends."""
    ours, theirs = socket_pair(room)
    link = Link(ours, dialect=dialect, tap=tap, **bounds)
    running = asyncio.create_task(link.run(answer))
    try:
        yield Conversation(link, Peer(theirs), running)
    finally:
        await link.close()
        await asyncio.wait((running,), timeout=PATIENCE)
        assert running.done()


class Held:
    """Do what is asked for, and tell of it only when it is released: others go on meanwhile."""

    def __init__(self, doing: Callable[..., Awaitable[Any]]) -> None:
        self._doing = doing
        self.done, self.release = asyncio.Event(), asyncio.Event()

    async def __call__(self, *given: Any, **named: Any) -> Any:
        """Do it."""
        result = await self._doing(*given, **named)
        self.done.set()
        await self.release.wait()
        return result


async def until(condition: Callable[[], object]) -> None:
    """Give way to the other tasks until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.001)


async def settled() -> None:
    """Let every task of this loop get as far as it can without the outside."""
    for _ in range(50):
        await asyncio.sleep(0)
