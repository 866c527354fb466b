"""Chargers: enrolled, shown as they are, changed, and gone when deleted."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from storage.errors import StorageUnavailable
from storage.records import ChargerKey, Scope
from tests.api.conftest import Api, Connect, WatchedRelays
from tests.doubles import settled, until


async def test_a_charger_is_enrolled_and_its_password_told_once(api: Api) -> None:
    got = await api("POST", f"{api.organization}/chargers", {"charge_box_id": "CP-1"})

    assert got.status == 201
    charger = got.body["charger"]
    assert charger["charger_name"] == "CP-1"
    assert charger["ocpp_url"].endswith("/ocpp_proxy/CP-1")
    assert len(charger.pop("ocpp_password")) == 20
    assert (await api.get(f"{api.organization}/chargers/CP-1"))["charger"] == charger


async def test_an_enrolled_charger_shows_what_the_contract_lists(api: Api) -> None:
    await api.enrol(charger_name="Lobby", vendor_name="ABB", allowed_versions=["2.0.1"])
    charger = (await api.get(f"{api.organization}/chargers/CP-1"))["charger"]

    assert charger == {
        "charge_box_id": "CP-1",
        "charger_name": "Lobby",
        "vendor_name": "ABB",
        "model_name": None,
        "serial_number": None,
        "firmware_version": None,
        "ocpp_version": None,
        "connected": False,
        "last_seen": None,
        "last_disconnect": None,
        "site_id": None,
        "security_profile": 1,
        "next_security_profile": None,
        "certificate_name": None,
        "hex_password": False,
        "allowed_versions": ["2.0.1"],
        "client_certificate_sha256": None,
        "boot_policy": "accept",
        "supply_phases": None,
        "nominal_voltage": None,
        "ocpp_url": charger["ocpp_url"],
        "connectors": [],
        "running_transactions": [],
        "created_at": "2026-11-21T10:00:00.000Z",
    }
    stored = await api.storage.chargers.get(api.charger_key("CP-1"))
    assert stored is not None
    assert stored.allowed_versions == ("ocpp2.0.1",)


async def test_a_live_charger_shows_its_connectors_and_transactions(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    peer = (await connect()).peer
    status = {"connectorId": 2, "status": "Charging", "errorCode": "NoError"}
    await peer.calls("StatusNotification", orjson.dumps(status))
    await peer.hears()
    start = {
        "connectorId": 2,
        "idTag": "T-1",
        "meterStart": 5,
        "timestamp": "2026-11-21T09:59:00Z",
    }
    await peer.calls("StartTransaction", orjson.dumps(start), id="peer-2")
    transaction_id = (await peer.hears())[2]["transactionId"]

    for charger in (
        (await api.get(f"{api.organization}/chargers/CP-1"))["charger"],
        (await api.get(f"{api.organization}/chargers"))["chargers"][0],
    ):
        assert charger["connected"] is True
        assert [(each["evse_id"], each["status"]) for each in charger["connectors"]] == [
            (2, "Charging")
        ]
        (running,) = charger["running_transactions"]
        assert running["transaction_id"] == str(transaction_id)


async def test_chargers_are_listed_page_by_page_in_order(api: Api) -> None:
    for name in ("b", "a", "C", "c d"):
        await api.enrol(name)
    path = f"{api.organization}/chargers?limit=3"
    first = await api.get(path)
    rest = await api.get(f"{path}&cursor={first['next_cursor']}")

    assert [charger["charge_box_id"] for charger in first["chargers"]] == ["C", "a", "b"]
    assert [charger["charge_box_id"] for charger in rest["chargers"]] == ["c d"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"charger_name": "Lobby"}, {"charger_name": "Lobby"}),
        ({"charger_name": None}, {"charger_name": "CP-1"}),
        ({"serial_number": "S"}, {"serial_number": "S"}),
        ({"allowed_versions": ["1.6"]}, {"allowed_versions": ["1.6"]}),
        ({"allowed_versions": ["2.1"]}, {"allowed_versions": ["2.1"]}),
        ({}, {}),
    ],
)
async def test_patch_changes_only_what_is_given(
    api: Api, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    before = await api.enrol(charger_name="Old", vendor_name="ABB")
    del before["ocpp_password"]
    got = await api("PATCH", f"{api.organization}/chargers/CP-1", change)

    assert got.status == 200
    assert got.body["charger"] == {**before, **shown}


async def test_the_id_of_a_charger_cannot_change(api: Api) -> None:
    await api.enrol()

    got = await api("PATCH", f"{api.organization}/chargers/CP-1", {"charge_box_id": "CP-2"})
    assert got.fields == {"charge_box_id"}


async def test_a_deleted_charger_is_cut_off_and_its_password_dies(
    api: Api, connect: Connect
) -> None:
    enrolled = await api.enrol_with_proxy()
    charger = await connect()
    got = await api("DELETE", f"{api.organization}/chargers/CP-1")

    assert got.body == {"success": True, "message": "Charger deleted successfully"}
    assert (await charger.ended).code == 1008
    assert await api.storage.chargers.get(api.charger_key("CP-1")) is None
    id = enrolled["proxy_configuration"]["id"]
    for path in ("chargers/CP-1", f"proxy_configurations/{id}"):
        assert (await api("GET", f"{api.organization}/{path}")).status == 404
    await settled()
    again = await api.enrol()
    assert again["ocpp_password"] != enrolled["charger"]["ocpp_password"]


async def test_a_deleted_charger_is_cut_off_and_its_link_follows_when_storage_is_back(
    api: Api, connect: Connect, relays: WatchedRelays, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.enrol_with_proxy()
    charger = await connect()
    away = [StorageUnavailable(), StorageUnavailable()]
    follow = relays.configure

    async def configure(key: ChargerKey) -> None:
        if away:
            raise away.pop()
        await follow(key)

    monkeypatch.setattr(relays, "configure", configure)
    monkeypatch.setattr(api.parts.commissioning._following, "_again", 0.0)
    relays.configured.clear()
    got = await api("DELETE", f"{api.organization}/chargers/CP-1")

    assert got.status == 200
    assert (await charger.ended).code == 1008
    assert relays.configured == [api.charger_key("CP-1")]


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {}), ("DELETE", None)])
async def test_an_unknown_charger_is_not_found(api: Api, method: str, body: Any) -> None:
    got = await api(method, f"{api.organization}/chargers/CP-1", body)

    assert got.error == (404, "not_found")


# ---- where it stands ----


async def site_made(api: Api, *chargers: str, name: str = "Depot") -> str:
    body = {"name": name, "chargers": chargers}
    site_id: str = (await api("POST", f"{api.organization}/sites", body)).body["site"]["site_id"]
    return site_id


async def at_site(api: Api, site_id: str) -> list[str]:
    site = (await api.get(f"{api.organization}/sites/{site_id}"))["site"]
    assert site["charger_count"] == len(site["chargers"])
    found: list[str] = site["chargers"]
    return found


async def test_a_charger_comes_to_a_site_moves_on_and_leaves(api: Api) -> None:
    await api.enrol()
    path = f"{api.organization}/chargers/CP-1"
    depot, yard = await site_made(api, "CP-1"), await site_made(api, name="Yard")
    for here, there in ((depot, [["CP-1"], []]), (yard, [[], ["CP-1"]]), (None, [[], []])):
        charger = (await api("PATCH", path, {"site_id": here})).body["charger"]

        assert charger["site_id"] == here
        assert (await api.get(path))["charger"] == charger
        assert [await at_site(api, site_id) for site_id in (depot, yard)] == there
    await api("PATCH", path, {"site_id": yard})
    assert (await api("PATCH", path, {"charger_name": "Lobby"})).body["charger"]["site_id"] == yard


async def test_a_charger_cannot_stand_where_nothing_is(api: Api) -> None:
    await api.enrol()
    path, theirs = f"{api.organization}/chargers/CP-1", await site_made(await api.neighbour())
    for nowhere in (theirs, "x", "", "x" * 65, 7):
        got = await api("PATCH", path, {"site_id": nowhere, "charger_name": "Lobby"})

        assert got.fields == {"site_id"}
    charger = (await api.get(path))["charger"]
    assert (charger["site_id"], charger["charger_name"]) == (None, "CP-1")


async def test_a_deleted_charger_stands_nowhere(api: Api) -> None:
    await api.enrol()
    depot = await site_made(api, "CP-1")
    await api("DELETE", f"{api.organization}/chargers/CP-1")

    assert await at_site(api, depot) == []


# ---- held back ----


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_charger_that_is_let_in_is_asked_to_boot_again(
    api: Api, connect: Connect, version: str
) -> None:
    path = f"{api.organization}/chargers/CP-1"
    assert (await api.enrol(boot_policy="pending"))["boot_policy"] == "pending"
    peer = (await connect(version=version)).peer

    changing = asyncio.create_task(api("PATCH", path, {"boot_policy": "accept"}))
    said = await peer.answers(b'{"status":"Accepted"}')

    assert said[2:] == ["TriggerMessage", {"requestedMessage": "BootNotification"}]
    assert (await changing).body["charger"]["boot_policy"] == "accept"


@pytest.mark.parametrize("error", [b'{"status":"NotImplemented"}', b"[]", b"{}"])
async def test_whatever_it_says_to_that_it_is_let_in(
    api: Api, connect: Connect, error: bytes
) -> None:
    await api.enrol(boot_policy="pending")
    peer = (await connect()).peer

    path = f"{api.organization}/chargers/CP-1"
    changing = asyncio.create_task(api("PATCH", path, {"boot_policy": "accept"}))
    await peer.answers(error)

    assert (await changing).status == 200


async def test_nobody_is_asked_to_boot_who_was_not_held_back(api: Api, connect: Connect) -> None:
    await api.enrol()
    await connect()  # it answers nothing
    path = f"{api.organization}/chargers/CP-1"

    for policy in ("accept", "pending", "pending"):
        assert (await api("PATCH", path, {"boot_policy": policy})).status == 200
    assert (await api("PATCH", path, {"boot_policy": "maybe"})).fields == {"boot_policy"}


# ---- who may give which security profile ----


@pytest.mark.parametrize(
    ("scope", "before", "after", "status"),
    [
        ("operate", 1, 2, 200),
        ("operate", 1, 3, 200),
        ("operate", 2, 1, 403),
        ("operate", 1, 0, 403),
        ("admin", 2, 1, 200),
        ("admin", 3, 0, 200),
        ("operate", 2, 2, 200),
    ],
)
@pytest.mark.sqlite_only("about who may")
async def test_a_security_profile_is_raised_by_operators_and_lowered_by_admins_only(
    api: Api, scope: Scope, before: int, after: int, status: int
) -> None:
    await api.enrol(security_profile=before)
    theirs = await api.with_scope(scope)

    got = await theirs("PATCH", f"{api.organization}/chargers/CP-1", {"security_profile": after})

    assert got.status == status
    stored = await api.storage.chargers.get(api.charger_key("CP-1"))
    assert stored is not None
    assert stored.security_profile == (after if status == 200 else before)


async def test_only_an_admin_enrols_a_charger_without_a_password(api: Api) -> None:
    theirs, path = await api.with_scope("operate"), f"{api.organization}/chargers"
    body = {"charge_box_id": "CP-1", "security_profile": 0}

    assert (await theirs("POST", path, body)).error == (403, "forbidden")
    assert (await api("POST", path, body)).status == 201


async def test_only_an_admin_changes_whose_certificate_lets_a_charger_in(api: Api) -> None:
    await api.enrol(certificate_name="SN-1")
    theirs, path = await api.with_scope("operate"), f"{api.organization}/chargers/CP-1"

    for name in ("SN-2", None):
        got = await theirs("PATCH", path, {"certificate_name": name, "charger_name": "Lobby"})
        assert got.error == (403, "forbidden")
    same = {"certificate_name": "SN-1", "charger_name": "Hall"}
    assert (await theirs("PATCH", path, same)).status == 200
    assert (await api.get(path))["charger"]["charger_name"] == "Hall"
    assert (await api("PATCH", path, {"certificate_name": "SN-2"})).status == 200


@pytest.mark.parametrize("change", [{"security_profile": 2}, {"certificate_name": "SN-1"}], ids=str)
async def test_what_a_charger_proves_itself_with_changes_only_with_a_new_connection(
    api: Api, connect: Connect, change: dict[str, Any]
) -> None:
    await api.enrol()
    charger = await connect()
    path = f"{api.organization}/chargers/CP-1"

    assert (await api("PATCH", path, {"charger_name": "Lobby"})).status == 200
    stays = charger.link.closed is None
    assert stays
    assert (await api("PATCH", path, change)).status == 200

    await until(lambda: charger.link.closed)
    assert charger.link.closed is not None
    assert charger.link.closed.code == 1008


async def test_a_profile_that_is_set_by_hand_is_the_one_that_counts(api: Api) -> None:
    await api.enrol()
    await api.storage.chargers.update(api.charger_key("CP-1"), next_security_profile=2)
    path = f"{api.organization}/chargers/CP-1"
    assert (await api.get(path))["charger"]["next_security_profile"] == 2

    await api("PATCH", path, {"security_profile": 1})

    assert (await api.get(path))["charger"]["next_security_profile"] is None
