"""Tell the time of day; deadlines never come from here but from the event loop's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """What tells the time of day."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...

    def microseconds(self) -> int:
        """Return the present moment in µs since 1970."""
        return (self.now() - EPOCH) // MICROSECOND


class SystemClock(Clock):
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        return datetime.now(UTC)

    def microseconds(self) -> int:
        """Return the same as a number at a fifth of the cost."""
        return time.time_ns() // 1000


def timestamp(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
