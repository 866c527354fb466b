"""The connections that a charger had, newest first, and what the present one carries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csms.visits import VisitorsBook
from storage.history_records import Visit
from tests.api.conftest import Api, Connect
from tests.doubles import until


async def connections(api: Api, query: str = "", name: str = "CP-1") -> Any:
    return await api.get(f"{api.organization}/chargers/{name}/connections{query}")


def visit(api: Api, hours: int, name: str = "CP-1") -> Visit:
    begun = api.clock.now() + timedelta(hours=hours)
    return Visit(
        key=api.charger_key(name),
        since=begun,
        until=begun + timedelta(minutes=5),
        remote_address="192.0.2.7",
        subprotocol="ocpp1.6",
        security_profile=1,
        close_code=1006,
        close_reason="",
        frames_received=3,
        frames_sent=4,
        bytes_received=300,
        bytes_sent=400,
    )


async def test_each_is_shown_with_how_it_ended(api: Api) -> None:
    await api.enrol()
    assert (await connections(api))["connections"] == []
    await api.storage.visits.note(visit(api, 0))

    assert await connections(api) == {
        "success": True,
        "connections": [
            {
                "since": "2026-11-21T10:00:00.000Z",
                "until": "2026-11-21T10:05:00.000Z",
                "remote_address": "192.0.2.7",
                "subprotocol": "ocpp1.6",
                "security_profile": 1,
                "close_code": 1006,
                "close_reason": "",
                "frames_received": 3,
                "frames_sent": 4,
                "bytes_received": 300,
                "bytes_sent": 400,
            }
        ],
        "next_cursor": None,
    }


async def test_the_present_one_counts_on(api: Api, connect: Connect) -> None:
    charger = await api.enrol()
    live = await connect()
    connection = api.parts.registry.find(api.charger_key(charger["charge_box_id"]))
    stored = await api.storage.chargers.get(api.charger_key("CP-1"))
    assert connection is not None
    assert stored is not None
    VisitorsBook(api.storage.visits, api.clock).begun(connection, stored)
    await api.storage.group.flush()
    await live.peer.calls("Heartbeat", b"{}", "beat")
    await until(lambda: connection.link.traffic.frames_sent)

    (shown,) = (await connections(api))["connections"]
    assert (shown["until"], shown["frames_received"], shown["frames_sent"]) == (None, 1, 1)


async def test_pages_hold_them_all(api: Api) -> None:
    await api.enrol()
    for hours in range(5):
        api.storage.visits.note(visit(api, hours))
    await api.storage.group.flush()
    found: list[str] = []
    query = "?limit=2"
    while query:
        page = await connections(api, query)
        found += [one["since"] for one in page["connections"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""

    assert found == sorted(found, reverse=True)
    assert len(found) == 5


async def test_what_is_no_cursor_is_refused(api: Api) -> None:
    await api.enrol()
    path = f"{api.organization}/chargers/CP-1/connections"

    # "yesterday", in base64.
    for cursor in ("Inllc3RlcmRheSI", "Nw", "x"):
        assert (await api("GET", f"{path}?cursor={cursor}")).fields == {"cursor"}


async def test_a_charger_that_is_not_there_has_none(api: Api) -> None:
    got = await api("GET", f"{api.organization}/chargers/NOWHERE/connections")

    assert got.error == (404, "not_found")
