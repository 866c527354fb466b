"""A version is applied to a whole site and taken back, and each charger can be followed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.states import Glance, State
from storage.records import ChargerKey
from tests.api.commissioned import (
    PASSWORD,
    READY,
    TEMPLATE,
    SiteCalls,
    ToldRelays,
    apply,
    configuration,
    connections,
    shown,
    site_of,
    states,
    store,
)
from tests.api.conftest import Api, operation_of
from tests.doubles import PATIENCE

THREE = ("CP-1", "CP-2", "CP-3")
NEW_URL = "wss://new.example.com/{target_charge_box_id}"


@pytest.fixture
def relays() -> ToldRelays:
    return ToldRelays(links=READY)


@pytest.fixture
async def site(api: Api) -> SiteCalls:
    """Return a site of three chargers, beside one that is nowhere."""
    for number in range(1, 5):
        await api.enrol(f"CP-{number}", serial_number=f"EH{number}")
    await store(api)
    await store(api, "v2", url="wss://new.example.com")
    return SiteCalls(api, await site_of(api, *THREE))


async def urls(api: Api, *names: str) -> list[str | None]:
    found = [await configuration(api, name) for name in names]
    return [one.target_websocket_url if one and one.enabled else None for one in found]


# ---- apply ----


async def test_a_version_is_applied_to_every_charger_of_the_site(
    api: Api, site: SiteCalls, relays: ToldRelays
) -> None:
    got = await site.apply("v1")

    assert got.status == 202
    results = got.body.pop("results")
    assert got.body == {
        "siteId": "site-1",
        "version": "v1",
        "rolloutId": got.body["rolloutId"],
    }
    assert [(one["serialNumber"], one["charge_box_id"], one["error"]) for one in results] == [
        ("EH1", "CP-1", None),
        ("EH2", "CP-2", None),
        ("EH3", "CP-3", None),
    ]
    assert {*results[0]} == {"serialNumber", "charge_box_id", "state", "error"}
    found = await site.ended(await site.apply("v1"))
    assert found["rollout"]["rolloutId"] == got.body["rolloutId"]
    assert await urls(api, *THREE) == [TEMPLATE] * 3
    assert await configuration(api, "CP-4") is None
    assert set(relays.configured) == {api.charger_key(name) for name in THREE}


async def test_a_rollout_can_be_followed(api: Api, site: SiteCalls) -> None:
    rollout = (await site.ended(await site.apply("v1")))["rollout"]
    (key,) = await api.storage.api_keys.list(api.organization_uuid)

    assert rollout == {
        "rolloutId": rollout["rolloutId"],
        "version": "v1",
        "takesBack": None,
        "state": "done",
        "error": None,
        "canary": None,
        "requestedBy": key.key_id,
        "createdAt": "2026-11-21T10:00:00.000Z",
        "finishedAt": "2026-11-21T10:00:00.000Z",
        "counts": {
            "pending": 0,
            "applied": 3,
            "unchanged": 0,
            "failed": 0,
            "halted": 0,
            "superseded": 0,
            "gone": 0,
        },
    }
    found = await api.get(site.path)
    assert (found["siteId"], found["name"], found["rollout"]) == ("site-1", "Harbour", rollout)
    assert states(found) == dict.fromkeys(THREE, "applied")
    assert found["results"] == [await shown(api, name) for name in THREE]
    assert {one["siteId"] for one in found["results"]} == {"site-1"}
    step = (await site.rollout(rollout["rolloutId"]))["results"][0]
    assert step == {
        "serialNumber": "EH1",
        "charge_box_id": "CP-1",
        "state": "applied",
        "error": None,
        "finishedAt": "2026-11-21T10:00:00.000Z",
    }


async def test_the_same_version_again_is_the_same_rollout(api: Api, site: SiteCalls) -> None:
    first = await site.ended(await site.apply("v1"))
    again = await site.ended(await site.apply("v1"))

    assert again["rollout"]["rolloutId"] == first["rollout"]["rolloutId"]
    assert states(again) == dict.fromkeys(THREE, "unchanged")
    assert len((await api.get(f"{site.path}/rollouts"))["rollouts"]) == 1


async def test_an_empty_site_is_done_at_once(api: Api) -> None:
    await store(api)
    empty = SiteCalls(api, await site_of(api))

    got = await empty.apply("v1")
    assert (got.status, got.body["results"]) == (202, [])
    assert (await empty.ended(got))["rollout"]["state"] == "done"
    assert (await empty.apply("v1", "?dryRun=true")).body["results"] == []
    assert (await api.get(empty.path))["results"] == []
    assert await empty.rolled_back() == {}


async def test_what_fails_at_one_charger_is_told_there(api: Api, site: SiteCalls) -> None:
    await api.enrol("CP-5", serial_number="EH/5")
    other = SiteCalls(api, await site_of(api, "CP-4", "CP-5", site_id="site-2"))

    found = await other.ended(await other.apply("v1"))

    assert found["rollout"]["state"] == "done"
    assert states(found) == {"CP-4": "applied", "CP-5": "failed"}
    wrong = found["results"][1]["error"]
    assert "serial number" in wrong
    told = (await api.get(other.path))["results"][1]
    assert (told["wantedVersion"], told["appliedVersion"], told["state"], told["error"]) == (
        "v1",
        None,
        "failed",
        wrong,
    )


async def test_canaries_that_are_linked_let_the_others_follow(api: Api, site: SiteCalls) -> None:
    canary = {"chargers": 1, "seconds": 60}
    found = await site.ended(await site.apply("v1", canary=canary))

    assert (found["rollout"]["state"], found["rollout"]["canary"]) == ("done", canary)
    assert states(found) == dict.fromkeys(THREE, "applied")


async def test_a_canary_that_is_not_linked_halts_the_rollout(
    api: Api, site: SiteCalls, relays: ToldRelays
) -> None:
    relays.links = Glance(State.BACKOFF, "The target's certificate is for another name.")
    found = await site.ended(await site.apply("v1", canary={"chargers": 1, "seconds": 1}))

    assert found["rollout"]["state"] == "halted"
    assert "CP-1: The target's certificate is for another name." in found["rollout"]["error"]
    assert states(found) == {"CP-1": "applied", "CP-2": "halted", "CP-3": "halted"}
    left = await shown(api, "CP-2")
    assert (left["wantedVersion"], left["appliedVersion"], left["state"]) == ("v1", None, "halted")
    assert await urls(api, *THREE) == [TEMPLATE, None, None]


# ---- take back ----


async def test_a_rollback_returns_every_charger_to_what_it_had(api: Api, site: SiteCalls) -> None:
    await apply(api, "CP-1", "v1")
    before = await configuration(api)
    assert await site.applied("v2") == dict.fromkeys(THREE, "applied")

    got = await site.roll_back()
    found = await site.ended(got)

    assert (got.status, got.body["version"], got.body["siteId"]) == (202, None, "site-1")
    assert states(found) == dict.fromkeys(THREE, "applied")
    (back, rollout) = (await api.get(f"{site.path}/rollouts"))["rollouts"]
    assert (back["takesBack"], back["version"]) == (rollout["rolloutId"], None)
    assert await urls(api, *THREE) == [TEMPLATE, None, None]
    after = await configuration(api)
    assert before is not None
    assert after is not None
    assert after.target_auth_basic_password == before.target_auth_basic_password
    assert (await shown(api, "CP-1"))["appliedVersion"] == "v1"
    nothing = await shown(api, "CP-2")
    assert (nothing["appliedVersion"], nothing["linkState"]) == (None, "disabled")

    again = await site.roll_back()
    assert again.body["rolloutId"] == got.body["rolloutId"]


async def test_a_rollback_leaves_alone_what_somebody_has_applied_since(
    api: Api, site: SiteCalls
) -> None:
    await site.applied("v1")
    await apply(api, "CP-2", "v2")

    assert set(await site.rolled_back()) == {"CP-1", "CP-3"}
    assert await urls(api, *THREE) == [None, NEW_URL, None]


@pytest.mark.one_of_each("many ways to ask the same")
@pytest.mark.parametrize("query", ["", "?dryRun=true"])
async def test_where_nothing_was_applied_there_is_nothing_to_take_back(
    api: Api, site: SiteCalls, query: str
) -> None:
    await apply(api, "CP-1", "v1")  # which is not the site's

    got = await site.roll_back(query)

    assert got.error == (409, "conflict")
    assert "nothing to take back" in got.body["message"]


# ---- dry runs ----


async def test_a_dry_run_says_what_would_become_of_each_charger(
    api: Api, site: SiteCalls, relays: ToldRelays
) -> None:
    await apply(api, "CP-1", "v1")
    await apply(api, "CP-2", "v2")
    await api.storage.chargers.update(api.charger_key("CP-3"), serial_number="EH/3")
    relays.configured.clear()

    got = await site.apply("v1", "?dryRun=true")

    results = got.body.pop("results")
    assert (got.status, got.body) == (200, {"dryRun": True, "siteId": "site-1", "version": "v1"})
    assert {one["charge_box_id"]: one["state"] for one in results} == {
        "CP-1": "unchanged",
        "CP-2": "applied",
        "CP-3": "failed",
    }
    assert results[0] == {
        "serialNumber": "EH1",
        "charge_box_id": "CP-1",
        "state": "unchanged",
        "error": None,
        "changes": [],
    }
    change = {"field": "target_websocket_url", "from": NEW_URL, "to": TEMPLATE}
    assert results[1]["changes"] == [change]
    assert (results[2]["changes"], "serial number" in results[2]["error"]) == ([], True)
    assert PASSWORD not in got.text
    assert (await api.get(site.path))["rollout"] is None
    assert await urls(api, *THREE) == [TEMPLATE, NEW_URL, None]
    assert relays.configured == []


async def test_a_dry_run_says_what_a_rollback_would_come_to(api: Api, site: SiteCalls) -> None:
    await apply(api, "CP-1", "v1")
    await site.applied("v2")
    await apply(api, "CP-3", "v1")
    newest = (await api.get(site.path))["rollout"]

    got = await site.roll_back("?dryRun=true")

    assert (got.status, got.body["dryRun"], got.body["version"]) == (200, True, None)
    assert states(got.body) == {"CP-1": "applied", "CP-2": "applied", "CP-3": "superseded"}
    changes = {one["charge_box_id"]: one["changes"] for one in got.body["results"]}
    assert changes["CP-1"] == [{"field": "target_websocket_url", "from": NEW_URL, "to": TEMPLATE}]
    assert changes["CP-2"] == [{"field": "enabled", "from": True, "to": False}]
    assert changes["CP-3"] == []
    assert (await api.get(site.path))["rollout"] == newest
    assert await site.rolled_back() == {"CP-1": "applied", "CP-2": "applied"}
    assert (await site.roll_back("?dryRun=true")).body["results"] == []


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_dry_run_that_is_misspelt_is_not_carried_out(api: Api, site: SiteCalls) -> None:
    await site.applied("v1")
    rollback = f"{site.path}/rollback"

    for query, named in {"?dryrun=true": "dryrun", "?dryRun=true&dryRun=true": "dryRun"}.items():
        for got in (await site.apply("v2", query), await site.roll_back(query)):
            assert got.fields == {named}, query
    for body in ({"dryRun": True}, {"version": "v1"}):
        assert (await api("POST", rollback, body)).fields == {*body}
    for text in ("[]", "false", '"dryRun"'):
        assert (await api("POST", rollback, text=text)).fields == {"body"}
    assert (await api("POST", rollback, text="{")).error == (400, "invalid_json")
    assert await urls(api, *THREE) == [TEMPLATE] * 3


@pytest.mark.sqlite_only("nothing is stored")
async def test_a_rollback_needs_no_body(api: Api, site: SiteCalls) -> None:
    await site.applied("v1")
    path, form = f"{site.path}/rollback?dryRun=true", "application/x-www-form-urlencoded"

    for text in (None, "", "{}", "null"):
        assert (await api("POST", path, text=text)).status == 200, text
    empty = await api("POST", path, headers={"x-api-key": api.key, "Content-Type": form})
    assert empty.status == 200
    described = operation_of("POST", path)
    assert described is not None
    assert described["requestBody"]["required"] is False


@pytest.mark.sqlite_only("the queries are the same")
async def test_how_many_are_shown_is_no_question_of_how_often_the_database_is_asked(
    api: Api, site: SiteCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CP-1a", "CP-1b", "CP-2a"):  # between those of the site
        await apply(api, (await api.enrol(name))["charge_box_id"], "v1")
    rollout = (await site.ended(await site.apply("v1")))["rollout"]
    fetch, asked = type(api.storage.database).fetch, list[int]()

    async def counted(*arguments: Any, **named: Any) -> Any:
        rows = await fetch(*arguments, **named)
        asked.append(len(rows))
        return rows

    monkeypatch.setattr(type(api.storage.database), "fetch", counted)
    for path in (site.path, f"{site.path}/rollouts/{rollout['rolloutId']}"):
        counts = []
        for limit in (1, 3):
            asked.clear()
            assert len((await api.get(f"{path}?limit={limit}"))["results"]) == limit
            counts.append(len(asked))
            assert max(asked) <= 3

        assert counts[0] == counts[1]


# ---- pages ----


async def test_chargers_steps_and_rollouts_are_paged(api: Api, site: SiteCalls) -> None:
    await site.applied("v1")
    await site.applied("v2")
    await site.rolled_back()
    (back, *_) = (await api.get(f"{site.path}/rollouts"))["rollouts"]

    async def paged(path: str, name: str, of: str) -> list[Any]:
        found: list[Any] = []
        more = ""
        while True:
            page = await api.get(f"{path}?limit=2{more}")
            assert 1 <= len(page[name]) <= 2
            found += [one[of] for one in page[name]]
            if page["nextCursor"] is None:
                return found
            more = f"&cursor={page['nextCursor']}"

    assert await paged(site.path, "results", "charge_box_id") == list(THREE)
    one = f"{site.path}/rollouts/{back['rolloutId']}"
    assert await paged(one, "results", "charge_box_id") == list(THREE)
    assert await paged(f"{site.path}/rollouts", "rollouts", "version") == [None, "v2", "v1"]


# ---- what cannot be ----


async def test_what_is_not_there_is_named(api: Api, site: SiteCalls) -> None:
    rollout_id = (await site.apply("v1")).body["rolloutId"]
    other = SiteCalls(api, await site_of(api, "CP-4", site_id="site-2"))
    neighbour = await api.neighbour()
    await store(neighbour, "theirs")
    theirs = await site_of(neighbour, site_id="site-9")

    for site_id in ("site-3", theirs):
        absent = SiteCalls(api, site_id)
        for got in (
            await absent.apply("v1"),
            await absent.roll_back(),
            await api("GET", absent.path),
            await api("GET", f"{absent.path}/rollouts"),
            await api("GET", f"{absent.path}/rollouts/{rollout_id}"),
        ):
            assert got.error == (404, "not_found")
            assert got.body["message"] == "There is no such site."
            assert got.body["fields"] == {"siteId": ["There is no such site."]}
    for version in ("v3", "theirs"):
        got = await site.apply(version)
        assert (got.error, set(got.body["fields"])) == ((404, "not_found"), {"version"})
        assert "version" in got.body["message"]
    for path in (f"{other.path}/rollouts/{rollout_id}", f"{site.path}/rollouts/none"):
        got = await api("GET", path)
        assert (got.error, set(got.body["fields"])) == ((404, "not_found"), {"rolloutId"})
        assert "rollout" in got.body["message"]


@pytest.mark.sqlite_only("not about the database")
async def test_another_operators_site_is_not_there(api: Api, site: SiteCalls) -> None:
    neighbour = await api.neighbour()
    await store(neighbour, "theirs")
    for operator in (api, neighbour):
        path = f"{connections(operator)}/sites/site-1"
        got = await neighbour("POST", path, {"version": "theirs"})
        assert got.error == (404, "not_found")
        assert set(got.body["fields"]) == {"operatorId" if operator is api else "siteId"}
        assert (await neighbour("GET", path)).error == (404, "not_found")
    assert (await api.get(site.path))["rollout"] is None


@pytest.mark.one_of_each("many ways to ask the same")
@pytest.mark.parametrize("query", ["", "?dryRun=true"])
async def test_a_version_of_one_charger_is_not_for_a_site(
    api: Api, site: SiteCalls, query: str
) -> None:
    await store(api, "own", serial_number="EH1")

    got = await site.apply("own", query)

    assert (got.error, set(got.body["fields"])) == ((409, "conflict"), {"version"})
    assert "one charger" in got.body["message"]
    assert (await api.get(site.path))["rollout"] is None


@pytest.mark.parametrize("what", ["apply", "rollback"])
async def test_a_site_that_is_deleted_meanwhile_is_not_there(
    api: Api, site: SiteCalls, what: str
) -> None:
    await site.ended(await site.apply("v2"))
    async with api.parts.commissioning.changing:
        call = site.apply("v1") if what == "apply" else site.roll_back()
        asked = asyncio.create_task(call)
        async with asyncio.timeout(PATIENCE):
            while not api.parts.rollouts._beginning.locked():  # noqa: ASYNC110 - a lock tells nobody
                await asyncio.sleep(0)
        await api.storage.sites.delete(api.organization_uuid, site.site_id)

    got = await asked
    assert got.error == (404, "not_found")
    assert got.body["message"] == "There is no such site."
    assert await urls(api, *THREE) == [NEW_URL] * 3


BAD: list[tuple[Any, str]] = [
    ({}, "version"),
    ({"version": 7}, "version"),
    ({"version": "v1", "canary": 5}, "canary"),
    ({"version": "v1", "canary": {"chargers": 1}}, "canary.seconds"),
    ({"version": "v1", "canary": {"seconds": 1}}, "canary.chargers"),
    ({"version": "v1", "canary": {"chargers": 0, "seconds": 1}}, "canary.chargers"),
    ({"version": "v1", "canary": {"chargers": 10_001, "seconds": 1}}, "canary.chargers"),
    ({"version": "v1", "canary": {"chargers": 1, "seconds": 0}}, "canary.seconds"),
    ({"version": "v1", "canary": {"chargers": 1, "seconds": 3601}}, "canary.seconds"),
    ({"version": "v1", "canary": {"chargers": True, "seconds": 1}}, "canary.chargers"),
    ({"version": "v1", "canary": {"chargers": "1", "seconds": 1}}, "canary.chargers"),
    ({"version": "v1", "force": True}, "force"),
]


@pytest.mark.sqlite_only("nothing is stored")
async def test_what_cannot_be_used_is_named(api: Api) -> None:
    path = f"{connections(api)}/sites/{await site_of(api)}"

    for body, named in BAD:
        assert (await api("POST", path, body)).fields == {named}, body


async def test_a_deleted_charger_is_told_as_gone(api: Api, site: SiteCalls) -> None:
    await site.applied("v1")
    await api.storage.chargers.delete(ChargerKey(api.organization_uuid, "CP-2"))

    assert list(states(await api.get(site.path))) == ["CP-1", "CP-3"]
    found = await api.get(f"{site.path}/rollouts")
    (rollout,) = found["rollouts"]
    steps = (await site.rollout(rollout["rolloutId"]))["results"]
    assert [(one["charge_box_id"], one["serialNumber"]) for one in steps] == [
        ("CP-1", "EH1"),
        ("CP-2", "CP-2"),
        ("CP-3", "EH3"),
    ]
    assert set(await site.rolled_back()) == {"CP-1", "CP-3"}
