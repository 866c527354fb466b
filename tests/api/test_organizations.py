"""Organizations: their own, and what they have set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api


async def test_a_key_sees_its_own_organization(api: Api) -> None:
    await api.neighbour()

    (one,) = (await api.get("/api/v1/organizations"))["organizations"]

    assert one["organization_uuid"] == api.organization_uuid


NOTHING_SAID = {"messages": None, "meter_values": None, "commands": None, "audit": None}
AT_FIRST = {"authorization": "accept_all", "retention": NOTHING_SAID}


async def test_an_organization_accepts_every_token_until_it_says_otherwise(api: Api) -> None:
    path, theirs = f"{api.organization}/settings", await api.neighbour()
    assert (await api.get(path))["settings"] == AT_FIRST

    for setting in ("known", "reject"):
        changed = await api("PATCH", path, {"authorization": setting})
        assert changed.body["settings"] == {**AT_FIRST, "authorization": setting}
        assert await api.get(path) == changed.body
    assert (await theirs.get(f"{theirs.organization}/settings"))["settings"] == AT_FIRST


async def test_how_long_what_is_kept_is_set_kind_by_kind(api: Api) -> None:
    path, theirs = f"{api.organization}/settings", await api.neighbour()

    await api("PATCH", path, {"retention": {"messages": 1, "audit": 3650}})
    changed = await api("PATCH", path, {"retention": {"messages": 7, "audit": None}})

    assert changed.body["settings"] == {
        "authorization": "accept_all",
        "retention": {**NOTHING_SAID, "messages": 7},
    }
    assert await api.get(path) == changed.body
    assert (await theirs.get(f"{theirs.organization}/settings"))["settings"] == AT_FIRST


@pytest.mark.parametrize("body", [{}, {"retention": {}}])
async def test_what_is_not_given_stays(api: Api, body: Any) -> None:
    path = f"{api.organization}/settings"
    before = await api("PATCH", path, {"authorization": "known", "retention": {"commands": 30}})

    assert (await api("PATCH", path, body)).body == before.body


async def test_only_an_admin_changes_them(api: Api) -> None:
    path, operator = f"{api.organization}/settings", await api.with_scope("operate")

    for body in ({"authorization": "known"}, {"retention": {"messages": 1}}):
        assert (await operator("PATCH", path, body)).error == (403, "forbidden")
    assert (await operator.get(path))["settings"] == AT_FIRST


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"authorization": "some"}, "authorization"),
        ({"authorization": None}, "authorization"),
        ({"retention": None}, "retention"),
        ({"retention": 90}, "retention"),
        ({"retention": [90]}, "retention"),
        ({"retention": {"messages": 0}}, "retention.messages"),
        ({"retention": {"messages": -1}}, "retention.messages"),
        ({"retention": {"meter_values": 3651}}, "retention.meter_values"),
        ({"retention": {"commands": 10**30}}, "retention.commands"),
        ({"retention": {"audit": "90"}}, "retention.audit"),
        ({"retention": {"audit": 1.5}}, "retention.audit"),
        ({"retention": {"audit": True}}, "retention.audit"),
        ({"retention": {"forever": 90}}, "retention.forever"),
    ],
)
async def test_what_cannot_be_set_is_refused(api: Api, body: Any, named: str) -> None:
    got = await api("PATCH", f"{api.organization}/settings", body)

    assert {name.removesuffix("._schema") for name in got.fields} == {named}
    assert (await api.get(f"{api.organization}/settings"))["settings"] == AT_FIRST


async def test_a_number_of_days_out_of_bounds_is_told_the_bounds(api: Api) -> None:
    got = await api("PATCH", f"{api.organization}/settings", {"retention": {"messages": 0}})

    assert "Wanted are 1 to 3650 days." in str(got.body)
