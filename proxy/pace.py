"""Say when a target may be dialled again: patiently, out of step, never in a hot loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from proxy.timings import Timings

_MOST_DOUBLINGS = 30


class Pace:
    """Double the pause with every failure, and keep to so many dials a minute."""

    def __init__(self, timings: Timings, random: Callable[[], float]) -> None:
        self._timings = timings
        self._random = random
        self._failures = 0
        self._dials: deque[float] = deque(maxlen=timings.dials_per_window)

    def dialled(self, now: float) -> None:
        """Count one dial; ``now`` is the event loop's clock."""
        self._dials.append(now)

    def accepted(self) -> None:
        """Begin anew: the target has accepted our Boot."""
        self._failures = 0

    def backoff(self, now: float, *, refused: bool = False) -> float:
        """Return the s until the next dial; ``refused`` is a 401 or 403."""
        timings = self._timings
        longest = timings.longest_backoff_refused if refused else timings.longest_backoff
        doublings = min(self._failures, _MOST_DOUBLINGS)
        self._failures += 1
        pause = min(timings.first_backoff * 2.0**doublings, longest)
        scattered = pause * (1 + timings.jitter * (2 * self._random() - 1))
        return max(scattered, self._until_allowed(now))

    def not_before(self, seconds: float) -> float:
        """Return a duration that is a little longer, so that a crowd disperses."""
        return seconds * (1 + self._timings.jitter * self._random())

    def _until_allowed(self, now: float) -> float:
        if len(self._dials) < self._timings.dials_per_window:
            return 0.0
        return self._dials[0] + self._timings.dial_window - now
