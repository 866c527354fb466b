"""Audit what the command line writes: whoever has the machine is not beyond being asked."""

from __future__ import annotations

from typing import Any

from csms.terminal import COMMAND_LINE
from storage.clock import SystemClock
from storage.records import AuditEntry
from storage.store import Storage


async def audited(storage: Storage, organization_uuid: str, action: str, **details: Any) -> None:
    """Write down that a command has done something in an organization; no secret is told."""
    await storage.audit.note(
        AuditEntry(
            timestamp=SystemClock().now(),
            organization_uuid=organization_uuid,
            category="platform",
            actor=COMMAND_LINE,
            action=action,
            result="done",
            details=details,
        )
    )
