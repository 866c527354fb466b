"""Write down what a target was denied, and what of it was done otherwise than it thinks.

A target that repeats itself must not fill the disk: of one action so many rows are written a
minute, and the next row tells how many were left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from csms.thinning import Thinning
from storage.records import AuditEntry

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.records import ProxyConfiguration
    from storage.repositories.audit import Audit

UNKNOWN = "unknown"
_LONGEST_NAME = 100
_MOST_NAMES = 20


class TargetAudit:
    """Note what targets were denied; details name keys and never the values of secrets."""

    def __init__(
        self,
        audit: Audit,
        clock: Clock,
        *,
        rows_per_window: int = 10,
        window: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._thinning = Thinning(rows_per_window, window, monotonic=monotonic)

    def note(
        self, configuration: ProxyConfiguration, action: str, result: str, **details: Any
    ) -> None:
        """Note one event; of too many in a short time only their number is kept."""
        left_out = self._thinning.passes((configuration.id, action))
        if left_out is None:
            return
        if left_out:
            details["left_out"] = left_out
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


def names_told(names: list[str]) -> list[str]:
    """Return names as they may stand in the audit: a target writes them as it likes."""
    return [name[:_LONGEST_NAME].replace("\0", "") for name in names[:_MOST_NAMES]]
