"""What was asked of the API and what came of it: counted here, shown by `api/metrics.py`."""

from __future__ import annotations

from collections import Counter

from storage.tallies import Histogram


class ApiTally:
    """Counts of one process since its start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # by operation and status, 0: hung up
        self.latencies: dict[str, Histogram] = {}  # s, by operation
        self.commands: Counter[tuple[str, str]] = Counter()  # by action and how it ended
        self.limited: Counter[str] = Counter()  # of whom: callers or strangers
        self.sockets = 0  # that are open

    def answered(self, operation: str, status: int, seconds: float | None) -> None:
        """Count a request; what goes on until somebody leaves has taken no time."""
        self.requests[operation, status] += 1
        if seconds is None:
            return
        histogram = self.latencies.get(operation)
        if histogram is None:
            histogram = self.latencies[operation] = Histogram()
        histogram.note(seconds)
