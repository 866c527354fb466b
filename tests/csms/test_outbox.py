"""What is on its way leaves in order, at once where the socket takes it."""

from __future__ import annotations

import asyncio

from csms.errors import LinkClosed
from csms.outbox import Outbox
from csms.ports import Socket
from csms.traffic import Traffic
from tests.doubles import PATIENCE, settled


class Slow(Socket):
    """Takes what it is told to take at once; the rest waits for room."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.ready = True
        self.room = asyncio.Event()
        self.fault: Exception | None = None

    def post(self, text: bytes) -> bool:
        if self.ready:
            self.taken.append(text)
        return self.ready

    async def send(self, text: bytes) -> None:
        await self.room.wait()
        if self.fault is not None:
            raise self.fault
        self.taken.append(text)

    def listen(self, _hear: object) -> None:
        """Nothing comes."""

    async def receive(self) -> bytes:
        raise LinkClosed

    async def close(self, code: int, reason: str) -> None:
        """Nobody asks for it."""


def outbox(socket: Socket) -> tuple[Outbox, list[Exception]]:
    faults: list[Exception] = []
    return Outbox(socket, Traffic(), faults.append), faults


async def test_what_the_socket_takes_leaves_at_once() -> None:
    socket = Slow()
    box, _ = outbox(socket)

    box.post(b"1")
    box.post(b"2")

    assert socket.taken == [b"1", b"2"]
    assert not box.busy


async def test_what_it_does_not_take_keeps_its_place() -> None:
    socket = Slow()
    box, _ = outbox(socket)

    socket.ready = False
    box.post(b"1")
    socket.ready = True
    box.post(b"2")
    assert (socket.taken, box.busy) == ([], True)
    socket.room.set()
    await asyncio.wait_for(box.quiet(), PATIENCE)

    assert socket.taken == [b"1", b"2"]


async def test_who_wants_quiet_waits_for_what_was_promised() -> None:
    socket = Slow()
    box, _ = outbox(socket)
    box.promise()
    waiting = asyncio.create_task(box.quiet())
    await settled()
    assert not waiting.done()

    box.post(b"a call in between")
    box.keep(b"the reply")

    await asyncio.wait_for(waiting, PATIENCE)
    assert socket.taken == [b"a call in between", b"the reply"]


async def test_a_socket_that_breaks_is_told_of_once() -> None:
    socket = Slow()
    box, faults = outbox(socket)
    socket.ready, socket.fault = False, LinkClosed(1008, "peer does not read")
    box.post(b"1")
    box.post(b"2")

    socket.room.set()
    await settled()

    assert faults == [socket.fault]
    assert socket.taken == []


async def test_after_the_end_nothing_leaves() -> None:
    socket = Slow()
    box, faults = outbox(socket)
    socket.ready = False
    box.post(b"1")
    await settled()

    await box.close()
    socket.room.set()
    await settled()

    assert (socket.taken, faults, box.busy) == ([], [], False)
