"""Organizations: their own, and what they have set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api


async def test_a_key_sees_its_own_organization(api: Api) -> None:
    await api.neighbour()

    (one,) = (await api.get("/api/v1/organizations"))["organizations"]

    assert one["organization_uuid"] == api.organization_uuid


async def test_an_organization_accepts_every_token_until_it_says_otherwise(api: Api) -> None:
    path, theirs = f"{api.organization}/settings", await api.neighbour()
    assert (await api.get(path))["settings"] == {"authorization": "accept_all"}

    for setting in ("known", "reject"):
        changed = await api("PATCH", path, {"authorization": setting})
        assert changed.body["settings"] == {"authorization": setting}
        assert await api.get(path) == changed.body
    assert (await theirs.get(f"{theirs.organization}/settings"))["settings"] == {
        "authorization": "accept_all"
    }


async def test_only_an_admin_changes_them(api: Api) -> None:
    path, operator = f"{api.organization}/settings", await api.with_scope("operate")

    assert (await operator("PATCH", path, {"authorization": "known"})).error == (403, "forbidden")
    assert (await operator.get(path))["settings"] == {"authorization": "accept_all"}


@pytest.mark.parametrize("body", [{}, {"authorization": "some"}, {"authorization": None}])
async def test_what_cannot_be_set_is_refused(api: Api, body: Any) -> None:
    got = await api("PATCH", f"{api.organization}/settings", body)

    assert got.fields == {"authorization"}
