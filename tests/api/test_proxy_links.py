"""The links to all targets: by pages, by state, and each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.states import Glance, State
from tests.api.commissioned import ToldRelays
from tests.api.conftest import Api

DOWN = "The connection was refused."


@pytest.fixture
def relays() -> ToldRelays:
    return ToldRelays()


async def links(api: Api, query: str = "") -> Any:
    return await api.get(f"{api.organization}/proxy_links{query}")


async def every(api: Api, query: str) -> list[str]:
    """Return the names on all pages."""
    found, cursor = [], ""
    while True:
        page = await links(api, f"?{query}{cursor}")
        found += [one["charge_box_id"] for one in page["proxy_links"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_each_link_is_shown_with_what_waits_for_it(api: Api, relays: ToldRelays) -> None:
    enrolled = await api.enrol_with_proxy()
    key = api.charger_key("CP-1")
    relays.glances[key] = Glance(State.BACKOFF, DOWN)
    frame = b'[2,"1","MeterValues",{}]'
    append = api.storage.journal.append
    append(key, "charger_to_platform", "1.6", "Call", "1", "MeterValues", frame)

    assert await links(api) == {
        "success": True,
        "proxy_links": [
            {
                "proxy_configuration_id": enrolled["proxy_configuration"]["id"],
                "charge_box_id": "CP-1",
                "target_platform_identifier": "Main_CSMS",
                "target_websocket_url": "wss://third-party.com/ocpp/{charge_box_id}",
                "enabled": True,
                "mode": "hybrid",
                "role": "control",
                "state": "backoff",
                "since": None,
                "reason": DOWN,
                "next_dial_at": None,
                "queue_length": 1,
                "queue_is_longer": False,
                "oldest_queued_at": "2026-11-21T10:00:00.000Z",
                "dead_letters": 0,
            }
        ],
        "next_cursor": None,
    }


async def test_pages_of_a_state_have_all_that_are_in_it(api: Api, relays: ToldRelays) -> None:
    names = [f"CP-{number}" for number in range(7)]
    for name in names:
        await api.enrol_with_proxy(name)
    relays.glances = {api.charger_key(name): Glance(State.READY) for name in names[1::2]}

    assert await every(api, "limit=2") == names
    assert await every(api, "limit=7") == names
    assert await every(api, "limit=2&state=ready") == names[1::2]
    assert await every(api, "limit=1&state=dialing") == names[::2]
    assert await every(api, "state=rejected") == []


async def test_a_page_looks_through_so_many_and_no_more(
    api: Api, relays: ToldRelays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.proxy_links._AT_ONCE", 2)
    monkeypatch.setattr("api.proxy_links._LOOKED_THROUGH", 3)
    for number in range(6):
        await api.enrol_with_proxy(f"CP-{number}")
    relays.glances = {api.charger_key("CP-5"): Glance(State.READY)}

    page = await links(api, "?state=ready")
    assert page["proxy_links"] == []
    assert page["next_cursor"] is not None
    assert await every(api, "state=ready") == ["CP-5"]


async def test_what_is_no_state_or_cursor_is_refused(api: Api) -> None:
    path = f"{api.organization}/proxy_links"

    assert (await api("GET", f"{path}?state=red")).fields == {"state"}
    assert (await api("GET", f"{path}?cursor=xyz")).fields == {"cursor"}


async def test_another_organization_sees_its_own(api: Api) -> None:
    await api.enrol_with_proxy()
    neighbour = await api.neighbour()

    assert (await links(neighbour))["proxy_links"] == []
    assert (await neighbour("GET", f"{api.organization}/proxy_links")).error[0] == 404
