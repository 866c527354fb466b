"""
Note what concerns who may come in: refusals at the door, conflicts, what chargers report.

Each becomes a row of the audit, where it stays in the organization's chain (OCPP 2.0.1 A04, OCPP
security white paper A00.FR.323 and 408). A stranger who repeats himself must not fill the disk: of
the same event so many rows are written a minute, and the next one tells how many were left out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from csms.thinning import Thinning
from storage.records import AuditEntry, ChargerKey

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.repositories.audit import Audit

# Who, at which charger, and what.
_Event: TypeAlias = tuple[str, ChargerKey, str]
_ANYBODY = ""


class SecurityEvents:
    """Note security events; details never hold a secret.

    ``kind`` is one of OCPP's own security event types where there is one, else a name of ours in
    the same style.
    """

    def __init__(
        self,
        audit: Audit,
        clock: Clock,
        *,
        rows_per_window: int = 10,
        rows_of_all: int = 60,
        window: float = 60.0,
        most_kept: int = 10_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self.counted: Counter[str] = Counter()  # by kind, those that are left out too
        self._each = Thinning(rows_per_window, window, most_kept, monotonic)
        # Addresses are cheap as well: at one charger the same of everybody together is bounded.
        self._all = Thinning(rows_of_all, window, most_kept, monotonic)

    def note(
        self, key: ChargerKey, kind: str, actor: str, result: str = "refused", **details: Any
    ) -> None:
        """Note one event at a charger, or of too many in a short time only how many."""
        self.counted[kind] += 1
        left_out = self._each.passes((actor, key, kind))
        others = None if left_out is None else self._all.passes((key, kind))
        if left_out is not None and others is not None:
            self._write((actor, key, kind), result, details, left_out + others)

    def note_stranger(
        self, key: ChargerKey, kind: str, actor: str, result: str = "refused", **details: Any
    ) -> None:
        """Note one event at a charger that does not exist; all of an organization count as one.

        Names are cheap: a stranger could have as many rows written as he can think of names.
        """
        self.counted[kind] += 1
        left_out = self._each.passes((_ANYBODY, ChargerKey(key.organization_uuid, ""), kind))
        if left_out is not None:
            self._write((actor, key, kind), result, details, left_out)

    def _write(self, event: _Event, result: str, details: dict[str, Any], left_out: int) -> None:
        actor, key, kind = event
        if left_out:
            details["left_out"] = left_out
        self._audit.note(
            AuditEntry(
                timestamp=self._clock.now(),
                organization_uuid=key.organization_uuid,
                charge_box_id=key.charge_box_id,
                category="security",
                actor=actor,
                action=kind,
                result=result,
                details=details,
            )
        )

    def note_unknown_transaction(self, key: ChargerKey, transaction_id: str) -> None:
        """Note that a charger names a transaction that is not its own (CVE-2026-28230)."""
        self.note(
            key,
            "UnknownTransaction",
            f"charger:{key.charge_box_id}",
            "recorded as its own",
            transaction_id=transaction_id,
        )
