"""What is on its way to the peer: in order, and without a task as long as the peer reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from csms.ports import Socket, Tell
from csms.traffic import Traffic


class Outbox:
    """Hand texts to a socket; what it does not take at once waits here, in order.

    ``broken`` is told why the socket takes no more.
    """

    def __init__(
        self, socket: Socket, traffic: Traffic, broken: Callable[[Exception], None]
    ) -> None:
        self._socket = socket
        self._traffic = traffic
        self._broken = broken
        self._texts: deque[bytes] = deque()
        self._promised = 0
        self._sending: asyncio.Task[None] | None = None
        self._quiet: asyncio.Future[None] | None = None  # of the one who waits for that

    @property
    def busy(self) -> bool:
        """Tell whether a text waits, or one is promised."""
        return self._promised > 0 or bool(self._texts)

    @property
    def behind(self) -> bool:
        """Tell whether the peer has yet to read what waits here."""
        return bool(self._texts)

    def promise(self) -> None:
        """Count on one more text, which has to be stored first."""
        self._promised += 1

    def keep(self, text: bytes) -> None:
        """Send a text that was promised."""
        self._promised -= 1
        self.post(text)
        if self._quiet is not None:
            self._wake()

    def wait_for(self) -> Tell:
        """Count on what has to be stored and is not answered; return who is to be told of it."""
        self._promised += 1
        return self._stored

    def post(self, text: bytes) -> None:
        """Send a text behind all others."""
        self._traffic.frames_sent += 1
        self._traffic.bytes_sent += len(text)
        if not self._texts and self._socket.post(text):
            return
        self._texts.append(text)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def quiet(self) -> None:
        """Wait until nothing waits and nothing is promised; for one at a time."""
        while self.busy:
            self._quiet = asyncio.get_running_loop().create_future()
            await self._quiet

    async def close(self) -> None:
        """Send no more."""
        self._texts.clear()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while self._texts:
                await self._socket.send(self._texts[0])
                self._texts.popleft()
        except Exception as fault:  # noqa: BLE001 - nobody waits for this task
            self._broken(fault)
        finally:
            self._sending = None
            self._wake()

    def _stored(self, _fault: Exception | None) -> None:
        self._promised -= 1
        self._wake()

    def _wake(self) -> None:
        if self._quiet is not None and not self._quiet.done() and not self.busy:
            self._quiet.set_result(None)
