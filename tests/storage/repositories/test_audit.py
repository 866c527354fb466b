"""What somebody did or was denied, newest first, and of one organization only."""

from __future__ import annotations

from dataclasses import replace

from storage.records import AuditEntry
from storage.store import Storage
from tests.storage.doubles import ALICE, NOON

DENIED = AuditEntry(
    timestamp=NOON,
    organization_uuid=ALICE.organization_uuid,
    charge_box_id=ALICE.charge_box_id,
    actor="target:1",
    action="ChangeConfiguration",
    result="denied",
    details={"key": "AuthorizationKey"},
)


async def test_an_entry_is_kept_as_it_was_noted(storage: Storage) -> None:
    await storage.audit.note(DENIED)

    assert await storage.audit.list(ALICE.organization_uuid) == [replace(DENIED, id=1)]


async def test_the_newest_comes_first_page_by_page(storage: Storage) -> None:
    actions = [f"Action{number}" for number in range(5)]
    for action in actions:
        noted = storage.audit.note(replace(DENIED, action=action))
    await noted
    first = await storage.audit.list(ALICE.organization_uuid, limit=3)
    rest = await storage.audit.list(ALICE.organization_uuid, limit=3, before=first[-1].id)

    assert [entry.action for entry in first + rest] == actions[::-1]


async def test_an_organization_sees_its_own(storage: Storage) -> None:
    await storage.audit.note(replace(DENIED, organization_uuid="another"))

    assert await storage.audit.list(ALICE.organization_uuid) == []
