"""Security events are the rows of the audit that every reader may see."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api


async def noted(api: Api, charge_box_id: str, kind: str, **details: Any) -> None:
    api.parts.events.note(api.charger_key(charge_box_id), kind, "address:127.0.0.9", **details)
    await api.storage.group.flush()


async def ids(api: Api, query: str = "") -> list[int]:
    found = await api.get(f"{api.organization}/security_events{query}")
    return [event["id"] for event in found["security_events"]]


async def test_an_event_tells_who_was_refused_where(api: Api) -> None:
    reader = await api.with_scope("read")
    await noted(api, "CP-1", "FailedToAuthenticateAtCsms", offered=1)

    [event] = (await reader.get(f"{api.organization}/security_events"))["security_events"]

    assert event == {
        "id": 1,
        "timestamp": "2026-11-21T10:00:00.000Z",
        "charge_box_id": "CP-1",
        "kind": "FailedToAuthenticateAtCsms",
        "actor": "address:127.0.0.9",
        "result": "refused",
        "details": {"offered": 1},
    }


async def test_they_are_found_by_charger_kind_and_time_page_by_page(api: Api) -> None:
    await noted(api, "CP-1", "One")
    api.clock.forward(hours=1)
    await noted(api, "CP-2", "One")
    await noted(api, "CP-2", "Two")
    await api("POST", f"{api.organization}/sites", {"name": "no security event"})

    assert await ids(api) == [3, 2, 1]
    assert await ids(api, "?charge_box_id=CP-2") == [3, 2]
    assert await ids(api, "?kind=One") == [2, 1]
    assert await ids(api, "?since=2026-11-21T10:30:00Z") == [3, 2]
    assert await ids(api, "?until=2026-11-21T10:30:00Z") == [1]
    first = await api.get(f"{api.organization}/security_events?limit=2")
    assert await ids(api, f"?limit=2&cursor={first['next_cursor']}") == [1]


async def test_the_audit_is_found_by_what_it_tells(api: Api) -> None:
    await noted(api, "CP-1", "One")
    await api("POST", f"{api.organization}/sites", {"name": "Depot"})

    async def actions(query: str) -> list[str]:
        found = await api.get(f"{api.organization}/audit{query}")
        return [entry["action"] for entry in found["entries"]]

    assert await actions("?category=api") == ["create_site"]
    assert await actions("?category=security") == ["One"]
    assert await actions("?charge_box_id=CP-1") == ["One"]
    assert await actions("?action=create_site") == ["create_site"]
    assert await actions("?actor=address:127.0.0.9") == ["One"]
    assert await actions("?until=2026-11-21T09:00:00Z") == []
    got = await api("GET", f"{api.organization}/audit?category=else")
    assert got.fields == {"category"}
