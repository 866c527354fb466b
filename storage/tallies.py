"""Count what happens, so cheaply that nobody feels it; who shows the counts reads the attributes.

Nothing here knows by what it is shown (`api/metrics.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

# s, from what memory answers to what a peer's patience ends.
SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
ROWS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0)


class Histogram:
    """How often a value was at most each of some bounds, and what all values come to.

    ``counts`` has a place for each bound, for what is above the one before, and one behind them.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class WriterTally:
    """What the one writer has done."""

    __slots__ = ("commits", "lost", "refused", "rows")

    def __init__(self) -> None:
        self.commits = Histogram()  # s, each from the first byte to the answer
        self.rows = Histogram(ROWS)  # of each batch that was written
        self.refused = 0  # rows that the database would not take
        self.lost = 0  # rows that went with storage
