"""Say when a target may be dialled: patiently, out of step, never in a hot loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from proxy.timings import Timings

_MOST_DOUBLINGS = 30


class Pace:
    """Double the pause with every failure, and keep to so many dials a minute.

    It outlives the links of its target, so that no charger that comes and goes makes a hot loop.
    """

    def __init__(self, timings: Timings, random: Callable[[], float]) -> None:
        self._timings = timings
        self._random = random
        self._failures = 0
        self._dials: deque[float] = deque(maxlen=timings.dials_per_window)

    def retime(self, timings: Timings) -> None:
        """Pause as the target orders from now on."""
        self._timings = timings

    def dialled(self, now: float) -> None:
        """Count one dial; ``now`` is the event loop's clock."""
        self._dials.append(now)

    def begin_anew(self) -> None:
        """Forget the failures: the target has accepted our Boot, or has become another."""
        self._failures = 0

    def backoff(self, now: float, *, refused: bool = False, wanted: float = 0.0) -> float:
        """Return the s until the next dial.

        ``refused`` is a 401 or 403, ``wanted`` the pause that the target asked for, in s.
        """
        timings = self._timings
        longest = timings.longest_backoff_refused if refused else timings.longest_backoff
        doublings = min(self._failures, _MOST_DOUBLINGS)
        self._failures += 1
        pause = min(timings.first_backoff * 2.0**doublings, longest)
        scattered = pause * (1 + timings.jitter * (2 * self._random() - 1))
        return max(scattered, min(wanted, timings.longest_backoff_wanted), self.until_allowed(now))

    def not_before(self, seconds: float) -> float:
        """Return a duration that is a little longer, so that a crowd disperses."""
        return seconds * (1 + self._timings.jitter * self._random())

    def until_allowed(self, now: float) -> float:
        """Return the s until a dial does not exceed the rate."""
        if len(self._dials) < self._timings.dials_per_window:
            return 0.0
        return max(self._dials[0] + self._timings.dial_window - now, 0.0)

    def is_over(self, now: float) -> bool:
        """Tell whether nothing is left to remember."""
        return not self._dials or now - self._dials[-1] > self._timings.dial_window


class Crowd:
    """Let only so many links dial at once, and scatter those that come together."""

    def __init__(self, most: int, timings: Timings, random: Callable[[], float]) -> None:
        self._most = most
        self._timings = timings
        self._random = random
        self._gate = asyncio.Semaphore(most)
        self._waiting = 0

    @contextlib.contextmanager
    def newcomer(self) -> Iterator[float]:
        """Yield the s that a newcomer stays back: none where there is no crowd."""
        waves = self._waiting // self._most
        self._waiting += 1
        try:
            furthest = min(waves * self._timings.wave, self._timings.longest_backoff)
            yield self._random() * furthest
        finally:
            self._waiting -= 1

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of the places."""
        self._waiting += 1
        try:
            async with self._gate:
                yield
        finally:
            self._waiting -= 1


class Paces:
    """Keep the pace of each proxy configuration, also while no link of it is open."""

    def __init__(self, timings: Timings, random: Callable[[], float]) -> None:
        self._timings = timings
        self._random = random
        self._paces: dict[int, Pace] = {}

    def of(self, proxy_configuration_id: int) -> Pace:
        """Return the pace of a configuration."""
        pace = self._paces.get(proxy_configuration_id)
        if pace is None:
            pace = self._paces[proxy_configuration_id] = Pace(self._timings, self._random)
        return pace

    def sweep(self, now: float, kept: frozenset[int]) -> None:
        """Forget what is over, but for the configurations that have a link."""
        over = [id for id, pace in self._paces.items() if id not in kept and pace.is_over(now)]
        for id in over:
            del self._paces[id]
