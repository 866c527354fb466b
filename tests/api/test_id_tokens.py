"""Tokens that an organization knows, under any spelling that OCPP allows."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Api


def path_of(api: Api, id_token: str) -> str:
    return f"{api.organization}/id_tokens/{quote(id_token, safe='')}"


async def add(api: Api, id_token: str, **more: Any) -> Any:
    got = await api("POST", f"{api.organization}/id_tokens", {"id_token": id_token, **more})
    assert got.status == 201, got.text
    return got.body["id_token"]


async def test_a_token_is_added_shown_changed_and_deleted(api: Api) -> None:
    card = {
        "type": "ISO14443",
        "status": "Accepted",
        "group_id_token": "Fleet",
        "comment": "the van",
        "expires_at": "2027-01-01T00:00:00.000Z",
    }
    added = await add(api, "04A2B3c4", **card)
    assert added == {"id_token": "04A2B3c4", **card, "created_at": "2026-11-21T10:00:00.000Z"}
    assert (await api.get(path_of(api, "04a2b3C4")))["id_token"] == added

    changed = await api("PATCH", path_of(api, "04A2B3C4"), {"status": "Blocked"})
    assert changed.body["id_token"] == {**added, "status": "Blocked"}
    assert (await api.get(f"{api.organization}/id_tokens"))["id_tokens"] == [
        {**added, "status": "Blocked"}
    ]

    assert (await api("DELETE", path_of(api, "04A2B3C4"))).status == 200
    for method in ("GET", "DELETE", "PATCH"):
        body: Any = {} if method == "PATCH" else None
        assert (await api(method, path_of(api, "04A2B3C4"), body)).error == (404, "not_found")


async def test_without_more_a_token_is_accepted(api: Api) -> None:
    added = await add(api, "TAG")

    assert (added["type"], added["status"], added["expires_at"]) == ("Central", "Accepted", None)


@pytest.mark.parametrize("id_token", ["A/B", "100%", "a b", "DE*ABC|1:2@3.4", "?x=1#y", "%2F"])
async def test_a_token_of_any_letters_is_found_by_its_path(api: Api, id_token: str) -> None:
    await add(api, id_token)

    assert (await api.get(path_of(api, id_token)))["id_token"]["id_token"] == id_token


async def test_the_same_token_in_other_letters_is_taken(api: Api) -> None:
    await add(api, "Tag")

    got = await api("POST", f"{api.organization}/id_tokens", {"id_token": "tAG"})
    assert got.error == (409, "conflict")


async def test_tokens_come_page_by_page(api: Api) -> None:
    for name in ("b", "C", "A"):
        await add(api, name)
    path = f"{api.organization}/id_tokens?limit=2"

    first = await api.get(path)
    rest = await api.get(f"{path}&cursor={first['next_cursor']}")

    assert [one["id_token"] for one in first["id_tokens"]] == ["A", "b"]
    assert ([one["id_token"] for one in rest["id_tokens"]], rest["next_cursor"]) == (["C"], None)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "id_token"),
        ({"id_token": ""}, "id_token"),
        ({"id_token": " TAG"}, "id_token"),
        ({"id_token": "T\u00c4G"}, "id_token"),
        ({"id_token": "x" * 256}, "id_token"),
        ({"id_token": 5}, "id_token"),
        ({"id_token": "TAG", "status": "Expired"}, "status"),
        ({"id_token": "TAG", "type": "RFID"}, "type"),
        ({"id_token": "TAG", "expires_at": "tomorrow"}, "expires_at"),
        ({"id_token": "TAG", "created_at": "2027-01-01T00:00:00Z"}, "created_at"),
    ],
)
async def test_what_is_no_token_is_refused_by_field(api: Api, body: Any, wrong: str) -> None:
    got = await api("POST", f"{api.organization}/id_tokens", body)

    assert got.fields == {wrong}


async def test_a_token_cannot_be_renamed(api: Api) -> None:
    await add(api, "TAG")

    assert (await api("PATCH", path_of(api, "TAG"), {"id_token": "X"})).fields == {"id_token"}
