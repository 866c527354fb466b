"""Watch how a target behaves: what it sends may cost us only so much, over all its links.

OCPP-J has one CALL out in each direction, so even a busy target stays far below what is granted
here. Whoever exceeds it is cut off; what is granted comes back slowly, not with every new link.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_Now = Callable[[], float]


class Allowance:
    """Grant so much at once, and so much a second; ``now`` is a monotonic clock in s."""

    def __init__(self, burst: float, per_second: float, now: _Now = time.monotonic) -> None:
        self._burst = self._left = burst
        self._per_second = per_second
        self._now = now
        self._since = now()

    def take(self, amount: float = 1) -> bool:
        """Use some of it up; False where that is more than there is, and nothing is left then."""
        if amount > self._left:  # the clock is only asked where it matters
            self._refill()
        if amount > self._left:
            self._left = 0.0
            return False
        self._left -= amount
        return True

    def _refill(self) -> None:
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._since) * self._per_second)
        self._since = now


@dataclass(frozen=True, slots=True)
class Conduct:
    """What is granted to one target."""

    # Of all kinds: pings and fragments cost as much as texts.
    frames: Allowance = field(default_factory=lambda: Allowance(2_000, 200))
    # Garbage is kept in the message log as well: this bounds how fast it grows.
    octets: Allowance = field(default_factory=lambda: Allowance(8 << 20, 64 << 10))
    # Frames that are no OCPP, and answers to nothing that was asked.
    faults: Allowance = field(default_factory=lambda: Allowance(100, 1))
