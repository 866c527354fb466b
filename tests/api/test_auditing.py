"""Who asked for what is a row before he is answered, and what he asked for is in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest

from api.app import create_app
from api.auditing import HEADER
from api.rates import RateLimits
from api.server import listening
from csms.setting_values import Rate
from csms.settings import Bind
from storage.records import AuditEntry
from tests.api.conftest import PROXY, Api, Connect


async def rows(api: Api) -> list[AuditEntry]:
    """Return what the API's rows say, the oldest first."""
    found = await api.storage.audit.list(api.organization_uuid, 1000)
    return [row for row in reversed(found) if row.category == "api"]


async def test_a_row_tells_who_has_asked_for_what_and_what_came_of_it(api: Api) -> None:
    got = await api("POST", f"{api.organization}/sites", {"name": "Depot"})
    key = await api.storage.api_keys.find(api.key)
    assert key is not None

    [row] = await rows(api)
    assert row == AuditEntry(
        id=row.id,
        timestamp=api.clock.now(),
        organization_uuid=api.organization_uuid,
        category="api",
        actor=f"key:{key.key_id}",
        action="create_site",
        object=f"{api.organization}/sites",
        result="201 ok",
        request_id=got.headers[HEADER],
        details={"given": {"name": "Depot"}, "ids": {"site_id": got.body["site"]["site_id"]}},
    )


async def test_what_was_changed_is_told_as_it_was_before(api: Api) -> None:
    await api.enrol_with_proxy("CP-1", target_auth_basic_password="before-before-before")
    [configuration] = (await api.get(f"{api.organization}/proxy_configurations"))[
        "proxy_configurations"
    ]
    path = f"{api.organization}/proxy_configurations/{configuration['id']}"
    change = {
        "target_platform_identifier": "Other",
        "enabled": True,
        "target_auth_basic_password": "after-after-after",
    }
    await api("PATCH", path, change)

    row = (await rows(api))[-1]
    assert row.details["before"] == {"target_platform_identifier": "Main_CSMS"}
    assert row.details["given"]["target_platform_identifier"] == "Other"
    everything = repr(await rows(api))
    assert "after-after" not in everything
    assert "before-before" not in everything


async def test_whom_it_is_about_is_found_in_the_path_the_body_or_the_answer(api: Api) -> None:
    await api.enrol("CP-1")
    await api("PATCH", f"{api.organization}/chargers/CP-1", {"charger_name": "One"})
    await api("DELETE", f"{api.organization}/chargers/CP-1")

    assert [row.charge_box_id for row in await rows(api)] == ["CP-1"] * 3


@pytest.mark.parametrize(
    ("method", "path", "body", "result"),
    [
        ("POST", "sites", {"name": 7}, "422 invalid"),
        ("DELETE", "sites/none", None, "404 not_found"),
        ("POST", "chargers", {"charge_box_id": "CP-1"}, "409 conflict"),
    ],
)
async def test_what_came_to_nothing_is_a_row_too(
    api: Api, method: str, path: str, body: Any, result: str
) -> None:
    await api.enrol("CP-1")
    await api(method, f"{api.organization}/{path}", body)

    assert [row.result for row in await rows(api)] == ["201 ok", result]


async def test_what_is_no_json_or_wrong_is_told_by_its_fields(api: Api) -> None:
    await api("POST", f"{api.organization}/sites", text="{")
    await api("POST", f"{api.organization}/sites", {"nome": "x"})

    first, second = await rows(api)
    assert (first.result, first.details) == ("400 invalid_json", {})
    assert second.details["given"] == {"nome": "x"}
    assert set(second.details["fields"]) == {"nome", "name"}


async def test_who_may_not_is_audited_with_the_key_that_he_had(api: Api) -> None:
    reader = await api.with_scope("read")
    record = await api.storage.api_keys.find(reader.key)
    assert record is not None
    await reader("POST", f"{api.organization}/sites", {"name": "Depot"})
    await api("DELETE", f"{api.organization}/api_keys/{record.key_id}")
    await reader("POST", f"{api.organization}/sites", {"name": "Depot"})

    told = [(row.actor, row.action, row.result) for row in await rows(api)]
    assert told[0] == (f"key:{record.key_id}", "create_site", "403 forbidden")
    assert told[2] == (f"key:{record.key_id}", "create_site", "401 unauthorized")


async def test_who_knocks_at_another_organization_is_told_of_in_his_own(api: Api) -> None:
    other = await api.neighbour()
    await other("POST", f"{api.organization}/sites", {"name": "Depot"})

    assert await rows(api) == []
    [row] = await rows(other)
    assert (row.action, row.result) == ("create_site", "404 not_found")


async def test_reads_and_strangers_leave_no_row(api: Api) -> None:
    await api.get(f"{api.organization}/sites")
    for headers in ({}, {"x-api-key": "unknown"}):
        await api("POST", f"{api.organization}/sites", {"name": "x"}, headers=headers)
    await api("POST", f"{api.organization}/no_such_thing", {})

    assert await rows(api) == []


async def test_who_goes_on_with_a_dead_key_does_not_fill_the_disk(api: Api) -> None:
    dead = await api.with_scope("operate")
    record = await api.storage.api_keys.find(dead.key)
    assert record is not None
    await api.storage.api_keys.revoke(record.key_id)
    for _ in range(15):
        await dead("POST", f"{api.organization}/sites", {"name": "x"})

    assert len(await rows(api)) == 10


async def test_who_goes_away_in_the_middle_is_audited_all_the_same(api: Api) -> None:
    seen, go_on = asyncio.Event(), asyncio.Event()
    create = api.storage.sites.create

    async def slowly(*args: Any, **more: Any) -> Any:
        seen.set()
        await go_on.wait()
        return await create(*args, **more)

    object.__setattr__(api.storage.sites, "create", slowly)
    asking = asyncio.create_task(api("POST", f"{api.organization}/sites", {"name": "Depot"}))
    await seen.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    go_on.set()
    async with asyncio.timeout(30):
        while not await rows(api):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    [row] = await rows(api)
    assert row.result == "201 ok"


async def test_an_answer_has_the_id_of_its_row(api: Api) -> None:
    answers = [await api("POST", f"{api.organization}/sites", {"name": "Depot"}) for _ in range(2)]
    shown = await api("GET", f"{api.organization}/sites")

    ids = [answer.headers[HEADER] for answer in answers]
    assert [row.request_id for row in await rows(api)] == ids
    assert len({*ids, shown.headers[HEADER]}) == 3


@pytest.mark.parametrize(
    ("trusted", "told", "taken"),
    [
        (True, "lb-42/a.b:c", True),
        (True, "forged\tid", False),
        (True, "x" * 65, False),
        (False, "lb-42", False),
    ],
)
async def test_the_id_of_a_proxy_is_taken_where_it_is_trusted(
    api: Api, *, trusted: bool, told: str, taken: bool
) -> None:
    networks = [ip_network("127.0.0.0/8")] if trusted else []
    app = create_app(api.parts, rates=RateLimits(trusted_proxies=networks))
    async with listening(app, Bind("127.0.0.1", 0)) as bind:
        there = replace(api, base=f"http://{bind}")
        headers = {"x-api-key": api.key, HEADER: told, "X-Forwarded-For": "192.0.2.1"}
        got = await there("POST", f"{api.organization}/sites", {"name": "x"}, headers=headers)

    assert (got.headers[HEADER] == told) is taken


async def test_who_asks_too_often_is_told_of_in_short(api: Api) -> None:
    app = create_app(api.parts, rates=RateLimits(callers=Rate(0.001, 1)))
    async with listening(app, Bind("127.0.0.1", 0)) as bind:
        there = replace(api, base=f"http://{bind}")
        for _ in range(15):
            await there("POST", f"{api.organization}/sites", {"name": "x"})

    assert [row.result for row in await rows(api)] == ["201 ok", *["429 rate_limited"] * 10]


async def test_who_may_not_is_told_of_each_time_whatever_the_seeds_call_it(api: Api) -> None:
    reader = await api.with_scope("read")
    for path in ("/api/chargingStations/CP-1/reset", f"{api.organization}/sites"):
        for _ in range(11):
            await reader("POST", path, {})

    results = [row.result for row in await rows(api)]
    assert results == ["401 unauthorized"] * 11 + ["403 forbidden"] * 11


async def test_what_is_answered_again_says_so(api: Api) -> None:
    headers = {"x-api-key": api.key, "Idempotency-Key": "once"}
    for _ in range(2):
        await api("POST", f"{api.organization}/sites", {"name": "x"}, headers=headers)

    assert [row.details.get("replayed") for row in await rows(api)] == [None, True]


async def test_what_a_charger_refused_is_no_ok_when_it_is_told_again(
    api: Api, connect: Connect
) -> None:
    await api.enrol("CP-1")
    charger = await connect()
    headers = {"x-api-key": api.key, "Idempotency-Key": "once"}
    path = "/api/chargingStations/CP-1/reset"
    asking = asyncio.create_task(api("POST", path, {"type": "Immediate"}, headers=headers))
    call = await charger.peer.hears()
    await charger.peer.says(f'[4,"{call[1]}","InternalError","no",{{}}]')
    first = await asking
    await api("POST", path, {"type": "Immediate"}, headers=headers)

    told, again = (await rows(api))[-2:]
    assert (told.result, again.result) == ("502 charger_error", "502 charger_error")
    assert told.details["ids"] == again.details["ids"] == {"command_id": first.body["command_id"]}


async def test_a_command_is_told_by_its_id(api: Api) -> None:
    await api.enrol("CP-1")
    got = await api("POST", "/api/chargingStations/CP-1/reset", {"type": "Immediate"})

    row = (await rows(api))[-1]
    assert (row.action, row.charge_box_id, row.result) == (
        "reset_station",
        "CP-1",
        f"{got.status} {got.body['error']}",
    )
    assert row.details.get("ids", {}).get("command_id") == got.body.get("command_id")


async def test_what_is_enrolled_keeps_its_secrets(api: Api) -> None:
    made = await api.enrol_with_proxy("CP-1", **{**PROXY, "charger_name": "One"})
    charger = await api.enrol("CP-2")

    everything = repr(await rows(api))
    assert charger["ocpp_password"] not in everything
    assert str(made.get("ocpp_password") or made["charger"]["ocpp_password"]) not in everything


async def test_a_key_that_is_given_for_its_id_is_not_written_down(api: Api) -> None:
    made = await api("POST", f"{api.organization}/api_keys", {})
    key = made.body["api_key"]["api_key"]
    for path in (f"api_keys/{key}", f"api_keys/%72m%5F{key[3:]}"):
        await api("DELETE", f"{api.organization}/{path}")

    everything = repr(await rows(api))
    assert key[3:] not in everything
    assert f"{api.organization}/api_keys/(concealed)" in everything


async def test_what_is_open_to_everybody_is_answered_with_an_id_too(api: Api) -> None:
    async with api.session.get(f"{api.base}/healthz") as got:
        assert isinstance(got, aiohttp.ClientResponse)
        assert got.headers[HEADER]
