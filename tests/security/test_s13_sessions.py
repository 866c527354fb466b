"""S-13: a session of Ory Kratos lets in as far as Kratos says today, and fails closed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from api.app import ALL
from api.parts import ApiParts
from storage.clock import SystemClock
from storage.records import Scope
from tests.api.conftest import Api
from tests.kratos import (
    COOKIE,
    SECOND_FACTOR,
    Behaviour,
    People,
    Person,
    StandIn,
    answering,
    hang,
    people_of,
)
from tests.security.ground import served

LIST = "/api/v1/organizations"


async def test_token_and_cookie_let_a_member_in_with_his_role(api: Api, people: People) -> None:
    member = await people.member("operate")
    path = f"{api.organization}/chargers"

    for ask in (member, member.browser):
        assert (await ask("GET", path)).status == 200
        (one,) = (await ask("GET", LIST)).body["organizations"]
        assert (one["organization_uuid"], one["role"]) == (api.organization_uuid, "operate")
    assert (await member("POST", path, {"charge_box_id": "CP-1"})).status == 201
    assert (await member("GET", f"{api.organization}/audit")).error == (403, "forbidden")


@pytest.mark.sqlite_only("about Kratos")
async def test_kratos_hears_the_session_and_nothing_else_of_the_request(
    api: Api, people: People
) -> None:
    member = await people.member()
    more = {"Authorization": "Basic YW5uYTpzZWNyZXQ=", "X-Forwarded-For": "192.0.2.1"}
    await member("GET", LIST, headers={**more, "Cookie": f"{COOKIE}=other"})
    people.ticks.forward(60)
    await member.browser("GET", LIST, headers=more)

    by_token, by_cookie = people.kratos.asked
    always = {"Host", "Accept", "Accept-Encoding", "User-Agent"}
    assert set(by_token) - always == {"X-Session-Token"}
    assert set(by_cookie) - always == {"Cookie"}
    assert by_cookie["Cookie"] == f"{COOKIE}={member.token}"


@pytest.mark.sqlite_only("about Kratos")
async def test_a_session_token_is_no_bearer_token(people: People) -> None:
    member = await people.member()
    headers = {"Authorization": f"Bearer {member.token}"}

    assert (await people.api("GET", LIST, headers=headers)).error == (401, "unauthorized")
    assert people.kratos.asked == []


@pytest.mark.sqlite_only("about Kratos")
async def test_where_there_is_a_key_the_key_counts(api: Api, people: People) -> None:
    member = await people.member("read")
    revoked = {"x-api-key": "rm_0000000000000000000000000000000000000000"}

    body = {"charge_box_id": "CP-1"}
    own = await member.browser(
        "POST", f"{api.organization}/chargers", body, headers={"x-api-key": api.key}
    )
    assert own.status == 201
    assert (await member.browser("GET", LIST, headers=revoked)).error == (401, "unauthorized")
    both = {"x-api-key": api.key}
    assert (await member("GET", LIST, headers=both)).error == (401, "unauthorized")
    assert people.kratos.asked == []


REFUSED: dict[str, Any] = {
    "unknown": None,
    "not active": {"active": False},
    "expired": {"expires_at": "2026-11-21T10:00:00Z"},
    "of an inactive identity": {"identity": {"state": "inactive"}},
}


@pytest.mark.sqlite_only("about Kratos")
@pytest.mark.parametrize("more", REFUSED.values(), ids=REFUSED)
async def test_a_session_that_does_not_count_is_401(people: People, more: Any) -> None:
    member = await people.member(**(more or {}))
    if more is None:
        people.kratos.log_out(member.token)

    for ask in (member, member.browser):
        assert (await ask("GET", LIST)).error == (401, "unauthorized")


@pytest.mark.sqlite_only("about Kratos")
async def test_a_missing_second_factor_is_403_and_says_what_to_do(people: People) -> None:
    member = await people.member()
    people.kratos.sessions[member.token] = SECOND_FACTOR

    got = await member("GET", LIST)

    assert got.error == (403, "forbidden")
    assert "second factor" in got.body["message"]


ILL: dict[str, Behaviour] = {
    "silent": hang,
    "500": answering(500),
    "a page": answering(200, "<html>"),
    "redirecting": answering(302, Location="http://127.0.0.1:1/"),
}


@pytest.mark.sqlite_only("about Kratos")
@pytest.mark.parametrize("behave", ILL.values(), ids=ILL)
async def test_without_an_answer_of_kratos_nobody_gets_in(
    api: Api, parts: ApiParts, behave: Behaviour
) -> None:
    async with people_of(parts, api, answer_seconds=1.0) as people:
        member = await people.member()
        people.kratos.behave = behave
        for _ in range(5):
            got = await member("GET", f"{api.organization}/chargers")
            assert got.error == (503, "unavailable")
            assert int(got.headers["Retry-After"]) > 0
        people.kratos.behave = None
        people.ticks.forward(5)
        assert (await member("GET", LIST)).status == 200


@pytest.mark.sqlite_only("about Kratos")
async def test_a_logout_holds_after_30_s_at_most_whatever_kratos_says(people: People) -> None:
    people.kratos.headers = {"Ory-Session-Cache-For": "86400"}
    member = await people.member()
    assert (await member("GET", LIST)).status == 200
    people.kratos.log_out(member.token)

    people.ticks.forward(29.9)
    assert (await member("GET", LIST)).status == 200
    people.ticks.forward(0.1)
    assert (await member("GET", LIST)).error == (401, "unauthorized")


@pytest.mark.sqlite_only("about Kratos")
async def test_an_expiry_holds_at_once_whatever_is_remembered(api: Api, people: People) -> None:
    ends = (api.clock.now() + timedelta(seconds=10)).isoformat()
    people.kratos.headers = {"Ory-Session-Cache-For": "86400"}
    member = await people.member(expires_at=ends)
    assert (await member("GET", LIST)).status == 200

    api.clock.forward(seconds=10)

    assert (await member("GET", LIST)).error == (401, "unauthorized")


async def test_who_is_removed_is_refused_from_the_next_request_on(api: Api, people: People) -> None:
    member = await people.member()
    path = f"{api.organization}/chargers"
    assert (await member("GET", path)).status == 200

    await api("DELETE", f"{api.organization}/members/{member.identity}")

    assert (await member("GET", path)).error == (404, "not_found")
    assert (await member("GET", LIST)).error == (403, "forbidden")


async def test_another_role_holds_from_the_next_request_on(api: Api, people: People) -> None:
    member = await people.member("operate")
    await api("PATCH", f"{api.organization}/members/{member.identity}", {"role": "read"})

    got = await member("POST", f"{api.organization}/chargers", {"charge_box_id": "CP-1"})

    assert got.error == (403, "forbidden")


@pytest.mark.parametrize("role", ["read", "operate", "admin"])
async def test_a_role_does_no_more_than_a_key_of_that_scope(
    api: Api, people: People, role: Scope
) -> None:
    """A first look at each operation; the keys' own test asks more of each."""
    member, key = await people.member(role), await api.with_scope(role)
    for operation in ALL:
        if operation.scope is not None and "{" not in operation.path:
            by_role = await member(operation.method, operation.path)
            by_key = await key(operation.method, operation.path)
            assert by_role.status == by_key.status, operation.name


@pytest.mark.sqlite_only("about Kratos")
async def test_without_a_kratos_there_are_no_sessions(api: Api, people: People) -> None:
    member = replace(await people.member(), api=api)

    assert api.parts.sessions is None
    for ask in (member, member.browser):
        assert (await ask("GET", LIST)).error == (401, "unauthorized")


async def test_what_a_person_writes_and_is_refused_is_audited_under_his_identity(
    api: Api, people: People
) -> None:
    member = await people.member("operate")
    body = {"charge_box_id": "CP-1"}
    await member("POST", f"{api.organization}/chargers", body)
    await member.browser("POST", f"{api.organization}/chargers", body)  # from nowhere: 403
    await member("POST", f"{api.organization}/members", body)  # an admin's

    rows = (await api.get(f"{api.organization}/audit"))["entries"]

    mine = [row for row in rows if row["actor"] == f"identity:{member.identity}"]
    assert len(mine) == 3
    assert member.token not in str(rows)


# ---- of which organization ----


async def two(api: Api, people: People) -> tuple[Person, Api]:
    other = await api.neighbour()
    return await people.member("read", (other.organization_uuid, "admin")), other


async def test_a_person_sees_all_his_organizations_with_his_roles(api: Api, people: People) -> None:
    person, other = await two(api, people)
    roles = {api.organization_uuid: "read", other.organization_uuid: "admin"}

    listed = (await person("GET", LIST)).body["organizations"]
    assert {one["organization_uuid"]: one["role"] for one in listed} == roles

    first = (await person("GET", f"{LIST}?limit=1")).body
    rest = (await person("GET", f"{LIST}?limit=1&cursor={first['next_cursor']}")).body
    assert first["organizations"] + rest["organizations"] == listed
    assert rest["next_cursor"] is None


async def test_the_path_says_of_which_organization_a_request_is(api: Api, people: People) -> None:
    person, other = await two(api, people)
    body = {"charge_box_id": "CP-1"}

    assert (await person("POST", f"{api.organization}/chargers", body)).status == 403
    assert (await person("POST", f"{other.organization}/chargers", body)).status == 201


async def test_where_the_path_does_not_say_a_header_does(api: Api, people: People) -> None:
    person, other = await two(api, people)
    await other.enrol("CP-1")
    stations, stranger = "/api/chargingStations", "00000000-0000-4000-8000-000000000000"

    unsaid = await person("GET", stations)
    assert unsaid.fields == {"X-Organization"}
    for picked, seen in ((api.organization_uuid, 0), (other.organization_uuid, 1)):
        got = await person("GET", stations, headers={"X-Organization": picked})
        assert len(got.body["chargingStations"]) == seen
    for picked in (stranger, "", "'; DROP TABLE members"):
        got = await person("GET", stations, headers={"X-Organization": picked})
        assert got.error == (403, "forbidden")


async def test_of_one_organization_nothing_has_to_be_said(api: Api, people: People) -> None:
    member = await people.member("read")
    await api.enrol("CP-1")

    got = await member("GET", "/api/chargingStations")

    assert len(got.body["chargingStations"]) == 1


# ---- F-22 ----


def flapping() -> Behaviour:
    """Sleep, fail and talk nonsense in turn."""
    moods = cycle((hang, answering(500), answering(200, "{}")))

    async def behave(request: web.Request) -> web.StreamResponse:
        return await next(moods)(request)

    return behave


@pytest.mark.sqlite_only("about Kratos")
@pytest.mark.parametrize(
    "behave", [hang, flapping(), answering(503)], ids=["slow", "flaps", "down"]
)
async def test_f22_whoever_has_a_key_does_not_notice(
    api: Api, parts: ApiParts, behave: Behaviour
) -> None:
    async with people_of(parts, api, answer_seconds=0.2) as people:
        member = await people.member()
        people.kratos.behave = behave
        path = f"{people.api.organization}/chargers"

        by_session = [asyncio.create_task(member("GET", path)) for _ in range(30)]
        by_key = [(await people.api("GET", path)).status for _ in range(30)]

        assert set(by_key) == {200}
        assert {(await each).error for each in by_session} == {(503, "unavailable")}


# ---- a whole server ----


@pytest.mark.sqlite_only("about the settings")
async def test_a_server_takes_the_sessions_of_the_kratos_in_its_settings(tmp_path: Path) -> None:
    async with StandIn(SystemClock()).listening() as kratos:
        settings = {"RINGMAIN_KRATOS_URL": f"{kratos.url}/", "RINGMAIN_KRATOS_COOKIE": "ours"}
        async with served(tmp_path, settings) as ground:
            identity = "461d5fe1-d705-439e-a541-8b888b991b9b"
            body = {"identity_id": identity, "role": "read"}
            await ground.ok("POST", f"{ground.organization}/members", body)
            cookie = {"Cookie": f"ours={kratos.log_in(identity)}"}
            url = f"http://{ground.server.http}{LIST}"
            async with aiohttp.ClientSession() as person, person.get(url, headers=cookie) as answer:
                told = await answer.json()

    assert [one["organization_uuid"] for one in told["organizations"]] == [ground.organization_uuid]
    assert kratos.asked[0]["Cookie"] == cookie["Cookie"]
