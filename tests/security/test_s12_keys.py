"""S-12: keys are random, digested, scoped, expire, and are refused from their revocation on."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from api.app import ALL
from storage.records import ApiKey
from storage.secrets import api_key_digest
from storage.statements import organizations as statements
from tests.api.conftest import Api
from tests.security.ground import served

TABLE = "/api/v1/organizations"


async def status(api: Api, key: str, header: str = "x-api-key") -> int:
    value = key if header == "x-api-key" else f"Bearer {key}"
    return (await api("GET", TABLE, headers={header: value})).status


async def test_a_key_is_random_and_neither_stored_nor_told_again(api: Api) -> None:
    path = f"{api.organization}/api_keys"
    made = [(await api("POST", path, {"name": f"n{n}"})).body["api_key"] for n in range(3)]
    keys = [each["api_key"] for each in made]

    assert len({*keys}) == 3
    assert all(key.startswith("rm_") and len(bytes.fromhex(key[3:])) * 8 == 160 for key in keys)
    listed = await api("GET", path)
    assert not any(key in listed.text for key in keys)
    assert {each["name"] for each in listed.body["api_keys"]} == {None, "n0", "n1", "n2"}
    rows = await api.storage.database.fetch(statements.all_api_keys)
    assert not any(key in str(rows) for key in keys)


async def test_both_headers_work_on_every_route_that_needs_a_key(api: Api) -> None:
    needing = [each for each in ALL if each.scope is not None]
    for operation, name in itertools.product(needing, ("x-api-key", "Authorization")):
        path = operation.path
        for parameter in ("{organization_uuid}", "{operatorId}"):
            path = path.replace(parameter, api.organization_uuid)
        value = api.key if name == "x-api-key" else f"Bearer {api.key}"
        # Nothing of it exists, or the body is none: but it is let in.
        got = await api(operation.method, path, text=b"{", headers={name: value})
        assert got.status not in {401, 403}, (operation.name, name, got.text)


async def test_a_key_is_refused_from_its_end_on(api: Api) -> None:
    body = {"expires_at": (api.clock.now() + timedelta(hours=1)).isoformat()}
    made = (await api("POST", f"{api.organization}/api_keys", body)).body["api_key"]
    api.clock.forward(minutes=59, seconds=59)
    assert await status(api, made["api_key"]) == 200

    api.clock.forward(seconds=1)

    assert await status(api, made["api_key"]) == 401


async def test_the_last_use_is_told(api: Api) -> None:
    path = f"{api.organization}/api_keys"
    made = (await api("POST", path, {})).body["api_key"]
    assert made["last_used_at"] is None
    api.clock.forward(hours=1)
    await status(api, made["api_key"])
    await api.storage.group.flush()

    shown = {each["key_id"]: each for each in (await api.get(path))["api_keys"]}

    assert shown[made["key_id"]]["last_used_at"] == "2026-11-21T11:00:00.000Z"


async def test_a_key_in_the_shape_of_the_seeds_is_let_in_where_it_is_stored(api: Api) -> None:
    key = str(uuid4())
    assert await status(api, key) == 401
    record = ApiKey(
        key_id="seed",
        organization_uuid=api.organization_uuid,
        scope="read",
        created_at=api.clock.now(),
    )
    row = {name: getattr(record, name) for name in ApiKey.__slots__}
    digest = {"digest": api_key_digest(key)}
    await api.storage.database.execute(statements.add_api_key, {**row, **digest})

    assert [await status(api, key, name) for name in ("x-api-key", "Authorization")] == [200, 200]


@pytest.mark.parametrize("scope", ["read", "operate", "admin"])
async def test_a_key_does_what_its_scope_says(api: Api, scope: str) -> None:
    made = (await api("POST", f"{api.organization}/api_keys", {"scope": scope})).body["api_key"]
    headers = {"x-api-key": made["api_key"]}
    asked = {
        "read": ("GET", f"{api.organization}/chargers"),
        "operate": ("POST", f"{api.organization}/sites"),
        "admin": ("GET", f"{api.organization}/audit"),
    }
    allowed = list(asked)[: list(asked).index(scope) + 1]

    for need, (method, path) in asked.items():
        got = await api(method, path, {"name": "A"} if method == "POST" else None, headers=headers)
        assert (got.status == 403) == (need not in allowed), (need, got.text)


async def test_a_revoked_key_is_refused_with_the_next_request_of_the_same_connection(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        keys = f"{ground.organization}/api_keys"
        made = (await ground.ok("POST", keys, {"scope": "admin"}))["api_key"]
        base = f"http://{ground.server.http}"
        headers = {"x-api-key": made["api_key"]}
        one = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(base, headers=headers, connector=one) as session:
            for expected in (200, 401):
                async with session.get(keys) as answer:
                    assert answer.status == expected
                    told = await answer.text()
                await ground("DELETE", f"{keys}/{made['key_id']}")

    assert made["api_key"] not in told
