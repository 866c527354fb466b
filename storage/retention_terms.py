"""
For how long what is kept, and how old things are where the clock may have been wrong.

An organization's time goes on by one day a pass at most, whatever the clock says. What claims to be
from the future is of unknown age: it goes with what came behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from storage.database import Row
from storage.records import Keep, Organization

# Messages are many, and tell of people. On the others hangs money: a year's bills, and a month to
# dispute the last one.
DEFAULT = Keep(messages=90, meter_values=400, commands=400, audit=400)
LEAST, MOST = 1, 3650  # days
# A token that was accepted is accepted again without being asked about for 30 days.
_TOKENS = 90
STEP = timedelta(days=1)


class Terms(NamedTuple):
    """For how many days an organization keeps what, at a moment; ``now`` is what the clock says."""

    organization_uuid: str
    at: datetime
    now: datetime
    days: Mapping[str, int]

    def before(self, kind: str) -> datetime:
        """Return the moment before which nothing of a kind is kept."""
        return self.at - timedelta(days=self.days[kind])

    def over(self, kind: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows at the beginning, which is the oldest, that are not to be kept.

        The last of them may be of unknown age.
        """
        before = self.before(kind)

        def is_over(row: Row) -> bool:
            moment: datetime | None = row["moment"]
            return moment is None or moment < before or moment > self.now

        return list(takewhile(is_over, rows))

    def is_known(self, row: Row) -> bool:
        """Tell whether the age of a row is known."""
        return row["moment"] is None or row["moment"] <= self.now


def in_force(chosen: Keep, default: Keep = DEFAULT) -> Mapping[str, int]:
    """Return for how many days what is kept, by its kind, where not all of it was chosen."""
    kept = zip(Keep._fields, chosen, default, DEFAULT, strict=True)
    days = {kind: next(each for each in given if each is not None) for kind, *given in kept}
    return {**days, "tokens": _TOKENS}


def believed(organization: Organization, now: datetime, logged_at: datetime | None) -> datetime:
    """Return how far the clock is believed; ``logged_at`` is of the newest message in the log."""
    last = organization.swept_at or logged_at
    return now if last is None else min(now, last + STEP)
