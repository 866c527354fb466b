"""Watch how a target behaves: what it sends may cost us only so much, over all its links.

OCPP-J has one CALL out in each direction, so even a busy target stays far below what is granted
here. Whoever exceeds it is cut off; what is granted comes back slowly, not with every new link.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csms.traffic import Traffic

# An answer to a CALL of ours earns what it costs: a long queue is delivered as fast as it goes.
_FRAMES_EARNED = 4
_OCTETS_EARNED = 4096


class Allowance:
    """Grant so much at once, so much a second, and what has been ``earned`` in all till now.

    ``now`` is a monotonic clock in s.
    """

    def __init__(
        self,
        burst: float,
        per_second: float,
        *,
        earned: Callable[[], float] = lambda: 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = self._left = burst
        self._per_second = per_second
        self._earned, self._counted = earned, earned()
        self._now, self._since = now, now()

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
        now, earned = self._now(), self._earned()
        more = (now - self._since) * self._per_second + earned - self._counted
        self._left = min(self._burst, self._left + more)
        self._since, self._counted = now, earned


class Conduct:
    """What is granted to one target: ``frames`` of all kinds, ``octets``, and ``faults``.

    A ping or a fragment costs as much as a text. Garbage is kept in the message log as well, so
    the octets bound how fast that grows. Faults are frames that are no OCPP, and answers to
    nothing that was asked.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._traffic: Traffic | None = None
        self._answered = 0  # on the links before
        self.frames = Allowance(
            2_000, 200, earned=lambda: _FRAMES_EARNED * self._answers(), now=now
        )
        self.octets = Allowance(
            8 << 20, 64 << 10, earned=lambda: _OCTETS_EARNED * self._answers(), now=now
        )
        self.faults = Allowance(100, 1, now=now)

    def follow(self, traffic: Traffic) -> None:
        """Count what the target earns by its answers on the link that begins now."""
        self._answered, self._traffic = self._answers(), traffic

    def _answers(self) -> int:
        return self._answered + (self._traffic.answered if self._traffic else 0)
