"""The fleet overview: one row of each charger."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, Connect
from tests.api.listening import listens

NOBODY_YET: dict[str, Any] = {
    "charge_box_id": "CP-1",
    "charger_name": "CP-1",
    "site_id": None,
    "vendor_name": None,
    "model_name": None,
    "ocpp_version": None,
    "connected": False,
    "last_seen": None,
    "state": "offline",
    "connectors": [],
    "power_w": None,
    "running_transactions": 0,
    "target": None,
}


async def test_a_charger_that_was_never_there_is_offline(api: Api) -> None:
    await api.enrol()

    fleet = await api.get(f"{api.organization}/fleet")

    assert fleet == {"success": True, "chargers": [NOBODY_YET], "next_cursor": None}


async def test_the_fleet_comes_page_by_page(api: Api) -> None:
    names = [f"CP-{number}" for number in range(5)]
    for name in names:
        await api.enrol(name)
    await (await api.neighbour()).enrol("CP-99")

    path = first = f"{api.organization}/fleet?limit=2"
    found = list[str]()
    while path:
        page = await api.get(path)
        found += [row["charge_box_id"] for row in page["chargers"]]
        path = page["next_cursor"] and f"{first}&cursor={page['next_cursor']}"

    assert found == names


async def test_one_that_is_not_there_is_not_found(api: Api) -> None:
    await (await api.neighbour()).enrol("CP-99")

    got = await api("GET", f"{api.organization}/fleet?charge_box_id=CP-99")

    assert got.error == (404, "not_found")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.fleet_watch.PAUSE", 0.02)


async def test_what_changes_is_told(api: Api, connect: Connect) -> None:
    async with listens(api, f"{api.organization}/fleet/stream") as events:
        [first] = await events.take(1)
        await api.enrol()
        [enrolled] = await events.take(1)
        await connect()
        [connected] = await events.take(1)
        await api("DELETE", f"{api.organization}/chargers/CP-1")
        [deleted] = await events.take(1)

    assert first.data == {"chargers": [], "removed": []}
    assert enrolled.data == {"chargers": [NOBODY_YET], "removed": []}
    assert [row["state"] for row in connected.data["chargers"]] == ["unknown"]
    assert deleted.data == {"chargers": [], "removed": ["CP-1"]}


async def test_nobody_hears_of_another_fleet(api: Api, connect: Connect) -> None:
    neighbour = await api.neighbour()
    async with listens(neighbour, f"{neighbour.organization}/fleet/stream") as events:
        await api.enrol()
        await connect()
        await neighbour.enrol("CP-2")
        _, told = await events.take(2)

    assert [row["charge_box_id"] for row in told.data["chargers"]] == ["CP-2"]
    refused = await neighbour("GET", f"{api.organization}/fleet/stream")
    assert refused.error == (404, "not_found")


async def test_what_nobody_can_ask_of_the_fleet_is_refused(api: Api) -> None:
    stream = await api("GET", f"{api.organization}/fleet/stream?charge_box_id=NOBODY")

    assert stream.fields == {"charge_box_id"}
    assert (await api("GET", f"{api.organization}/fleet?limt=1")).fields == {"limt"}
