"""What a dry run says is what comes of it: the same states, and the same fields change."""

from __future__ import annotations

from typing import Any

import pytest

from api.foreseen import CONCEALED
from proxy.installing import DECIDED
from tests.api.commissioned import (
    PASSWORD,
    SiteCalls,
    ToldRelays,
    apply,
    configuration,
    site_of,
    states,
    store,
)
from tests.api.conftest import Api

# As the chargers are called, so they are.
CHARGERS = {
    "new": "EH1",
    "has-it": "EH2",
    "has-another": "EH3",
    "by-hand": "EH4",
    "off": "EH5",
    "deleted": "EH6",
    "hand-made": "EH7",
    "no-id": "EH/8",
    "one-of-two": "EH9",
    "other-of-two": "EH9",
}


@pytest.fixture
def relays() -> ToldRelays:
    return ToldRelays()


@pytest.fixture
async def site(api: Api) -> SiteCalls:
    """Return a site whose chargers are all different."""
    await store(api)
    await store(api, "v2", url="wss://new.example.com", basic_auth_password=None)
    await store(api, "off", connectivity_mode="OcppOff")
    for name, serial_number in CHARGERS.items():
        enrol = api.enrol_with_proxy if name == "hand-made" else api.enrol
        await enrol(name, serial_number=serial_number)
    for name in ("has-it", "by-hand", "off", "deleted"):
        await apply(api, name, "v1")
    await apply(api, "has-another", "v2")
    await apply(api, "off", "off")
    await by_hand(api, "PATCH", "by-hand", {"enabled": False, "target_charge_box_id": "x"})
    await by_hand(api, "DELETE", "deleted")
    return SiteCalls(api, await site_of(api, *CHARGERS))


async def by_hand(api: Api, method: str, name: str, body: Any = None) -> None:
    found = await configuration(api, name)
    assert found is not None
    got = await api(method, f"{api.organization}/proxy_configurations/{found.id}", body)
    assert got.status == 200, got.text


async def decided(api: Api) -> dict[str, dict[str, Any]]:
    """Return what versions decide of each charger's configuration."""
    found = {name: await configuration(api, name) for name in CHARGERS}
    return {
        name: {field: getattr(one, field, None) for field in DECIDED} for name, one in found.items()
    }


def changed(before: Any, after: Any) -> dict[str, list[Any]]:
    """Return how each charger's configuration changed, without secrets."""

    def told(field: str, value: Any) -> Any:
        return None if field in CONCEALED else value

    return {
        name: [
            {"field": field, "from": told(field, was), "to": told(field, after[name][field])}
            for field, was in before[name].items()
            if was != after[name][field]
        ]
        for name in before
    }


def foretold(got: Any) -> dict[str, Any]:
    return {one["charge_box_id"]: one["changes"] for one in got.body["results"]}


@pytest.mark.parametrize("version", ["v1", "v2", "off"])
@pytest.mark.one_of_each("many ways to ask the same")
async def test_what_is_foretold_comes_true_there_and_back(
    api: Api, site: SiteCalls, version: str
) -> None:
    before = await decided(api)
    forth = await site.apply(version, "?dryRun=true")
    assert await decided(api) == before

    assert await site.applied(version) == states(forth.body)
    after = await decided(api)
    assert foretold(forth) == changed(before, after)

    back = await site.roll_back("?dryRun=true")
    assert await decided(api) == after
    assert await site.rolled_back() == states(back.body)
    assert foretold(back) == changed(after, await decided(api))
    for got in (forth, back):
        assert PASSWORD not in got.text
        assert "BEGIN CERTIFICATE" not in got.text


async def test_each_charger_is_foretold_by_what_it_has(api: Api, site: SiteCalls) -> None:
    got = await site.apply("v1", "?dryRun=true")

    assert states(got.body) == {
        "new": "applied",
        "has-it": "unchanged",
        "has-another": "applied",
        "by-hand": "applied",
        "off": "applied",
        "deleted": "applied",
        "hand-made": "applied",
        "no-id": "failed",
        "one-of-two": "failed",
        "other-of-two": "failed",
    }
    changes = foretold(got)
    assert [one["field"] for one in changes["by-hand"]] == ["target_charge_box_id", "enabled"]
    assert changes["off"] == [{"field": "enabled", "from": False, "to": True}]
    assert changes["has-it"] == changes["no-id"] == []
    secret = {"field": "target_auth_basic_password", "from": None, "to": None}
    assert secret in changes["has-another"]
