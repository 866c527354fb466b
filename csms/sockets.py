"""The websockets library behind the Socket port; its exceptions are translated here, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import repeat
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import CLIENT, State

from csms.errors import LinkClosed
from csms.framing import Shortcut, framed, masks

MAX_REASON = 123  # bytes in a close frame (RFC 6455 §5.5)
# What fits into this many bytes of write buffer is sent at once: the library waits above 32 KiB,
# and has stopped waiting at a quarter of that.
ROOM = 8192
_OPEN = State.OPEN  # for each text: to look it up takes as long as to call a function


class WebSocket:
    """Carry texts over one WebSocket; give up a peer that does not read for ``patience`` s."""

    def __init__(self, connection: Connection, *, patience: float = 10.0) -> None:
        self._connection = connection
        self._next_text: Callable[[], Awaitable[Any]] = (
            connection.next_text
            if isinstance(connection, Shortcut)
            else partial(connection.recv, decode=False)
        )
        self._patience = patience
        self._masks = masks() if connection.protocol.side is CLIENT else repeat(None)

    async def receive(self) -> bytes:
        """Wait for the next message as bytes; raise LinkClosed when the peer is gone."""
        try:
            text: bytes = await self._next_text()
        except ConnectionClosed as gone:
            raise _closed(gone) from None
        return text

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Give ``hear`` what comes while ``receive`` waits; what it does not take is received."""
        if isinstance(self._connection, Shortcut):
            self._connection.hear = hear

    def post(self, text: bytes) -> bool:
        """Send one text frame where that needs no waiting; else return False."""
        connection = self._connection
        transport = connection.transport
        if (
            transport.get_write_buffer_size() + len(text) < ROOM
            and connection.protocol.state is _OPEN
            and connection.send_in_progress is None  # nobody is in the midst of fragments
            and not transport.is_closing()
        ):
            # Neither a deadline nor the library's locks, which cost more than the rest together.
            transport.write(framed(text, next(self._masks)))
            return True
        return False

    async def send(self, text: bytes) -> None:
        """Send one text frame; raise LinkClosed when the peer is gone or does not read."""
        if self.post(text):
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._connection.send(text, text=True)
        except ConnectionClosed as gone:
            raise _closed(gone) from None
        except TimeoutError:
            raise LinkClosed(1008, "peer does not read") from None

    async def answers(self, patience: float) -> bool:
        """Tell whether the peer answers a ping within ``patience`` s."""
        try:
            async with asyncio.timeout(patience):
                await (await self._connection.ping())
        except (ConnectionClosed, TimeoutError):
            return False
        return True

    async def close(self, code: int, reason: str) -> None:
        """Close with this code; the code of a lost peer cannot be sent and becomes 1000."""
        sendable = 1000 if code in (1005, 1006, 1015) else code
        fitting = reason.encode()[:MAX_REASON].decode(errors="ignore")
        try:
            await self._connection.close(sendable, fitting)
        except asyncio.CancelledError:  # nobody waits for the peer's good-bye any more
            self._connection.transport.abort()
            raise


def quiet_logger() -> logging.Logger:
    """Return a logger for the websockets library that shows errors of ours only.

    A mast outage would fill the log with a traceback for each charger.
    """
    logger = logging.getLogger("ringmain.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger


def _closed(gone: ConnectionClosed) -> LinkClosed:
    if gone.rcvd is not None:
        return LinkClosed(gone.rcvd.code, gone.rcvd.reason)
    if gone.sent is not None:
        return LinkClosed(gone.sent.code, gone.sent.reason)
    return LinkClosed()
