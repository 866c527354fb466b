"""The audit: newest first, page by page, of one organization, for its admins."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.records import AuditEntry
from tests.api.conftest import Api

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def note(api: Api, action: str, organization_uuid: str | None = None) -> None:
    await api.storage.audit.note(
        AuditEntry(
            timestamp=NOON,
            organization_uuid=organization_uuid or api.organization_uuid,
            charge_box_id="CP-1",
            category="target",
            actor="target:3",
            action=action,
            result="denied",
            details={"reason": "policy", "keys": ["SecurityProfile"]},
        )
    )


async def test_an_entry_tells_who_was_denied_what(api: Api) -> None:
    await note(api, "SetVariables")
    (entry,) = (await api.get(f"{api.organization}/audit"))["entries"]

    assert entry == {
        "id": 1,
        "timestamp": "2026-11-21T12:00:00.000Z",
        "category": "target",
        "charge_box_id": "CP-1",
        "actor": "target:3",
        "action": "SetVariables",
        "object": None,
        "result": "denied",
        "request_id": None,
        "details": {"reason": "policy", "keys": ["SecurityProfile"]},
        "place": None,
    }


async def test_the_newest_comes_first_page_by_page(api: Api) -> None:
    for number in range(3):
        await note(api, f"Action{number}")
    first = await api.get(f"{api.organization}/audit?limit=2")
    rest = await api.get(f"{api.organization}/audit?limit=2&cursor={first['next_cursor']}")

    assert [entry["action"] for entry in first["entries"] + rest["entries"]] == [
        "Action2",
        "Action1",
        "Action0",
    ]
    assert rest["next_cursor"] is None


async def test_another_organization_s_audit_is_not_seen(api: Api) -> None:
    await note(api, "Reset", "another")

    assert (await api.get(f"{api.organization}/audit"))["entries"] == []


async def test_only_an_admin_reads_it(api: Api) -> None:
    key = (await api("POST", f"{api.organization}/api_keys", {"scope": "operate"})).body
    headers = {"x-api-key": key["api_key"]["api_key"]}

    got = await api("GET", f"{api.organization}/audit", headers=headers)

    assert got.error == (403, "forbidden")
