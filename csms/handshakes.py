"""Shake hands by TLS with whoever stands at the door already.

A listener with TLS of its own tells of a socket only behind the handshake, so that one that never
says anything would be counted by nobody (S-18). Here TLS begins on a socket that is counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Generator
from functools import partial
from ssl import SSLContext
from types import coroutine
from typing import Any, Protocol


class Newcomer(Protocol):
    """Whose hand is shaken."""

    def secured(self, transport: asyncio.BaseTransport, said: Early) -> None:
        """Begin, now that TLS is up."""

    def unsecured(self) -> None:
        """Be gone before TLS was up."""


class Early(asyncio.Protocol):
    """Keep what comes between the end of a handshake and the turn in which that is known."""

    def __init__(self) -> None:
        self.data, self.ended = b"", False

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.data += data

    def eof_received(self) -> None:
        """Take note."""
        self.ended = True


class Handshakes:
    """Shake hands until closed; whoever is not done by then is cut off."""

    def __init__(
        self, context: SSLContext, seconds: float, refused: Counter[str] | None = None
    ) -> None:
        self._context, self._seconds = context, seconds
        self._refused = Counter() if refused is None else refused
        self._under_way: set[asyncio.Task[None]] = set()
        self._closed = False

    def begin(self, transport: asyncio.Transport, newcomer: Newcomer) -> None:
        """Begin with a socket that was accepted in this moment, of which nothing has been read."""
        if self._closed:
            transport.abort()
            newcomer.unsecured()
            return
        early = Early()
        shaking = asyncio.get_running_loop().start_tls(
            transport,
            early,
            self._context,
            server_side=True,
            ssl_handshake_timeout=self._seconds,
        )
        # In this turn, because uvloop reads before the next one, and what it read would be lost.
        task = asyncio.create_task(_go_on(shaking, shaking.send(None), transport, newcomer, early))
        self._under_way.add(task)
        task.add_done_callback(partial(self._end, transport, newcomer))

    def _end(
        self, transport: asyncio.Transport, newcomer: Newcomer, task: asyncio.Task[None]
    ) -> None:
        self._under_way.discard(task)
        # The reason was logged where the handshake failed (csms/tls.py), if it is worth a word.
        if task.cancelled() or task.exception() is not None:
            self._refused["tls"] += 1
            transport.abort()
            newcomer.unsecured()

    async def close(self) -> None:
        """Cut off whoever is not done, and shake no more hands."""
        self._closed = True
        for task in (under_way := tuple(self._under_way)):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._under_way)


async def _go_on(
    shaking: Coroutine[Any, Any, Any],
    waited: Any,
    transport: asyncio.Transport,
    newcomer: Newcomer,
    early: Early,
) -> None:
    secured = await _rest(shaking, waited)
    if secured is None or transport.is_closing():
        raise ConnectionResetError
    secured.set_protocol(newcomer)
    newcomer.secured(secured, early)


@coroutine
def _rest(begun: Coroutine[Any, Any, Any], waited: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine whose first step is done, which waits for this."""
    try:
        yield waited
    except BaseException as fault:
        begun.throw(fault)
        raise
    return (yield from begun)
