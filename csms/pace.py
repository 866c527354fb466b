"""How fast one charger may speak: rations of CALLs and of bytes, and a pause when they are spent.

What comes too fast is read later and never dropped, so that the sender feels it by the window of
its own socket. The reader takes from what it has in hand, since it does so for every frame; a
further ration is drawn from the stock when that is spent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

# Of the CPU, a frame of no length takes as much as so many bytes more.
FRAME_BYTES = 256
_RATION = 0.1  # s, that a ration lasts at the sustained rate


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """What one peer may send, for long and all at once (S-17)."""

    calls: float = 200.0  # per s
    calls_at_once: float = 2000.0
    bytes: float = 1_000_000.0  # per s
    bytes_at_once: float = 4_000_000.0  # some frames of the greatest length


class Allowance:
    """What one peer may send of one thing; whoever takes of ``left`` asks ``pause`` at 0."""

    __slots__ = ("_at", "_most", "_now", "_rate", "_stock", "left")

    def __init__(self, rate: float, at_once: float, now: Callable[[], float]) -> None:
        self._rate = rate
        self._most = self._stock = at_once - rate * _RATION
        self._now, self._at = now, now()
        self.left = rate * _RATION

    def pause(self) -> float:
        """Draw what there is where nothing is left; return for how many s to take nothing."""
        if self.left > 0:
            return 0.0
        now = self._now()
        self._stock = min(self._most, self._stock + (now - self._at) * self._rate)
        self._at = now
        drawn = min(self._stock, self._rate * _RATION - self.left)
        self._stock -= drawn
        self.left += drawn
        return 0.0 if self.left > 0 else _RATION - self.left / self._rate


class Pace:
    """What one peer may send: CALLs, and bytes of any kind."""

    __slots__ = ("bytes", "calls")

    def __init__(
        self, limits: PaceLimits | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        limits = limits or PaceLimits()
        self.calls = Allowance(limits.calls, limits.calls_at_once, now)
        self.bytes = Allowance(limits.bytes, limits.bytes_at_once, now)

    def pause(self) -> float:
        """Return for how many s to read nothing."""
        return max(self.calls.pause(), self.bytes.pause())


def no_pace() -> Pace:
    """Return the pace of a peer that may send as fast as it likes."""
    pace = Pace()
    pace.calls.left = pace.bytes.left = math.inf
    return pace
