"""Sites: which chargers stand in one place, and what becomes of them when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from api.errors import Invalid
from api.schemas.sites import MOST_CHARGERS
from api.sites import moves_of
from proxy.rollouts import Canary
from storage.commissioning_records import ConnectionDetails
from tests.api.conftest import Answer, Api
from tests.doubles import PATIENCE
from tests.storage.records import charger

NOWHERE = "00000000-0000-4000-8000-999999999999"


def base(api: Api) -> str:
    return f"{api.organization}/sites"


async def enrolled(api: Api, names: Iterable[str]) -> None:
    for name in names:
        key = api.charger_key(name)
        await api.storage.chargers.enroll(charger(key), None)


async def created(api: Api, *chargers: str, name: str = "Depot") -> Any:
    got = await api("POST", base(api), {"name": name, "chargers": chargers})
    assert got.status == 201, got.text
    return got.body["site"]


async def changed(api: Api, site: Any, **change: Any) -> Any:
    got = await api("PATCH", f"{base(api)}/{site['site_id']}", change)
    assert got.status == 200, got.text
    return got.body["site"]


async def site_of(api: Api, name: str) -> str | None:
    shown = await api.get(f"{api.organization}/chargers/{name}")
    found: str | None = shown["charger"]["site_id"]
    return found


# ---- made, shown, listed ----


async def test_a_site_is_created_and_shown_with_its_chargers_in_order(api: Api) -> None:
    await enrolled(api, ("b", "a", "C"))
    got = await api("POST", base(api), {"name": "Depot", "chargers": ["b", "C", "b"]})
    site = got.body["site"]

    assert got.status == 201
    assert got.body == {
        "success": True,
        "message": "Site created successfully",
        "site": {
            "site_id": site["site_id"],
            "name": "Depot",
            "charger_count": 2,
            "created_at": "2026-11-21T10:00:00.000Z",
            "updated_at": "2026-11-21T10:00:00.000Z",
            "chargers": ["C", "b"],
        },
    }
    shown = await api.get(f"{base(api)}/{site['site_id']}")
    assert shown == {**got.body, "message": "Site retrieved successfully"}
    assert [await site_of(api, name) for name in "abC"] == [None, site["site_id"], site["site_id"]]


async def test_a_site_may_begin_empty(api: Api) -> None:
    got = await api("POST", base(api), {"name": "Depot"})

    assert (got.status, got.body["site"]["chargers"]) == (201, [])


async def test_a_list_counts_the_chargers_and_comes_in_pages(api: Api) -> None:
    await enrolled(api, "abc")
    made = [await created(api, *names, name=names or "empty") for names in ("ab", "", "c")]
    for site in made:
        del site["chargers"]
    first = await api.get(f"{base(api)}?limit=2")
    rest = await api.get(f"{base(api)}?limit=2&cursor={first['next_cursor']}")

    assert first["sites"] + rest["sites"] == made
    assert [site["charger_count"] for site in made] == [2, 0, 1]
    assert rest["next_cursor"] is None
    theirs = await api.neighbour()
    assert (await theirs.get(base(theirs)))["sites"] == []


async def test_the_chargers_of_one_site_are_listed_alone(api: Api) -> None:
    await enrolled(api, "abcd")
    site = await created(api, "d", "b", "c")
    path = f"{api.organization}/chargers?site_id={site['site_id']}&limit=2"
    first = await api.get(path)
    rest = await api.get(f"{path}&cursor={first['next_cursor']}")

    assert [[one["charge_box_id"] for one in page["chargers"]] for page in (first, rest)] == [
        ["b", "c"],
        ["d"],
    ]
    nobody = await api.get(f"{api.organization}/chargers?site_id={NOWHERE}")
    assert (nobody["chargers"], nobody["next_cursor"]) == ([], None)


# ---- changed ----


@pytest.mark.parametrize(
    ("change", "chargers"),
    [
        ({"chargers": ["b", "c"]}, ["b", "c"]),
        ({"chargers": []}, []),
        ({"add_chargers": ["c"], "remove_chargers": ["a"]}, ["b", "c"]),
        ({"add_chargers": ["a"]}, ["a", "b"]),
        ({"remove_chargers": ["a", "c"]}, ["b"]),
        ({"name": "Yard"}, ["a", "b"]),
        ({}, ["a", "b"]),
    ],
)
@pytest.mark.one_of_each("many ways to say who is there")
async def test_a_change_says_who_is_there_from_now_on(
    api: Api, change: dict[str, Any], chargers: list[str]
) -> None:
    await enrolled(api, "abc")
    site = await created(api, "a", "b")
    api.clock.forward(minutes=1)
    after = await changed(api, site, **change)

    assert after == {
        **site,
        "name": change.get("name", "Depot"),
        "chargers": chargers,
        "charger_count": len(chargers),
        "updated_at": "2026-11-21T10:01:00.000Z",
    }
    assert [name for name in "abc" if await site_of(api, name)] == chargers


async def test_changes_at_once_all_hold(api: Api) -> None:
    names = [f"CP-{number}" for number in range(8)]
    await enrolled(api, names)
    site = await created(api, *names[:4])
    await asyncio.gather(
        *(changed(api, site, add_chargers=[name]) for name in names[4:]),
        *(changed(api, site, remove_chargers=[name]) for name in names[:4]),
    )

    assert (await api.get(f"{base(api)}/{site['site_id']}"))["site"]["chargers"] == names[4:]


async def test_of_two_sites_that_want_a_charger_at_once_one_has_it(api: Api) -> None:
    await enrolled(api, "a")
    both = await asyncio.gather(
        *(api("POST", base(api), {"name": name, "chargers": ["a"]}) for name in ("One", "Two"))
    )

    made, refused = sorted(both, key=lambda got: got.status)
    assert (made.status, refused.error) == (201, (409, "conflict"))
    assert await site_of(api, "a") == made.body["site"]["site_id"]
    assert len((await api.get(base(api)))["sites"]) == 1


async def test_of_two_changes_that_want_a_charger_at_once_one_has_it(api: Api) -> None:
    await enrolled(api, "a")
    sites = [await created(api, name=name) for name in ("One", "Two")]
    paths = [f"{base(api)}/{site['site_id']}" for site in sites]
    both = await asyncio.gather(
        *(api("PATCH", path, {"add_chargers": ["a"], "name": "Changed"}) for path in paths)
    )

    made, refused = sorted(both, key=lambda got: got.status)
    assert (made.status, refused.error) == (200, (409, "conflict"))
    assert await site_of(api, "a") == made.body["site"]["site_id"]
    assert sorted(one["name"] for one in (await api.get(base(api)))["sites"]) != ["Changed"] * 2


# ---- what cannot be ----


async def told_of_both(api: Api, site: Any, field: str, names: list[str]) -> list[Answer]:
    """Ask for chargers in a change and, where it is their field, in a new site."""
    answers = [await api("PATCH", f"{base(api)}/{site['site_id']}", {field: names})]
    if field == "chargers":
        answers.append(await api("POST", base(api), {"name": "Other", "chargers": names}))
    return answers


@pytest.mark.parametrize("field", ["chargers", "add_chargers", "remove_chargers"])
async def test_an_unknown_charger_is_named(api: Api, field: str) -> None:
    await enrolled(api, "a")
    await enrolled(await api.neighbour(), "z")
    site = await created(api, "a")

    for got in await told_of_both(api, site, field, ["a", "y", "z", "y"]):
        assert got.fields == {field}
        assert got.body["fields"][field] == ["There is no charger y.", "There is no charger z."]
    assert (await api.get(base(api)))["sites"][0]["charger_count"] == 1


@pytest.mark.parametrize("field", ["chargers", "add_chargers"])
async def test_a_charger_of_another_site_stays_there(api: Api, field: str) -> None:
    await enrolled(api, "abc")
    site = await created(api, "a")
    other = (await created(api, "b", name="Yard"))["site_id"]

    for got in await told_of_both(api, site, field, ["c", "b"]):
        assert got.error == (409, "conflict")
        assert got.body["message"] == (
            f"Charger b belongs to the site Yard ({other}): take it out of there first."
        )
        assert got.body["fields"] == {field: [f"b belongs to the site {other}."]}
    assert await site_of(api, "b") == other
    assert await site_of(api, "c") is None


NO_SITES: list[tuple[Any, str]] = [
    ({}, "name"),
    ({"name": ""}, "name"),
    ({"name": "x" * 256}, "name"),
    ({"name": "x\n"}, "name"),
    ({"name": None}, "name"),
    ({"name": "x", "chargers": None}, "chargers"),
    ({"name": "x", "chargers": "a"}, "chargers"),
    ({"name": "x", "chargers": ["a", "b:c"]}, "chargers.1"),
    ({"name": "x", "chargers": ["a"] * (MOST_CHARGERS + 1)}, "chargers"),
    ({"name": "x", "add_chargers": ["a"]}, "add_chargers"),
    ({"name": "x", "site_id": NOWHERE}, "site_id"),
]


@pytest.mark.sqlite_only("it is refused before anything is stored")
async def test_what_is_no_site_is_named(api: Api) -> None:
    for body, field in NO_SITES:
        assert (await api("POST", base(api), body)).fields == {field}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chargers": ["a"], "add_chargers": ["b"]}, "chargers"),
        ({"chargers": ["a"], "remove_chargers": ["b"]}, "chargers"),
        ({"add_chargers": ["a", "b"], "remove_chargers": ["b"]}, "remove_chargers"),
    ],
)
def test_a_change_that_contradicts_itself_is_refused(change: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        moves_of(change, {"a"})

    assert set(refused.value.details["fields_"]) == {field}


async def test_a_site_is_full_one_day(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.sites.MOST_CHARGERS", 2)
    await enrolled(api, "abcd")
    site = await created(api, "a", "b")
    path, full = f"{base(api)}/{site['site_id']}", [f"A site has {MOST_CHARGERS} chargers at most."]

    assert (await api("PATCH", path, {"add_chargers": ["c"]})).body["fields"] == {
        "add_chargers": full
    }
    into = {"site_id": site["site_id"]}
    for got in (
        await api("PATCH", f"{api.organization}/chargers/c", into),
        await api("POST", f"{api.organization}/chargers", {"charge_box_id": "e", **into}),
    ):
        assert got.body["fields"] == {"site_id": full}
    assert (await api("PATCH", f"{api.organization}/chargers/a", into)).status == 200
    swapped = await changed(api, site, add_chargers=["c"], remove_chargers=["a"])
    assert swapped["chargers"] == ["b", "c"]


async def test_a_big_site_is_made_by_one_call(api: Api) -> None:
    names = [f"CP-{number:04}" for number in range(500)]
    await asyncio.gather(
        *(api.storage.chargers.enroll(charger(api.charger_key(name)), None) for name in names)
    )
    site = await created(api, *names)

    assert (site["charger_count"], site["chargers"]) == (500, names)


# ---- its end ----


async def test_a_deleted_site_leaves_its_chargers_in_peace(api: Api) -> None:
    await api.enrol_with_proxy("a")
    site = await created(api, "a")
    path = f"{base(api)}/{site['site_id']}"
    before = (await api.get(f"{api.organization}/chargers/a"))["charger"]

    got = await api("DELETE", path)
    assert got.body == {"success": True, "message": "Site deleted successfully"}
    after = (await api.get(f"{api.organization}/chargers/a"))["charger"]
    assert after == {**before, "site_id": None}
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert (await api(method, path, body)).error == (404, "not_found")
    await created(api, "a", name="Next")


async def test_what_is_being_rolled_out_to_a_deleted_site_ends(api: Api) -> None:
    await enrolled(api, "ab")
    made = await created(api, "a", "b")
    site = await api.storage.sites.get(api.organization_uuid, made["site_id"])
    assert site is not None
    chargers = await api.storage.chargers.of_site(api.organization_uuid, site.site_id)
    waits = Canary(chargers=1, seconds=1000)  # nobody is ever linked here
    rollouts, details = api.parts.rollouts, await stored_details(api)
    rollout = await rollouts.begin(site, chargers, details, waits, "key-1")
    async with asyncio.timeout(PATIENCE):
        while await states(api) != {"a": "applied", "b": "pending"}:
            pass

    assert (await api("DELETE", f"{base(api)}/{site.site_id}")).status == 200
    assert await states(api) == {"a": "applied", "b": "halted"}
    assert await api.storage.rollouts.get(api.organization_uuid, rollout.rollout_id) is None
    (left,) = (await api.get(f"{api.organization}/proxy_configurations"))["proxy_configurations"]
    assert (left["charge_box_id"], left["connection_version"]) == ("a", "v-1")
    again = await created(api, "a", "b")
    assert (await api("DELETE", f"{base(api)}/{again['site_id']}")).status == 200


async def states(api: Api) -> dict[str, str]:
    found = await api.storage.installations.of(api.organization_uuid, "ab")
    return {name: one.state for name, one in found.items()}


async def stored_details(api: Api) -> ConnectionDetails:
    """Store a version that any charger can have."""
    return await api.storage.connection_details.add(
        ConnectionDetails(
            version="v-1",
            organization_uuid=api.organization_uuid,
            connectivity_mode="DualProtocol",
            url="wss://cpo.example.com/ocpp",
            created_by="key-1",
            created_at=api.clock.now(),
        )
    )
