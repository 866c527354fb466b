"""Saying hello until the CSMS takes us (1.6 §4.2, 2.0.1 B01-B03)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from csms.errors import AnswerTimeout, CallRefused, LinkBusy
from simulators.watched import Fields


class Boot:
    """Know how the CSMS received us, and what is still to be said."""

    def __init__(self, retry_s: float) -> None:
        self.status: str | None = None
        self.accepted = 0  # how often
        self.due: str | None = "PowerUp"  # the reason to give, None when there is nothing to say
        self._retry_s = retry_s
        self._owed = 1  # how often there was something to say
        self._now = asyncio.Event()

    def owe(self, reason: str) -> None:
        """Have a boot to say, on the next link at the latest."""
        self.due = reason
        self._owed += 1

    def hurry(self, reason: str) -> None:
        """Boot at once instead of after the interval."""
        self.owe(reason)
        self._now.set()

    async def run(self, say: Callable[[str], Awaitable[Fields]], time_factor: float) -> float:
        """Repeat until accepted, each time after the interval told; return the last one in s."""
        self.status = None
        while True:
            self._now.clear()
            interval, owed = self._retry_s, self._owed
            with contextlib.suppress(CallRefused, AnswerTimeout, LinkBusy):
                answer = await say(self.due or "PowerUp")
                interval = answer.get("interval") or interval
                self.status = answer.get("status")
            if self.status == "Accepted":
                self.accepted += 1
                if owed == self._owed:
                    self.due = None
                if not self._now.is_set():
                    return interval
            await self._wait(interval / time_factor)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._now.wait()
