"""
Hear what other processes say through PostgreSQL.

What is said while nobody listens is lost: so the state is read again whenever listening begins,
and a notification is only a hint to look sooner. It names things and never tells of them: a
payload of 8,000 bytes is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg2
import structlog

from storage.errors import StorageUnavailable
from storage.postgres_errors import unavailable
from storage.postgres_wire import Wire

log = structlog.get_logger("ringmain.storage")

Connect = Callable[[], Awaitable[Wire]]

CHECK_SECONDS = 30.0  # a connection that is only listened to does not notice its end
ANSWER_SECONDS = 2.0
LONGEST_REST = 30.0


class Listener:
    """One connection that listens, made again whenever it is lost.

    ``begun`` is awaited each time listening begins, before anything is ``heard``.
    """

    def __init__(
        self,
        connect: Connect,
        channel: str,
        begun: Callable[[], Awaitable[None]],
        heard: Callable[[str], Awaitable[None]],
        check_seconds: float = CHECK_SECONDS,
        rest: float = 0.5,
    ) -> None:
        self._connect = connect
        self._channel = channel
        self._begun = begun
        self._heard = heard
        self._check_seconds = check_seconds
        self._first_rest = rest

    async def run(self) -> None:
        """Listen until cancelled."""
        rest = self._first_rest
        while True:
            try:
                wire = await self._connect()
            except StorageUnavailable:
                await asyncio.sleep(rest)
                rest = min(2 * rest, LONGEST_REST)
                continue
            try:
                await self._listen(wire)
            except StorageUnavailable as error:
                log.warning("not_listening", error=str(error))
                await asyncio.sleep(self._first_rest)
            finally:
                wire.drop()
            rest = self._first_rest

    async def _listen(self, wire: Wire) -> None:
        await wire.run(b'LISTEN "%b"' % self._channel.encode(), ANSWER_SECONDS)
        await self._begun()
        getting = asyncio.ensure_future(wire.notifies.get())
        try:
            while True:
                # It is not given up for the check: what came at that moment would be lost.
                await asyncio.wait([getting], timeout=self._check_seconds)
                if getting.done():
                    said, getting = getting, asyncio.ensure_future(wire.notifies.get())
                    await self._heard(_payload(said))
                else:
                    await wire.run(b"SELECT 1", ANSWER_SECONDS)
        finally:
            getting.cancel()
            await asyncio.gather(getting, return_exceptions=True)


def _payload(said: asyncio.Future[Any]) -> str:
    try:
        return str(said.result().payload)
    except psycopg2.Error as error:
        raise unavailable(error) from error
