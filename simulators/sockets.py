"""The websockets library behind the Link's Socket port, for both ends of a simulated link."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Sequence
from ssl import SSLContext

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.protocol import State
from websockets.typing import Subprotocol

from csms.errors import LinkClosed
from csms.ports import Socket

ABNORMAL = 1006
ROOM = 1 << 15  # bytes that may wait to be written

# Simulators note what happens to them; the library's own words would repeat it on standard error.
SILENT = logging.getLogger("ringmain.simulators.websockets")
SILENT.setLevel(logging.CRITICAL + 1)


class HandshakeRefused(LinkClosed):
    """The server refused the handshake; ``status`` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(ABNORMAL, reason)
        self.status = status


class WebSocket(Socket):
    """Carry texts over one WebSocket; give up a peer that does not read for ``patience`` s."""

    def __init__(self, connection: Connection, *, patience: float = 10.0) -> None:
        self._connection = connection
        self._patience = patience

    async def receive(self) -> bytes:
        """Wait for the next message; raise LinkClosed when the peer is gone."""
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as gone:
            raise _closed(gone) from None

    def post(self, text: bytes) -> bool:
        """Send one text frame if the peer reads; else return False. An empty one is silence."""
        if not text:
            return True
        connection = self._connection
        free = connection.protocol.state is State.OPEN and connection.send_in_progress is None
        if not free or connection.transport.get_write_buffer_size() > ROOM:
            return False
        connection.protocol.send_text(text)
        connection.send_data()
        return True

    async def send(self, text: bytes) -> None:
        """Send one text frame; raise LinkClosed when the peer is gone or does not read."""
        if not text:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._connection.send(text, text=True)
        except ConnectionClosed as gone:
            raise _closed(gone) from None
        except TimeoutError:
            raise LinkClosed(1008, "peer does not read") from None

    async def close(self, code: int, reason: str) -> None:
        """Close with this code; the codes that never travel become 1000."""
        await self._connection.close(1000 if code in (1005, 1006, 1015) else code, reason[:100])

    async def close_without_code(self) -> None:
        """Close with an empty close frame, as a charger does that restarts."""
        try:
            async with self._connection.send_context():
                self._connection.protocol.send_close()
        except ConnectionClosed:
            pass

    def cut(self) -> None:
        """Drop the TCP connection without a word, as a pulled cable does."""
        self._connection.transport.abort()


async def dial(
    url: str,
    *,
    subprotocols: Sequence[str],
    username: str,
    password: str | bytes | None,
    ssl: SSLContext | None = None,
    open_timeout: float = 10.0,
) -> WebSocket:
    """Open a WebSocket with Basic authentication; wss:// trusts whom the machine trusts.

    Raises HandshakeRefused where the server says no, speaks another subprotocol or is not there.
    """
    headers = {} if password is None else {"Authorization": basic(username, password)}
    try:
        connection: ClientConnection = await connect(
            url,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            additional_headers=headers,
            ssl=(ssl or True) if url.startswith("wss:") else None,
            open_timeout=open_timeout,
            close_timeout=2.0,
            compression=None,
            proxy=None,
            logger=SILENT,
        )
    except InvalidStatus as refused:
        response = refused.response
        raise HandshakeRefused(response.status_code, response.reason_phrase) from None
    except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as failed:
        raise HandshakeRefused(0, str(failed) or type(failed).__name__) from None
    return WebSocket(connection)


def basic(username: str, password: str | bytes) -> str:
    """Build the Authorization header; a 1.6 password may be 20 raw bytes."""
    secret = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(username.encode() + b":" + secret).decode()


def _closed(gone: ConnectionClosed) -> LinkClosed:
    frame = gone.rcvd or gone.sent
    return LinkClosed(frame.code, frame.reason) if frame else LinkClosed()
