"""Write down what a target was denied, and what of it was done otherwise than it thinks.

A target that repeats itself must not fill the disk: of one action so many rows are written a
minute, and the next row tells how many were left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.records import AuditEntry

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.records import ProxyConfiguration
    from storage.repositories.audit import Audit

UNKNOWN = "unknown"
_LONGEST_NAME = 100
_MOST_NAMES = 20


@dataclass(slots=True)
class _Minute:
    """How many rows were written of one action of one target since a moment, and how many not."""

    began: float
    written: int = 0
    left_out: int = 0


class TargetAudit:
    """Note what targets were denied; details name keys and never the values of secrets."""

    def __init__(
        self,
        audit: Audit,
        clock: Clock,
        *,
        rows_per_window: int = 10,
        window: float = 60.0,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._most = rows_per_window
        self._window = window
        self._now = monotonic or asyncio.get_running_loop().time
        self._minutes: dict[tuple[int, str], _Minute] = {}

    def note(
        self, configuration: ProxyConfiguration, action: str, result: str, **details: Any
    ) -> None:
        """Note one event; of too many in a short time only their number is kept."""
        minute = self._minute(configuration.id, action)
        if minute.written >= self._most:
            minute.left_out += 1
            return
        minute.written += 1
        if minute.left_out:
            details["left_out"] = minute.left_out
            minute.left_out = 0
        self._audit.note(
            AuditEntry(
                timestamp=self._clock.now(),
                organization_uuid=configuration.key.organization_uuid,
                charge_box_id=configuration.key.charge_box_id,
                category="target",
                actor=f"target:{configuration.id}",
                action=action[:_LONGEST_NAME],
                result=result,
                details=details,
            )
        )

    def _minute(self, configuration_id: int, action: str) -> _Minute:
        now, place = self._now(), (configuration_id, action)
        minute = self._minutes.setdefault(place, _Minute(now))
        if now - minute.began >= self._window:
            minute.began, minute.written = now, 0
        return minute


def names_told(names: list[str]) -> list[str]:
    """Return names as they may stand in the audit: a target writes them as it likes."""
    return [name[:_LONGEST_NAME].replace("\0", "") for name in names[:_MOST_NAMES]]
