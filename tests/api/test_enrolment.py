"""Enrol a charger with its proxy: both or none, and the password told once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from csms.frames import Call
from storage.commissioning_records import ConnectionDetails
from storage.secrets import secret_matches
from tests.api.conftest import PROXY, Api, WatchedRelays
from tests.doubles import PATIENCE


def path(api: Api) -> str:
    return f"{api.organization}/chargers/enroll-with-proxy"


async def test_the_answer_has_exactly_the_fields_of_the_seed(api: Api) -> None:
    enrolled = await api.enrol_with_proxy("CP-PROX-01")

    assert list(enrolled) == ["success", "message", "charger", "proxy_configuration"]
    assert enrolled["message"] == "Charger enrolled and proxy configuration created successfully"
    assert list(enrolled["charger"]) == ["charge_box_id", "ocpp_proxy_url", "ocpp_password"]
    assert list(enrolled["proxy_configuration"]) == [
        "id",
        "target_platform_identifier",
        "target_websocket_url",
    ]


async def test_the_password_opens_the_door_and_is_kept_as_a_digest(api: Api) -> None:
    password = (await api.enrol_with_proxy())["charger"]["ocpp_password"]
    stored = await api.storage.chargers.get(api.charger_key("CP-1"))

    assert stored is not None
    assert secret_matches(password.encode(), stored.password_digest)
    assert len(password) == 20
    assert password not in (await api("GET", f"{api.organization}/chargers/CP-1")).text


async def test_the_url_has_the_id_percent_encoded_once(api: Api) -> None:
    charger = (await api.enrol_with_proxy("Box |1+2=3@*"))["charger"]

    assert charger["ocpp_proxy_url"] == (
        f"ws://ocpp.example.com/{api.organization_uuid}/ocpp_proxy/Box%20%7C1%2B2%3D3%40%2A"
    )
    assert (await api.get(f"{api.organization}/chargers/Box%20%7C1%2B2%3D3%40%2A"))["success"]


async def test_a_charger_that_is_there_is_a_conflict_and_nothing_changes(api: Api) -> None:
    await api.enrol("CP-1", charger_name="First")
    got = await api("POST", path(api), {"charge_box_id": "CP-1", **PROXY})

    assert got.error == (409, "conflict")
    assert got.body["message"] == "A charger with this charge_box_id is enrolled already."
    assert (await api.get(f"{api.organization}/chargers/CP-1"))["charger"][
        "charger_name"
    ] == "First"
    assert (await api.get(f"{api.organization}/proxy_configurations"))["proxy_configurations"] == []


async def test_what_is_only_too_long_is_told_only_that(api: Api) -> None:
    got = await api("POST", path(api), {"charge_box_id": "x" * 49, **PROXY})

    assert got.body["fields"] == {"charge_box_id": ["Length must be between 1 and 48."]}


async def test_the_same_id_in_another_organization_is_another_charger(api: Api) -> None:
    await api.enrol_with_proxy()
    await (await api.neighbour()).enrol_with_proxy()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target_websocket_url": "wss://x.com/{charger}"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://x.com/{"}, "target_websocket_url"),
        ({"target_websocket_url": "https://x.com/"}, "target_websocket_url"),
        ({"target_websocket_url": "ws://x.com/"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://user@x.com/"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://x.com/#a"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://10.0.0.1/"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://0x0a.1/"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://[::1]/"}, "target_websocket_url"),
        ({"target_websocket_url": "wss://169.254.169.254/"}, "target_websocket_url"),
        ({"target_websocket_url": ""}, "target_websocket_url"),
        ({"target_authentication_method": "Basic"}, "target_auth_basic_password"),
        ({"target_authentication_method": "ClientCertificate"}, "target_auth_client_cert_id"),
        ({"charge_box_id": "a:b"}, "charge_box_id"),
        ({"mode": "stern"}, "mode"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_work_is_named_and_nothing_is_enrolled(
    api: Api, change: dict[str, Any], field: str
) -> None:
    got = await api("POST", path(api), {"charge_box_id": "CP-1", **PROXY, **change})

    assert got.fields == {field}
    assert (await api.get(f"{api.organization}/chargers"))["chargers"] == []


async def test_each_required_field_is_named(api: Api) -> None:
    assert (await api("POST", path(api), {})).fields == {"charge_box_id", *PROXY}


async def test_names_are_not_resolved_on_saving(api: Api) -> None:
    await api.enrol_with_proxy(target_websocket_url="wss://nowhere.invalid/{charge_box_id}")


async def test_a_private_network_can_be_allowed(api: Api) -> None:
    await api.enrol_with_proxy(target_websocket_url="wss://127.0.0.1:9443/{charge_box_id}")


# ---- at a site ----


@pytest.mark.parametrize("route", ["chargers", "chargers/enroll-with-proxy"])
async def test_a_charger_is_enrolled_at_its_site(api: Api, route: str) -> None:
    site = (await api("POST", f"{api.organization}/sites", {"name": "Depot"})).body["site"]
    more = {} if route == "chargers" else PROXY
    for name, there in (("CP-1", site["site_id"]), ("CP-2", None)):
        body = {"charge_box_id": name, "site_id": there, **more}
        assert (await api("POST", f"{api.organization}/{route}", body)).status in {200, 201}
        charger = (await api.get(f"{api.organization}/chargers/{name}"))["charger"]
        assert charger["site_id"] == there
    nowhere = {"charge_box_id": "CP-3", "site_id": "nowhere", **more}
    assert (await api("POST", f"{api.organization}/{route}", nowhere)).fields == {"site_id"}

    found = (await api.get(f"{api.organization}/sites/{site['site_id']}"))["site"]
    assert found["chargers"] == ["CP-1"]
    assert (await api("GET", f"{api.organization}/chargers/CP-3")).status == 404


# ---- configured by itself ----


async def details_stored(api: Api, version: str, serial_number: str | None) -> None:
    """Store details for a charger, or the operator's for all new ones."""
    await api.storage.connection_details.add(
        ConnectionDetails(
            version=version,
            organization_uuid=api.organization_uuid,
            serial_number=serial_number,
            connectivity_mode="DualProtocol",
            url="wss://cpo.example.com/ocpp",
            apply_to_new_devices=serial_number is None,
            created_by="key-1",
            created_at=api.clock.now(),
        )
    )


async def made(api: Api) -> dict[str, tuple[str, str]]:
    """Return by which version each configuration was made, and where it leads."""
    found = (await api.get(f"{api.organization}/proxy_configurations"))["proxy_configurations"]
    return {
        one["charge_box_id"]: (one["connection_version"], one["target_charge_box_id"])
        for one in found
    }


async def test_what_waits_for_a_charger_is_installed_when_it_is_enrolled(
    api: Api, relays: WatchedRelays
) -> None:
    await details_stored(api, "v-own", "S-1")
    await api.enrol("CP-1", serial_number="S-1")
    assert relays.configured == [api.charger_key("CP-1")]
    await details_stored(api, "v-all", None)
    await api.enrol("CP-2", serial_number="S-2")
    await api.enrol("CP-3")  # it tells its serial number when it first boots

    assert await made(api) == {"CP-1": ("v-own", "S-1"), "CP-2": ("v-all", "S-2")}
    found = (await api.get(f"{api.organization}/proxy_configurations"))["proxy_configurations"]
    assert [one["drift"] for one in found] == [[], []]
    newcomers = await api.storage.installations.newcomers()
    assert {key.charge_box_id for key in newcomers} == {"CP-1", "CP-2", "CP-3"}


@pytest.mark.parametrize("route", ["chargers", "chargers/enroll-with-proxy"])
async def test_whoever_is_enrolled_is_watched_until_it_has_booted(api: Api, route: str) -> None:
    body = {"charge_box_id": "CP-1", **({} if route == "chargers" else PROXY)}
    await api("POST", f"{api.organization}/{route}", body)
    key, stored = api.charger_key("CP-1"), api.storage.installations
    assert key in await stored.newcomers()

    api.parts.provisioning.heard(key, Call("1", "BootNotification", b"{}", {}, b"[2]"))
    async with asyncio.timeout(PATIENCE):
        while await stored.newcomers():
            pass


async def test_who_is_enrolled_with_a_target_keeps_it(api: Api) -> None:
    await details_stored(api, "v-own", "S-1")
    await details_stored(api, "v-all", None)
    enrolled = await api.enrol_with_proxy("CP-1", serial_number="S-1")

    id = enrolled["proxy_configuration"]["id"]
    found = (await api.get(f"{api.organization}/proxy_configurations/{id}"))["proxy_configuration"]
    assert found["target_websocket_url"] == PROXY["target_websocket_url"]
    assert (found["connection_version"], found["drift"]) == (None, [])
