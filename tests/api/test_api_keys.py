"""API keys: made once, listed without their secret, revoked at once; and whose they are."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api


def base(api: Api) -> str:
    return f"{api.organization}/api_keys"


async def test_a_key_is_told_once_and_works(api: Api) -> None:
    got = await api("POST", base(api), {"scope": "operate"})
    assert got.status == 201
    key = got.body["api_key"]
    secret = key.pop("api_key")

    assert (key["scope"], key["expires_at"], key["revoked_at"]) == ("operate", None, None)
    headers = {"x-api-key": secret}
    assert (await api("GET", "/api/v1/organizations", headers=headers)).status == 200
    listed = await api("GET", base(api))
    assert key["key_id"] in {each["key_id"] for each in listed.body["api_keys"]}
    assert secret not in listed.text


async def test_who_asks_is_told_which_key_is_his_own(api: Api) -> None:
    made = (await api("POST", base(api), {"scope": "admin"})).body["api_key"]
    assert made["own"] is False

    headers = {"x-api-key": made["api_key"]}
    theirs = (await api("GET", base(api), headers=headers)).body["api_keys"]
    assert [key["key_id"] for key in theirs if key["own"]] == [made["key_id"]]
    ours = (await api.get(base(api)))["api_keys"]
    assert [key["own"] for key in ours if key["key_id"] != made["key_id"]] == [True]


async def test_by_default_a_key_only_reads(api: Api) -> None:
    assert (await api("POST", base(api), {})).body["api_key"]["scope"] == "read"


async def test_a_revoked_key_is_refused_from_the_next_request_on(api: Api) -> None:
    key = (await api("POST", base(api), {})).body["api_key"]
    got = await api("DELETE", f"{base(api)}/{key['key_id']}")

    assert got.body == {"success": True, "message": "API key revoked successfully"}
    headers = {"x-api-key": key["api_key"]}
    assert (await api("GET", "/api/v1/organizations", headers=headers)).status == 401
    assert (await api("DELETE", f"{base(api)}/{key['key_id']}")).error == (404, "not_found")


async def test_another_organizations_key_cannot_be_revoked(api: Api) -> None:
    theirs = await api.neighbour()
    (key,) = (await theirs.get(base(theirs)))["api_keys"]

    assert (await api("DELETE", f"{base(api)}/{key['key_id']}")).error == (404, "not_found")
    assert (await theirs.get(base(theirs)))["api_keys"][0]["revoked_at"] is None


@pytest.mark.parametrize("moment", ["2026-11-21T10:00:00Z", "2020-01-01T00:00:00Z", "tomorrow"])
async def test_a_key_cannot_begin_expired(api: Api, moment: str) -> None:
    assert (await api("POST", base(api), {"expires_at": moment})).fields == {"expires_at"}


async def test_keys_come_page_by_page(api: Api) -> None:
    for _ in range(2):
        await api("POST", base(api), {})
    whole = (await api.get(base(api)))["api_keys"]
    first = await api.get(f"{base(api)}?limit=2")
    rest = await api.get(f"{base(api)}?limit=2&cursor={first['next_cursor']}")

    assert len(whole) == 3
    assert [each["key_id"] for each in first["api_keys"] + rest["api_keys"]] == [
        each["key_id"] for each in whole
    ]
    assert rest["next_cursor"] is None


async def test_a_key_sees_its_own_organization(api: Api) -> None:
    await api.neighbour()
    (organization,) = (await api.get("/api/v1/organizations"))["organizations"]

    assert organization == {
        "organization_uuid": api.organization_uuid,
        "name": "Tests",
        "created_at": "2026-11-21T10:00:00.000Z",
        "role": "admin",
    }
