"""Write down what repeats itself only so often: a stranger must not fill the disk."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Window:
    """How many rows were written of one thing since a moment, and how many not."""

    began: float
    written: int = 0
    left_out: int = 0


class Thinning:
    """Let so many of the same pass in a window, and remember how many did not."""

    def __init__(
        self,
        most: int = 10,
        window: float = 60.0,
        most_kept: int = 10_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._window = window
        self._most_kept = most_kept
        self._now = monotonic
        self._windows: OrderedDict[Hashable, _Window] = OrderedDict()

    def passes(self, what: Hashable) -> int | None:
        """Return how many were left out since the last one that passed, None to leave this out."""
        window = self._of(what)
        if window.written >= self._most:
            window.left_out += 1
            return None
        window.written += 1
        left_out, window.left_out = window.left_out, 0
        return left_out

    def __len__(self) -> int:
        return len(self._windows)

    def _of(self, what: Hashable) -> _Window:
        now = self._now()
        window = self._windows.setdefault(what, _Window(now))
        self._windows.move_to_end(what)
        if now - window.began >= self._window:
            window.began, window.written = now, 0
        while len(self._windows) > self._most_kept:  # as many names as a stranger can think of
            self._windows.popitem(last=False)
        return window
