"""S-20: each write and each security event is a row of the audit, and whoever tampers is found."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from csms.__main__ import app
from storage.clock import SystemClock
from storage.records import AuditEntry
from storage.store import Storage, open_storage
from tests import programs
from tests.api.conftest import Api
from tests.installations import variables
from tests.security.ground import Ground, served

WRITES = {"post", "put", "patch", "delete"}
VALUES = {"id": "1", "entry": "1", "evseId": "1", "reservationId": "1", "Action": "Reset"}
PATIENCE = 30


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the writes that need a key: method, path and name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in WRITES and operation.get("security") != []:
                yield method.upper(), path, operation["operationId"]


def filled(path: str, organization_uuid: str) -> str:
    """Return a path with something at each of its places."""
    of = {"organization_uuid": organization_uuid, "operatorId": organization_uuid}
    return re.sub(r"\{(\w+)\}", lambda found: {**VALUES, **of}.get(found[1], "thing-1"), path)


async def rows(api: Api) -> Mapping[str, AuditEntry]:
    """Return the rows of the API by the id of their request."""
    found = await api.storage.audit.list(api.organization_uuid, 1000)
    written = [row for row in found if row.category == "api"]
    by_id = {str(row.request_id): row for row in written}
    assert len(by_id) == len(written)
    return by_id


async def test_every_write_of_the_document_is_one_row_whatever_became_of_it(api: Api) -> None:
    document = (await api("GET", "/openapi.json")).body
    reader = await api.with_scope("read")
    expected = {}
    for method, path, name in operations(document):
        for caller in (api, reader):
            got = await caller(method, filled(path, api.organization_uuid), {})
            expected[got.headers["X-Request-Id"]] = (name, got.status)

    found = await rows(api)

    assert len(expected) > 100
    assert {id: (row.action, int(row.result[:3])) for id, row in found.items()} == expected
    assert all(row.actor.startswith("key:") for row in found.values())


async def test_every_good_write_is_one_row_as_well(api: Api) -> None:
    sites = f"{api.organization}/sites"
    made = await api("POST", sites, {"name": "Depot"})
    site = f"{sites}/{made.body['site']['site_id']}"
    answers = [made, await api("PATCH", site, {"name": "Yard"}), await api("DELETE", site)]
    await api.get(sites)

    found = await rows(api)

    assert [found[got.headers["X-Request-Id"]].result for got in answers] == [
        "201 ok",
        "200 ok",
        "200 ok",
    ]
    assert found[answers[1].headers["X-Request-Id"]].details["before"] == {"name": "Depot"}
    assert len(found) == 3


# ---- who tampers is found, beside a running server ----


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with served(tmp_path) as ground:
        yield ground


async def verified(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run `ringmain audit verify` beside whatever else is running."""
    monkeypatch.setenv("RINGMAIN_DATA_DIR", str(data_dir))
    return await asyncio.to_thread(CliRunner().invoke, app, ["audit", "verify", "--json"])


async def all_sealed(storage: Storage, organization_uuid: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while await storage.audit.unsealed(organization_uuid):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (None, {}),
        ("UPDATE audit SET actor = 'key:else' WHERE place = 2", {"altered": 1}),
        ("DELETE FROM audit WHERE place = 2", {"removed": [[2, 2]]}),
        ("DELETE FROM audit WHERE place = 3", {"removed": [[3, 3]]}),
        (
            "UPDATE audit SET place = 9 WHERE place = 3",
            {"inserted": 1, "removed": [[3, 3]]},
        ),
    ],
)
async def test_what_is_altered_removed_or_inserted_is_found_beside_the_running_server(
    ground: Ground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str | None,
    found: Mapping[str, Any],
) -> None:
    for number in range(3):
        await ground.ok("POST", f"{ground.organization}/sites", {"name": f"Depot {number}"})
    storage = ground.server.storage
    await all_sealed(storage, ground.organization_uuid)
    if change:
        await storage.database.execute(text(change))

    got = await verified(tmp_path, monkeypatch)

    (told,) = json.loads(got.stdout)
    assert (got.exit_code, told["whole"]) == ((1, False) if change else (0, True))
    wrong = {name: told[name] for name in ("altered", "removed", "inserted") if told[name]}
    assert {n: v if n == "removed" else len(v) for n, v in wrong.items()} == found


async def test_security_events_are_rows_of_the_same_chain(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ground.enrol("CP-1")
    async with aiohttp.ClientSession() as stranger:
        url = f"{ground.ocpp}/CP-1".replace("ws:", "http:")
        async with stranger.get(url, headers={"Authorization": "Basic Q1AtMTp3cm9uZw=="}) as got:
            assert got.status in {400, 401, 426}
    path = f"{ground.organization}/security_events"
    events = (await ground.ok("GET", path))["security_events"]
    await all_sealed(ground.server.storage, ground.organization_uuid)
    audit = await ground.audit()

    assert {event["id"] for event in events} <= {row["id"] for row in audit}
    assert all(row["place"] for row in audit)
    assert (await verified(tmp_path, monkeypatch)).exit_code == 0


# ---- killed at any moment ----


@contextlib.asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[tuple[programs.Program, str]]:
    environment = {**variables(data_dir), "RINGMAIN_RATE_LIMIT": "100000/100000"}
    process = await programs.start("serve", environment=environment)
    try:
        async with asyncio.timeout(PATIENCE):
            while (event := json.loads(await process.stderr.readline()))["event"] != "ready":
                pass
        yield process, event["http"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_after_any_kill_the_answered_are_there_and_the_chain_is_whole(
    tmp_path: Path,
) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        id = (await storage.organizations.create("Depot")).organization_uuid
        _, key = await storage.api_keys.create(id, "admin")
    answered: list[str] = []
    for wanted in (10, 150, 300):  # before, while and after some of it is sealed
        async with serving(tmp_path) as (process, http):
            enough = asyncio.Event()
            asking = [
                asyncio.create_task(ask(http, id, key, answered, enough, wanted)) for _ in range(4)
            ]
            await asyncio.wait_for(enough.wait(), PATIENCE)
            process.kill()
            await asyncio.gather(*asking)
    async with serving(tmp_path) as (process, _):
        process.terminate()
        assert await process.wait() == 0
    async with open_storage(tmp_path, SystemClock()) as storage:
        verdict = await storage.audit.verify(id)
        noted = [row["request_id"] async for row in storage.audit.rows(id)]

        assert await storage.audit.unsealed(id) == 0
    assert verdict.is_whole
    assert set(answered) <= set(noted)
    assert len(set(noted)) == len(noted) == verdict.rows


async def ask(
    http: str, id: str, key: str, answered: list[str], enough: asyncio.Event, wanted: int
) -> None:
    """Make sites until the server dies."""
    path = f"{http}/api/v1/organizations/{id}/sites"
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with aiohttp.ClientSession(headers={"x-api-key": key}) as session:
            while True:
                name = os.urandom(8).hex()
                async with session.post(path, json={"name": name}) as got:
                    answered.append(got.headers["X-Request-Id"])
                if len(answered) >= wanted:
                    enough.set()
