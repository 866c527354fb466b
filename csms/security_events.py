"""
Note what concerns who may come in: refusals at the door, conflicts, what chargers report.

Each becomes a row of the audit, where it stays in the organization's chain (OCPP 2.0.1 A04, OCPP
security white paper A00.FR.323 and 408). A stranger who repeats himself must not fill the disk: of
the same event so many rows are written a minute, and the next one tells how many were left out.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from storage.records import AuditEntry, ChargerKey

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.repositories.audit import Audit

# Who, at which charger, and what.
_Event: TypeAlias = tuple[str, ChargerKey, str]


@dataclass(slots=True)
class _Minute:
    """How many rows were written of one event since a moment, and how many not."""

    began: float
    written: int = 0
    left_out: int = 0


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
        window: float = 60.0,
        most_kept: int = 10_000,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._most = rows_per_window
        self._window = window
        self._most_kept = most_kept
        self._now = monotonic or asyncio.get_running_loop().time
        self._minutes: OrderedDict[tuple[str, ChargerKey, str], _Minute] = OrderedDict()

    def note(
        self, key: ChargerKey, kind: str, actor: str, result: str = "refused", **details: Any
    ) -> None:
        """Note one event at a charger, or of too many in a short time only how many."""
        self._note((actor, key, kind), result, details)

    def note_stranger(
        self, key: ChargerKey, kind: str, actor: str, result: str = "refused", **details: Any
    ) -> None:
        """Note one event at a charger that does not exist; all of an organization count as one.

        Names are cheap: a stranger could have as many rows written as he can think of names.
        """
        place = ("", ChargerKey(key.organization_uuid, ""), kind)
        self._note((actor, key, kind), result, details, place)

    def _note(
        self,
        event: _Event,
        result: str,
        details: dict[str, Any],
        counted_at: _Event | None = None,
    ) -> None:
        minute, (actor, key, kind) = self._minute(counted_at or event), event
        if minute.written >= self._most:
            minute.left_out += 1
            return
        minute.written += 1
        if minute.left_out:
            details["left_out"], minute.left_out = minute.left_out, 0
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

    def _minute(self, place: _Event) -> _Minute:
        now = self._now()
        minute = self._minutes.setdefault(place, _Minute(now))
        self._minutes.move_to_end(place)
        if now - minute.began >= self._window:
            minute.began, minute.written = now, 0
        while len(self._minutes) > self._most_kept:  # as many names as a stranger can think of
            self._minutes.popitem(last=False)
        return minute
