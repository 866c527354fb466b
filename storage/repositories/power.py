"""What a charger has measured in a span of time, of very much a part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from storage.database import Database
from storage.records import ChargerKey
from storage.statements import power as statements
from storage.statements.power import SHARES

MOST_SESSIONS = 1000
MOST_READINGS = 10_000  # messages that are read for one answer
_PAGE = 100
_END = 2**63 - 1
# A transaction that began earlier is found only while it runs.
_LONGEST_SESSION = timedelta(days=30)
# Chargers' clocks are ahead, and what they have kept for later comes late.
_AHEAD, _LATE = timedelta(hours=1), timedelta(days=1)

# One sampled value, as `storage.repositories.transactions` has written it.
Samples = Sequence[Mapping[str, Any]]


class Session(NamedTuple):
    """A transaction, as far as it matters for what was measured within it."""

    transaction_id: str
    evse_id: int
    started_at: datetime
    stopped_at: datetime | None
    state: str


class Span(NamedTuple):
    """From when to when, of which charger."""

    key: ChargerKey
    since: datetime
    until: datetime


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a moment that is earlier or later, where there is one."""
    try:
        return moment + by
    except OverflowError:
        return moment


class MeasuredPower:
    """Read the sessions of a span of time, and what their messages have sampled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions(self, span: Span) -> list[Session]:
        """Return the transactions that may have lasted in a span, oldest first, so many at most."""
        asked = {
            **span.key._asdict(),
            "since": span.since,
            "until": span.until,
            "oldest": shifted(span.since, -_LONGEST_SESSION),
            "limit": MOST_SESSIONS,
        }
        found = [
            *await self._database.fetch(statements.sessions_within, asked),
            *await self._database.fetch(statements.running_before, asked),
        ]
        return sorted(
            (Session(**row) for row in found), key=lambda one: (one.started_at, one.transaction_id)
        )

    async def readings(
        self, span: Span, sessions: Sequence[Session]
    ) -> AsyncIterator[tuple[Session, list[Samples]]]:
        """Yield what was told within a span, session by session, some messages at a time.

        Of more than MOST_READINGS it is a part, spread evenly.
        """
        bounds = await self._bounds(span)
        total = 0
        for session in sessions:
            total += await self._count(bounds, session, MOST_READINGS * 100)
        share = min(SHARES, max(1, SHARES * MOST_READINGS // max(total, 1)))
        for session in sessions:
            async for page in self._pages({**bounds, "share": share}, session):
                yield session, page

    async def _bounds(self, span: Span) -> Mapping[str, Any]:
        """Return between which ids a span's readings are."""
        since, until = shifted(span.since, -_AHEAD), shifted(span.until, _LATE)
        first, end = await self._first(span.key, since), await self._first(span.key, until)
        return {
            **span.key._asdict(),
            "since": since,
            "until": until,
            "after": (_END if first is None else first) - 1,
            "end": _END if end is None else end,
        }

    async def _first(self, key: ChargerKey, moment: datetime) -> int | None:
        values = {"organization_uuid": key.organization_uuid, "moment": moment}
        rows = await self._database.fetch(statements.first_reading_from, values)
        return rows[0]["id"] if rows else None

    async def _count(self, bounds: Mapping[str, Any], session: Session, most: int) -> int:
        asked = {**bounds, "transaction_id": session.transaction_id, "limit": most}
        [row] = await self._database.fetch(statements.count_readings, asked)
        return int(row["readings"])

    async def _pages(
        self, bounds: Mapping[str, Any], session: Session
    ) -> AsyncIterator[list[Samples]]:
        asked = {**bounds, "transaction_id": session.transaction_id, "limit": _PAGE}
        while rows := await self._database.fetch(statements.some_readings, asked):
            yield [row["samples"] for row in rows]
            if len(rows) < _PAGE:
                return
            asked["after"] = rows[-1]["id"]
