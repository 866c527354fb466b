"""How late the event loop is: everybody waits while somebody holds it up."""

from __future__ import annotations

import asyncio
from collections import deque

from storage.tallies import Histogram

INTERVAL = 0.25  # s between two looks
_LATELY = 240  # looks: a minute


class LoopLag:
    """Sleep again and again, and count how much too long each sleep was."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self.lags = Histogram()
        self._interval = interval
        self._lately: deque[float] = deque(maxlen=_LATELY)

    @property
    def worst(self) -> float:
        """Return the longest lag of the last minute, in s."""
        return max(self._lately, default=0.0)

    def note(self, lag: float) -> None:
        """Count one lag, in s."""
        self.lags.note(lag)
        self._lately.append(lag)

    async def run(self) -> None:
        """Look until cancelled."""
        now = asyncio.get_running_loop().time
        while True:
            due = now() + self._interval
            await asyncio.sleep(self._interval)
            self.note(max(now() - due, 0.0))
