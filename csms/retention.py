"""
Keep nothing longer than its organization wants: remove what is old, now and then, without haste.

A pass is made in turns of so many steps, and after each step it rests as long as that has taken: it
has the database for half of the time at most, and everybody else comes between two steps.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

import structlog

from csms.errors import place_of
from storage.errors import StorageError
from storage.records import AuditEntry

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.repositories.audit import Audit
    from storage.retention_log import Removed

log = structlog.get_logger("ringmain.retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When what is old is removed, in s, and how many steps make a turn."""

    # A server that has just started has other things to do.
    first: float = 300.0
    # Between two passes; an organization's time goes on by a day with each.
    every: float = 3600.0
    # Between two turns of one pass.
    turn: float = 10.0
    steps: int = 2000


class Sweeper(Protocol):
    """What removes, in steps."""

    def sweep(self) -> AsyncIterator[Removed]:
        """Make one pass; raise StorageError."""
        ...


class Upholding:
    """Uphold retention while the server runs; tell what it removed."""

    def __init__(
        self, retention: Sweeper, audit: Audit, clock: Clock, pace: Pace | None = None
    ) -> None:
        """Audit once a day for each organization what was removed of its."""
        self._retention = retention
        self._audit = audit
        self._clock = clock
        self._pace = pace or Pace()
        self._steps: AsyncIterator[Removed] | None = None  # of the pass that is being made
        self._untold: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._told: dict[str, date] = {}

    async def run(self) -> None:
        """Do it until cancelled."""
        pause = self._pace.first
        try:
            while True:
                await asyncio.sleep(pause)
                pause = await self._again()
        finally:
            self._tell(list(self._untold))

    async def _again(self) -> float:
        """Take a turn, and return how long to wait for the next one."""
        try:
            return self._pace.every if await self.turn() else self._pace.turn
        except StorageError as failure:
            log.warning("retention_failed", error=str(failure))
        except Exception as fault:  # noqa: BLE001 - whatever it is, the disk fills up meanwhile
            log.error("chore_failed", chore=type(self).__name__, fault=place_of(fault))
        return self._pace.every

    async def turn(self) -> bool:
        """Take so many steps; return whether the pass is done. Raises StorageError."""
        now = asyncio.get_running_loop().time
        steps, self._steps = self._steps or self._retention.sweep(), None
        removed: Counter[str] = Counter()
        try:
            for _ in range(self._pace.steps):
                begun = now()
                one = await anext(steps, None)
                if one is None:
                    return True
                if one.rows:
                    removed[one.what] += one.rows
                    self._untold[one.organization_uuid][one.what] += one.rows
                await asyncio.sleep(now() - begun)
            self._steps = steps
            return False
        finally:
            if removed:
                log.info("retention", **removed)
            today = self._clock.now().date()
            self._tell([each for each in self._untold if self._told.get(each) != today])

    def _tell(self, organizations: list[str]) -> None:
        now = self._clock.now()
        for organization_uuid in organizations:
            self._told[organization_uuid] = now.date()
            self._audit.note(
                AuditEntry(
                    timestamp=now,
                    organization_uuid=organization_uuid,
                    actor="platform",
                    action="retention",
                    result="removed",
                    details=dict(self._untold.pop(organization_uuid)),
                )
            )
