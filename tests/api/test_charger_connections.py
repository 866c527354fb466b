"""A version is applied to a charger, the last one wins, and what it has can be seen."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.states import Glance, State
from tests.api.commissioned import (
    PASSWORD,
    READY,
    TEMPLATE,
    ToldRelays,
    apply,
    configuration,
    connections,
    shown,
    store,
)
from tests.api.conftest import Api

OFF = {"connectivity_mode": "OcppOff"}


@pytest.fixture
def relays() -> ToldRelays:
    return ToldRelays(links=READY)


async def test_what_is_applied_is_installed_and_the_link_follows(
    api: Api, relays: ToldRelays
) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api)

    got = await apply(api, "EH1", "v1")

    assert (got.status, got.body) == (
        200,
        {"version": "v1", "serialNumber": "EH1", "charge_box_id": "CP-1", "state": "applied"},
    )
    made = await configuration(api)
    assert made is not None
    assert (made.target_websocket_url, made.target_charge_box_id) == (TEMPLATE, "EH1")
    assert (made.target_auth_basic_password, made.enabled) == (PASSWORD, True)
    assert relays.configured == [api.charger_key("CP-1")]


async def test_once_more_changes_nothing(api: Api, relays: ToldRelays) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api)
    await apply(api, "EH1", "v1")
    before, told = await configuration(api), await shown(api, "EH1")
    api.clock.forward(minutes=1)

    got = await apply(api, "CP-1", "v1")

    assert (got.status, got.body["state"]) == (200, "unchanged")
    assert await configuration(api) == before
    assert await shown(api, "EH1") == told
    assert len(relays.configured) == 1


async def test_what_a_charger_has_is_shown(api: Api, relays: ToldRelays) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    nothing: dict[str, Any] = {
        "serialNumber": "EH1",
        "charge_box_id": "CP-1",
        "siteId": None,
        "wantedVersion": None,
        "appliedVersion": None,
        "appliedAt": None,
        "requestedBy": None,
        "connectivityMode": None,
        "chargePointId": None,
        "state": None,
        "error": None,
        "linkState": None,
        "lastError": None,
        "proxyConfigurationId": None,
        "drift": [],
    }
    assert await shown(api, "EH1") == nothing

    await apply(api, "EH1", await store(api))
    made = await configuration(api)
    assert made is not None
    relays.links = Glance(State.BACKOFF, "The target's certificate has expired.")
    (key,) = await api.storage.api_keys.list(api.organization_uuid)
    assert await shown(api, "EH1") == {
        **nothing,
        "wantedVersion": "v1",
        "appliedVersion": "v1",
        "appliedAt": "2026-11-21T10:00:00.000Z",
        "requestedBy": key.key_id,
        "connectivityMode": "DualProtocol",
        "chargePointId": "EH1",
        "state": "applied",
        "linkState": "backoff",
        "lastError": "The target's certificate has expired.",
        "proxyConfigurationId": made.id,
    }


async def test_the_last_apply_wins_also_a_switch_off(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api, "own", serial_number="EH1", charge_point_id="station-7")
    await store(api, "off", **OFF)
    await apply(api, "EH1", "own")
    assert (await shown(api, "EH1"))["chargePointId"] == "station-7"

    assert (await apply(api, "EH1", "off")).body["state"] == "applied"

    found = await shown(api, "EH1")
    assert (found["appliedVersion"], found["connectivityMode"]) == ("off", "OcppOff")
    assert (found["linkState"], found["drift"]) == ("disabled", [])
    kept = await configuration(api)
    assert kept is not None
    assert (kept.enabled, kept.target_websocket_url) == (False, TEMPLATE)


async def test_who_applied_what_to_a_charger_is_in_the_audit(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api)
    await apply(api, "EH1", "v1", "?dryRun=true")
    await apply(api, "EH1", "v2")  # which there is not
    for _ in range(2):
        await apply(api, "EH1", "v1")
    await api.storage.group.flush()

    caller = await api.storage.api_keys.find(api.key)
    assert caller is not None
    found = await api.get(f"{api.organization}/audit?action=apply_to_charger")
    rows = found["entries"]
    assert {(one["actor"], one["charge_box_id"]) for one in rows[:2]} == {
        (f"key:{caller.key_id}", "CP-1")
    }
    assert [(one["result"], one["details"].get("outcome")) for one in rows] == [
        ("200 ok", "unchanged"),
        ("200 ok", "applied"),
        ("404 not_found", None),
        ("200 ok", None),
    ]
    assert rows[3]["details"]["query"] == {"dryRun": "true"}


async def test_what_is_changed_by_hand_is_told_and_mended(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await apply(api, "EH1", await store(api))
    made = await configuration(api)
    assert made is not None
    path = f"{api.organization}/proxy_configurations/{made.id}"
    changed = {"target_websocket_url": "wss://elsewhere.example.com/x", "enabled": False}
    assert (await api("PATCH", path, changed)).status == 200
    assert set((await shown(api, "EH1"))["drift"]) == set(changed)

    assert (await apply(api, "EH1", "v1")).body["state"] == "applied"
    assert (await shown(api, "EH1"))["drift"] == []

    assert (await api("DELETE", path)).status == 200
    found = await shown(api, "EH1")
    assert (found["drift"], found["linkState"]) == (["proxy_configuration"], None)
    assert (await apply(api, "EH1", "v1")).body["state"] == "applied"
    assert await configuration(api) is not None


async def test_a_key_says_whose_charger_it_is(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    path, body = "/local-ocpp/v1/connections/chargers/EH1", {"version": await store(api)}

    foreseen = await api("POST", f"{path}?dryRun=true", body)
    got = await api("POST", path, body)

    assert foreseen.body["dryRun"] is True
    assert (got.status, got.body["state"]) == (200, "applied")
    assert await api.get(path) == await shown(api, "EH1")
    other = await api.neighbour()
    assert (await other("POST", path, body)).error == (404, "not_found")
    assert (await other("GET", path)).error == (404, "not_found")


async def test_a_charger_is_found_by_its_charge_box_id_before_it_told_its_serial(
    api: Api,
) -> None:
    await api.enrol("CP-1")
    got = await apply(api, "CP-1", await store(api))

    assert (got.body["serialNumber"], got.body["state"]) == ("CP-1", "applied")
    assert (await shown(api, "CP-1"))["chargePointId"] == "CP-1"


# ---- a dry run ----


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    api: Api, relays: ToldRelays
) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api)

    got = await apply(api, "EH1", "v1", "?dryRun=true")

    changes = {one["field"]: (one["from"], one["to"]) for one in got.body.pop("changes")}
    assert (got.status, got.body) == (
        200,
        {
            "dryRun": True,
            "version": "v1",
            "serialNumber": "EH1",
            "charge_box_id": "CP-1",
            "state": "applied",
        },
    )
    assert changes["target_websocket_url"] == (None, TEMPLATE)
    assert changes["enabled"] == (None, True)
    # That they change is told, what they are is not.
    assert changes["target_auth_basic_password"] == (None, None)
    assert changes["target_ca_certificate"] == (None, None)
    assert PASSWORD not in got.text
    assert "CERTIFICATE" not in got.text
    assert await configuration(api) is None
    assert (await shown(api, "EH1"))["wantedVersion"] is None
    assert relays.configured == []


async def test_a_dry_run_tells_from_what_to_what(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await apply(api, "EH1", await store(api))
    await store(api, "v2", url="wss://new.example.com", basic_auth_password="another")
    again = await apply(api, "EH1", "v1", "?dryRun=true")
    assert (again.body["state"], again.body["changes"]) == ("unchanged", [])

    got = await apply(api, "EH1", "v2", "?dryRun=true")

    new = "wss://new.example.com/{target_charge_box_id}"
    assert got.body["changes"] == [
        {"field": "target_websocket_url", "from": TEMPLATE, "to": new},
        {"field": "target_auth_basic_password", "from": None, "to": None},
    ]
    assert PASSWORD not in got.text
    assert "another" not in got.text


# ---- what cannot be ----


async def test_what_is_not_there_is_named(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api)
    other = await api.neighbour()
    await other.enrol("CP-9", serial_number="EH9")
    await store(other, "theirs")

    for serial in ("EH2", "EH9", "CP-9"):
        for got in (
            await apply(api, serial, "v1"),
            await api("GET", f"{connections(api)}/chargers/{serial}"),
        ):
            assert (got.error, set(got.body["fields"])) == ((404, "not_found"), {"serialNumber"})
            assert "serial number" in got.body["message"]
    for version in ("v2", "theirs", "V1"):
        got = await apply(api, "EH1", version)
        assert (got.error, set(got.body["fields"])) == ((404, "not_found"), {"version"})
        assert "version" in got.body["message"]
    assert await configuration(api) is None


@pytest.mark.one_of_each("many ways to ask the same")
@pytest.mark.parametrize("serial_number", ["EH2", "CP-2", "EH3"], ids=["its", "name", "nobody's"])
async def test_a_version_of_another_charger_is_not_applied(api: Api, serial_number: str) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await api.enrol("CP-2", serial_number="EH2")
    await store(api, "theirs", serial_number=serial_number)

    for query in ("", "?dryRun=true"):
        got = await apply(api, "EH1", "theirs", query)
        assert (got.error, set(got.body["fields"])) == ((409, "conflict"), {"version"})
        assert "another charger" in got.body["message"]
    assert (await shown(api, "EH1"))["wantedVersion"] is None


@pytest.mark.one_of_each("many ways to ask the same")
@pytest.mark.parametrize("serial_number", ["EH1", "CP-1"])
async def test_a_version_of_the_charger_may_name_it_either_way(
    api: Api, serial_number: str
) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api, "own", serial_number=serial_number)

    for name in ("EH1", "CP-1"):
        assert (await apply(api, name, "own")).status == 200


async def test_who_says_anothers_name_keeps_nobody_from_a_version_of_its_own(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await store(api, "own", serial_number="CP-1")
    await api.enrol("CP-2", serial_number="CP-1")

    assert (await apply(api, "EH1", "own")).status == 200
    assert (await apply(api, "CP-2", "own")).error == (409, "conflict")


async def test_a_serial_number_of_two_leads_nowhere(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await api.enrol("CP-2", serial_number="EH1")
    await store(api)
    await store(api, "own", serial_number="EH1")

    for got in (
        await apply(api, "EH1", "v1"),
        await api("GET", f"{connections(api)}/chargers/EH1"),
    ):
        assert (got.error, set(got.body["fields"])) == ((409, "conflict"), {"serialNumber"})
        assert "CP-2" in got.body["message"]
    # Whose of the two it is nobody knows.
    got = await apply(api, "CP-1", "own")
    assert (got.error, set(got.body["fields"])) == ((409, "conflict"), {"version"})
    assert "charge_box_id" in got.body["message"]
    # As whom it would be known at the target nobody knows either.
    assert (await apply(api, "CP-1", "v1")).fields == {"chargePointId"}


async def test_a_serial_number_that_is_no_charge_point_id_is_told_by_its_field(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH/1")
    await store(api)

    for query in ("", "?dryRun=true"):
        got = await apply(api, "CP-1", "v1", query)
        assert got.fields == {"chargePointId"}
    assert (await shown(api, "CP-1"))["wantedVersion"] is None
    await store(api, "own", serial_number="EH/1", charge_point_id="EH-1")
    assert (await apply(api, "CP-1", "own")).status == 200


BAD: list[Any] = [{}, {"version": None}, {"version": 7}, {"version": ""}, {"version": "x" * 256}]


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_body_without_a_version_is_told_so(api: Api) -> None:
    await api.enrol("CP-1")

    for body in BAD:
        got = await api("POST", f"{connections(api)}/chargers/CP-1", body)
        assert got.fields == {"version"}, body


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_dry_run_is_meant_or_not(api: Api) -> None:
    await api.enrol("CP-1")
    await store(api)

    assert (await apply(api, "CP-1", "v1", "?dryRun=yes")).fields == {"dryRun"}
    assert (await apply(api, "CP-1", "v1", "?dryRun=false")).body["state"] == "applied"


MISSPELT = {
    "?dryrun=true": "dryrun",
    "?dry_run=true&pretty=true": "dry_run",
    "?dryRun=true&dryRun=true": "dryRun",
    "?dryRun=true&dryRun=false": "dryRun",
    "?dryRun=true&%C3%A4%00=": "ä\x00",
    "?%ff": "\ufffd",
}


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_dry_run_that_is_misspelt_is_not_carried_out(api: Api) -> None:
    await api.enrol("CP-1")
    await store(api)
    path = "/local-ocpp/v1/connections/chargers/CP-1"

    for query, named in MISSPELT.items():
        for got in (
            await apply(api, "CP-1", "v1", query),
            await api("POST", path + query, {"version": "v1"}),
        ):
            assert got.fields == {named}, query
    assert await configuration(api) is None
    got = await apply(api, "CP-1", "v1", "?pretty=true&dryRun=true")
    assert got.body["dryRun"] is True
    assert "\n" in got.text
    assert (await apply(api, "CP-1", "v1", "?pretty=true")).status == 200
