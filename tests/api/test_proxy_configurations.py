"""Proxy configurations from their first to their last day."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from api.errors import Invalid
from api.proxy_configurations import checked
from proxy.addresses import AddressGuard
from proxy.commissioning import Wish
from storage.commissioning_records import ConnectionDetails
from tests.api.conftest import PROXY, Api, WatchedRelays

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

SEED_FIELDS = [
    "id",
    "charge_box_id",
    "organization_uuid",
    "target_platform_identifier",
    "target_websocket_url",
    "target_authentication_method",
]
SECRET = "third-party-secret"
BASIC = {"target_authentication_method": "Basic", "target_auth_basic_password": SECRET}


def base(api: Api) -> str:
    return f"{api.organization}/proxy_configurations"


async def created(api: Api, **more: Any) -> Any:
    await api.enrol()
    got = await api("POST", base(api), {"charge_box_id": "CP-1", **PROXY, **more})
    assert got.status == 201, got.text
    return got.body["proxy_configuration"]


async def password_of(api: Api, id: int) -> str | None:
    stored = await api.storage.proxy_configurations.get(api.organization_uuid, id)
    assert stored is not None
    return stored.target_auth_basic_password


async def test_one_is_created_for_an_enrolled_charger(api: Api) -> None:
    await api.enrol()
    got = await api("POST", base(api), {"charge_box_id": "CP-1", **PROXY, **BASIC})

    assert got.status == 201
    assert list(got.body) == ["success", "message", "proxy_configuration"]
    assert got.body["message"] == "Proxy configuration created successfully"
    assert list(got.body["proxy_configuration"])[:6] == SEED_FIELDS
    assert await password_of(api, got.body["proxy_configuration"]["id"]) == SECRET


async def test_the_password_never_comes_back(api: Api) -> None:
    one = f"{base(api)}/{(await created(api, **BASIC))['id']}"

    for got in (
        await api("GET", base(api)),
        await api("GET", one),
        await api("PATCH", one, {"enabled": False}),
        await api("GET", f"{one}/status"),
        await api("DELETE", one),
    ):
        assert got.status == 200
        assert SECRET not in got.text
        assert "password" not in got.text


async def test_a_second_one_for_a_charger_is_a_conflict(api: Api) -> None:
    await created(api)

    got = await api("POST", base(api), {"charge_box_id": "CP-1", **PROXY})
    assert got.error == (409, "conflict")
    assert got.body["message"] == "The charger has a proxy configuration already."


async def test_an_unknown_charger_is_not_found(api: Api) -> None:
    got = await api("POST", base(api), {"charge_box_id": "CP-2", **PROXY})

    assert got.error == (404, "not_found")


async def test_they_are_listed_page_by_page(api: Api) -> None:
    for number in range(3):
        await api.enrol_with_proxy(f"CP-{number}")

    first = await api.get(f"{base(api)}?limit=2")
    assert list(first) == ["success", "proxy_configurations", "next_cursor"]
    assert [each["charge_box_id"] for each in first["proxy_configurations"]] == ["CP-0", "CP-1"]
    second = await api.get(f"{base(api)}?limit=2&cursor={first['next_cursor']}")
    assert [each["charge_box_id"] for each in second["proxy_configurations"]] == ["CP-2"]
    assert second["next_cursor"] is None


async def test_put_replaces_the_whole(api: Api) -> None:
    one = await created(api, target_charge_box_id="T-1", **BASIC)
    api.clock.forward(minutes=1)
    body = {"charge_box_id": "CP-1", **PROXY, "target_platform_identifier": "Other"}
    got = await api("PUT", f"{base(api)}/{one['id']}", body)

    assert got.status == 200
    assert got.body["message"] == "Proxy configuration updated successfully"
    new = got.body["proxy_configuration"]
    assert (new["target_platform_identifier"], new["target_charge_box_id"]) == ("Other", None)
    assert new["created_at"] == one["created_at"] < new["updated_at"]
    assert await password_of(api, one["id"]) is None
    assert (await api.get(f"{base(api)}/{one['id']}"))["proxy_configuration"] == new


@pytest.mark.parametrize("missing", ["charge_box_id", *PROXY])
async def test_put_without_a_required_field_is_refused(api: Api, missing: str) -> None:
    one = await created(api)
    body = {"charge_box_id": "CP-1", **PROXY}
    del body[missing]

    assert (await api("PUT", f"{base(api)}/{one['id']}", body)).fields == {missing}


async def test_put_with_basic_needs_the_password_again(api: Api) -> None:
    one = await created(api, **BASIC)
    body = {"charge_box_id": "CP-1", **PROXY, "target_authentication_method": "Basic"}

    got = await api("PUT", f"{base(api)}/{one['id']}", body)
    assert got.fields == {"target_auth_basic_password"}


async def test_patch_changes_only_what_is_given(api: Api) -> None:
    one = await created(api, target_charge_box_id="T-1", **BASIC)
    url = "wss://new-third-party.com/ocpp/main"
    got = await api("PATCH", f"{base(api)}/{one['id']}", {"target_websocket_url": url})

    assert got.body["proxy_configuration"] == {**one, "target_websocket_url": url}
    assert await password_of(api, one["id"]) == SECRET


async def test_two_patches_at_once_both_hold(api: Api) -> None:
    one = f"{base(api)}/{(await created(api))['id']}"
    changes = {
        "target_platform_identifier": "Other",
        "target_charge_box_id": "T-1",
        "enabled": False,
    }
    await asyncio.gather(*(api("PATCH", one, {name: new}) for name, new in changes.items()))

    now = (await api.get(one))["proxy_configuration"]
    assert {name: now[name] for name in changes} == changes


async def test_patch_can_disable_and_empty(api: Api) -> None:
    one = await created(api, target_charge_box_id="T-1")
    body = {"enabled": False, "target_charge_box_id": None}
    got = await api("PATCH", f"{base(api)}/{one['id']}", body)

    assert got.body["proxy_configuration"]["enabled"] is False
    assert got.body["proxy_configuration"]["target_charge_box_id"] is None


async def test_a_password_that_is_not_used_any_more_is_forgotten(api: Api) -> None:
    one = await created(api, **BASIC)
    path = f"{base(api)}/{one['id']}"
    await api("PATCH", path, {"target_authentication_method": "None"})

    assert await password_of(api, one["id"]) is None
    again = await api("PATCH", path, {"target_authentication_method": "Basic"})
    assert again.fields == {"target_auth_basic_password"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"charge_box_id": "CP-2"}, "charge_box_id"),
        ({"target_websocket_url": "wss://192.168.0.1/"}, "target_websocket_url"),
        ({"target_websocket_url": None}, "target_websocket_url"),
        ({"enabled": 1}, "enabled"),
        ({"id": 7}, "id"),
    ],
)
async def test_a_change_that_cannot_be_is_named(
    api: Api, change: dict[str, Any], field: str
) -> None:
    one = await created(api)

    assert (await api("PATCH", f"{base(api)}/{one['id']}", change)).fields == {field}
    assert (await api.get(f"{base(api)}/{one['id']}"))["proxy_configuration"] == one


async def test_the_same_charger_may_be_named_again(api: Api) -> None:
    one = await created(api)

    got = await api("PATCH", f"{base(api)}/{one['id']}", {"charge_box_id": "CP-1"})
    assert got.status == 200


async def test_a_deleted_one_is_gone_and_its_id_is_not_used_again(api: Api) -> None:
    one = await created(api)
    got = await api("DELETE", f"{base(api)}/{one['id']}")

    assert got.body == {"success": True, "message": "Proxy configuration deleted successfully"}
    for method in ("GET", "DELETE"):
        assert (await api(method, f"{base(api)}/{one['id']}")).error == (404, "not_found")
    again = await api("POST", base(api), {"charge_box_id": "CP-1", **PROXY})
    assert again.body["proxy_configuration"]["id"] > one["id"]


DEFAULTS = {
    "actions": {},
    "authority": "target",
    "on_target_down": "accept_known",
    "late_reject": "notify",
    "orphan_policy": "minus_one",
    "boot_on_reconnect": "auto",
    "on_change": "keep",
    "drain_after_disconnect": True,
    "allow_missing_subprotocol": False,
}


async def test_a_policy_is_told_whole_and_kept(api: Api) -> None:
    given = {"authority": "platform", "actions": {"Reset": "error"}}
    one = await created(api, role="observe", policy=given)

    assert (one["role"], one["policy"]) == ("observe", {**DEFAULTS, **given})
    assert (await api.get(f"{base(api)}/{one['id']}"))["proxy_configuration"] == one


async def test_who_wishes_for_nothing_has_the_defaults(api: Api) -> None:
    assert (await created(api))["policy"] == DEFAULTS


async def test_patch_changes_only_the_wishes_that_are_given(api: Api) -> None:
    one = await created(api, policy={"authority": "platform", "actions": {"Reset": "error"}})
    path = f"{base(api)}/{one['id']}"
    for change in ({"on_target_down": "reject"}, {"actions": {"Reset": "answer"}}):
        assert (await api("PATCH", path, {"policy": change})).status == 200

    assert (await api.get(path))["proxy_configuration"]["policy"] == {
        **DEFAULTS,
        "authority": "platform",
        "on_target_down": "reject",
        "actions": {"Reset": "answer"},
    }


async def test_put_without_a_policy_takes_it_back(api: Api) -> None:
    one = await created(api, policy={"authority": "platform"})
    got = await api("PUT", f"{base(api)}/{one['id']}", {"charge_box_id": "CP-1", **PROXY})

    assert got.body["proxy_configuration"]["policy"] == DEFAULTS


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"authority": "nobody"}, "policy.authority"),
        ({"on_target_down": "hope"}, "policy.on_target_down"),
        ({"late_reject": None}, "policy.late_reject"),
        ({"orphan_policy": -1}, "policy.orphan_policy"),
        ({"boot_on_reconnect": True}, "policy.boot_on_reconnect"),
        ({"on_change": ""}, "policy.on_change"),
        ({"drain_after_disconnect": "yes"}, "policy.drain_after_disconnect"),
        ({"allow_missing_subprotocol": 1}, "policy.allow_missing_subprotocol"),
        ({"actions": {"Reset": "explode"}}, "policy.actions.Reset.value"),
        ({"actions": {"Heartbeat": "forward"}}, "policy.actions.Heartbeat.key"),
        ({"actions": []}, "policy.actions"),
        ({"colour": "red"}, "policy.colour"),
        ([], "policy"),
    ],
)
async def test_a_wish_that_cannot_be_is_named(api: Api, wish: Any, field: str) -> None:
    one = await created(api)
    for got in (
        await api("PATCH", f"{base(api)}/{one['id']}", {"policy": wish}),
        await api("POST", base(api), {"charge_box_id": "CP-1", **PROXY, "policy": wish}),
    ):
        assert got.fields == {field}
    assert (await api.get(f"{base(api)}/{one['id']}"))["proxy_configuration"] == one


async def test_the_status_of_a_link_is_told(api: Api) -> None:
    one = await created(api, enabled=False)
    api.clock.forward(seconds=90)
    status = (await api.get(f"{base(api)}/{one['id']}/status"))["status"]

    assert status == {
        "state": "disabled",
        "since": None,
        "last_error": None,
        "boot_status": None,
        "next_dial_at": None,
        "queue_length": 0,
        "oldest_age_seconds": 90.0,
        "dead_letters": 0,
        "skipped": 0,
    }


async def test_every_change_is_taken_up_by_the_relays(api: Api, relays: WatchedRelays) -> None:
    one = await created(api)
    path = f"{base(api)}/{one['id']}"
    body = {"charge_box_id": "CP-1", **PROXY}
    assert relays.configured == [api.charger_key("CP-1")]
    for method, change in (("PATCH", {"enabled": False}), ("PUT", body), ("DELETE", None)):
        relays.configured.clear()
        await api(method, path, change)

        assert relays.configured == [api.charger_key("CP-1")]


# ---- what is checked of the target's certificate ----


async def test_the_name_to_verify_is_kept_where_there_is_one_to_verify(api: Api) -> None:
    named = {"target_ca_certificate_domain": "ocpp.third-party.com"}
    one = await created(api, **named)
    path = f"{base(api)}/{one['id']}"
    assert one["target_ca_certificate_domain"] == "ocpp.third-party.com"
    for wrong in ("10.0.0.1", "*.third-party.com", "a b", "", "x" * 254, "::1", 1):
        got = await api("PATCH", path, {"target_ca_certificate_domain": wrong})
        assert got.fields == {"target_ca_certificate_domain"}
    assert (await api.get(path))["proxy_configuration"] == one
    lenient = replace(api.parts, guard=AddressGuard(allow_insecure=True))
    stored = await api.storage.proxy_configurations.get(api.organization_uuid, one["id"])
    assert stored is not None
    upper, plain = (
        replace(stored, target_websocket_url=f"{scheme}://third-party.com/")
        for scheme in ("WSS", "ws")
    )
    assert await checked(upper, lenient) == upper
    with pytest.raises(Invalid) as refused:
        await checked(plain, lenient)
    assert set(refused.value.details["fields_"]) == set(named)
    unnamed = replace(plain, target_ca_certificate_domain=None)
    assert await checked(unnamed, lenient) == unnamed


# ---- made by a version ----

DETAILS: dict[str, Any] = {
    "version": "v-1",
    "connectivity_mode": "DualProtocol",
    "url": "wss://cpo.example.com/ocpp",
    "ca_certificate": "PEM",
    "ca_certificate_domain": "cpo.example.com",
    "basic_auth_password": SECRET,
}


async def installed(api: Api, name: str = "CP-1", **more: Any) -> Any:
    """Have a version at a charger and return its configuration, if any, as it is told."""
    details = ConnectionDetails(
        organization_uuid=api.organization_uuid,
        created_by="key-1",
        created_at=api.clock.now(),
        **{**DETAILS, **more},
    )
    if await api.storage.connection_details.get(api.organization_uuid, details.version) is None:
        await api.storage.connection_details.add(details)
    wish = Wish(details=details, requested_by="key-1", claim="claim-1")
    await api.parts.commissioning.carry_out(api.charger_key(name), wish)
    return (await told(api)).get(name)


async def told(api: Api) -> dict[str, Any]:
    """Return what the list and each single answer tell, by charger."""
    listed = (await api.get(base(api)))["proxy_configurations"]
    for one in listed:
        assert (await api.get(f"{base(api)}/{one['id']}"))["proxy_configuration"] == one
    return {one["charge_box_id"]: one for one in listed}


def marks(one: Any) -> tuple[str | None, list[str]]:
    return one["connection_version"], one["drift"]


async def test_what_is_made_by_hand_is_of_no_version(api: Api) -> None:
    assert marks(await created(api)) == (None, [])
    assert marks((await told(api))["CP-1"]) == (None, [])


async def test_each_is_marked_with_its_own_version(api: Api) -> None:
    for name in ("CP-1", "CP-2", "CP-3", "CP-4"):
        await api.enrol(name)
    await installed(api, "CP-4")
    await installed(api, "CP-2", version="v-2", connectivity_mode="OcppOff")
    await installed(api, "CP-3", version="v-3", serial_number="CP-3")
    await installed(api, "CP-1")
    await api("POST", base(api), {"charge_box_id": "CP-2", **PROXY, "enabled": False})

    assert {name: marks(one) for name, one in (await told(api)).items()} == {
        "CP-1": ("v-1", []),
        "CP-2": ("v-2", []),
        "CP-3": ("v-3", []),
        "CP-4": ("v-1", []),
    }


BY_HAND: list[tuple[dict[str, Any], list[str]]] = [
    ({"enabled": False}, ["enabled"]),
    ({"target_websocket_url": "wss://else.example.com/"}, ["target_websocket_url"]),
    ({"target_charge_box_id": "T-9"}, ["target_charge_box_id"]),
    ({"target_auth_basic_password": "other"}, ["target_auth_basic_password"]),
    ({"target_auth_basic_username": "other"}, ["target_auth_basic_username"]),
    (
        {"target_authentication_method": "None"},
        ["target_authentication_method", "target_auth_basic_password"],
    ),
    (
        {"target_ca_certificate": None, "target_ca_certificate_domain": None},
        ["target_ca_certificate", "target_ca_certificate_domain"],
    ),
    # What a version does not decide.
    ({"mode": "strict", "role": "observe", "policy": {"authority": "platform"}}, []),
    ({"target_platform_identifier": "Renamed"}, []),
]


async def test_what_is_changed_by_hand_is_named_until_it_is_mended(api: Api) -> None:
    await api.enrol()
    one = await installed(api)
    assert marks(one) == ("v-1", [])
    for change, differs in BY_HAND:
        got = await api("PATCH", f"{base(api)}/{one['id']}", change)

        assert marks(got.body["proxy_configuration"]) == ("v-1", differs), change
        assert marks((await told(api))["CP-1"]) == ("v-1", differs)
        assert SECRET not in got.text
        assert marks(await installed(api)) == ("v-1", [])
    got = await api("PUT", f"{base(api)}/{one['id']}", {"charge_box_id": "CP-1", **PROXY})
    assert marks(got.body["proxy_configuration"])[1] == [
        "target_websocket_url",
        "target_authentication_method",
        "target_auth_basic_password",
        "target_charge_box_id",
        "target_ca_certificate",
        "target_ca_certificate_domain",
    ]


async def test_what_is_changed_back_is_no_drift_any_more(api: Api) -> None:
    await api.enrol()
    path = f"{base(api)}/{(await installed(api))['id']}"
    for enabled, differs in ((False, ["enabled"]), (True, [])):
        got = await api("PATCH", path, {"enabled": enabled})

        assert got.body["proxy_configuration"]["drift"] == differs


async def test_one_that_is_switched_on_by_hand_drifts_from_off(api: Api) -> None:
    await created(api)
    one = await installed(api, connectivity_mode="OcppOff")
    assert (one["enabled"], marks(one)) == (False, ("v-1", []))

    got = await api("PATCH", f"{base(api)}/{one['id']}", {"enabled": True})
    assert marks(got.body["proxy_configuration"]) == ("v-1", ["enabled"])


async def test_one_that_is_deleted_and_made_anew_by_hand_drifts(api: Api) -> None:
    await api.enrol()
    one = await installed(api)
    assert (await api("DELETE", f"{base(api)}/{one['id']}")).status == 200
    body = {
        "charge_box_id": "CP-1",
        **PROXY,
        **BASIC,
        "target_charge_box_id": "CP-1",
        "target_ca_certificate_domain": "cpo.example.com",
    }
    got = await api("POST", base(api), body)

    assert marks(got.body["proxy_configuration"]) == (
        "v-1",
        ["target_websocket_url", "target_ca_certificate"],
    )
    mended = await installed(api)
    assert (mended["id"], marks(mended)) == (got.body["proxy_configuration"]["id"], ("v-1", []))


async def test_a_password_that_the_target_has_set_is_no_drift(api: Api) -> None:
    await api.enrol()
    one = await installed(api)
    stored = await api.storage.proxy_configurations.get(api.organization_uuid, one["id"])
    assert stored is not None
    await api.storage.proxy_configurations.note_password(stored, "set-by-the-target")
    assert marks((await told(api))["CP-1"]) == ("v-1", [])

    change = {"target_auth_basic_password": "set-by-hand"}
    got = await api("PATCH", f"{base(api)}/{one['id']}", change)
    assert got.body["proxy_configuration"]["drift"] == ["target_auth_basic_password"]
