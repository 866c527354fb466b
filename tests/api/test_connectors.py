"""Data connectors as their owner sees them; the store behind them is one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from api.parts import ApiParts
from storage.sinks.errors import SinkRefused, SinkUnavailable
from tests.api.conftest import Answer, Api
from tests.doubles import PATIENCE
from tests.storage.records import sink
from tests.storage.sinks.doubles import Bucket

SECRET = "canary/of+40/characters/that/nobody/else"
S3: Mapping[str, Any] = {
    "name": "lake",
    "type": "aws_s3",
    "configuration": {"bucket": "my-ocpp-logs-bucket", "region": "us-east-1"},
    "credentials": {"access_key_id": "AKIACANARY", "secret_access_key": SECRET},
}
FIELDS = [
    "id",
    "name",
    "type",
    "enabled",
    "configuration",
    "credentials",
    "inserted_at",
    "updated_at",
]


def path(api: Api, *parts: str) -> str:
    return "/".join((f"/api/orgs/{api.organization_uuid}/connectors", *parts))


def s3(**configuration: Any) -> Mapping[str, Any]:
    """Return the connector with some more configuration."""
    return {**S3, "configuration": {**S3["configuration"], **configuration}}


async def created(api: Api, body: Mapping[str, Any] = S3) -> Any:
    got = await api("POST", path(api), body)
    assert got.status == 201, got.text
    return got.body["connector"]


async def changed(api: Api, id: str, **fields: Any) -> Any:
    got = await api("PUT", path(api, id), fields)
    assert got.status == 200, got.text
    return got.body["connector"]


async def status(api: Api, id: str) -> Any:
    return (await api.get(path(api, id, "status")))["status"]


async def say(api: Api, count: int = 1) -> None:
    """Let a charger say something, long enough ago to be written when anybody gets to see it."""
    for _ in range(count):
        api.storage.journal.append(
            api.charger_key("CP-1"), "charger_to_platform", "1.6", "Call", "1", "Heartbeat", b"[2]"
        )
    api.clock.forward(hours=1)
    await api.storage.journal.flush()


def written(bucket: Bucket) -> list[int]:
    """Return the positions of what is in the bucket."""
    return [orjson.loads(line)["seq"] for line in bucket.lines()]


async def until(api: Api, id: str, **wanted: Any) -> Any:
    """Wait until the status says so."""
    async with asyncio.timeout(PATIENCE):
        while not wanted.items() <= (found := await status(api, id)).items():
            pass
    return found


# ---- what is told ----


async def test_a_connector_is_created_shown_and_listed_without_its_credentials(api: Api) -> None:
    got = await api("POST", path(api), S3)
    connector = got.body["connector"]

    assert got.status == 201
    assert got.body["message"] == "Connector configuration created successfully"
    assert sorted(connector) == sorted(FIELDS)
    assert connector == {
        **S3,
        "id": connector["id"],
        "enabled": True,
        "credentials": {},
        "inserted_at": "2026-11-21T10:00:00.000Z",
        "updated_at": "2026-11-21T10:00:00.000Z",
    }
    assert await api.get(path(api, connector["id"])) == {
        "success": True,
        "message": "Connector configuration retrieved successfully",
        "connector": connector,
    }
    assert await api.get(path(api)) == {
        "success": True,
        "message": "Connector configurations retrieved successfully",
        "connectors": [connector],
        "next_cursor": None,
    }


async def test_a_list_comes_in_pages(api: Api) -> None:
    made = [(await created(api, {**S3, "name": f"lake-{n}"}))["id"] for n in range(3)]
    first = await api.get(path(api) + "?limit=2")
    rest = await api.get(f"{path(api)}?limit=2&cursor={first['next_cursor']}")

    assert [one["id"] for one in first["connectors"] + rest["connectors"]] == made
    assert rest["next_cursor"] is None
    assert (await api("GET", path(api) + "?cursor=bm8")).fields == {"cursor"}


async def test_configuration_comes_back_as_it_was_given(api: Api) -> None:
    body: Any = s3(prefix="", flush_seconds=5, start="earliest", hash_id_tags=True)

    assert (await created(api, body))["configuration"] == body["configuration"]


# ---- changes ----


async def test_a_change_replaces_the_fields_that_are_given(api: Api, parts: ApiParts) -> None:
    before = await created(api)
    api.clock.forward(minutes=5)
    after = await changed(api, before["id"], name="lake-off", enabled=False, type="aws_s3")

    assert after == {
        **before,
        "name": "lake-off",
        "enabled": False,
        "updated_at": "2026-11-21T10:05:00.000Z",
    }
    elsewhere = {"bucket": "another-bucket", "region": "eu-central-1"}
    assert (await changed(api, before["id"], configuration=elsewhere))["configuration"] == elsewhere
    stored = await parts.storage.sinks.get(api.organization_uuid, before["id"])
    assert stored is not None
    assert stored.credentials == S3["credentials"]

    pair = {"access_key_id": "AKIAOTHER", "secret_access_key": "other"}
    assert (await changed(api, before["id"], credentials=pair))["credentials"] == {}
    again = await parts.storage.sinks.get(api.organization_uuid, before["id"])
    assert again is not None
    assert (again.credentials, again.token_key) == (pair, stored.token_key)


async def test_a_name_is_taken_once_in_each_organization(api: Api) -> None:
    await created(api)
    other = await created(api, {**S3, "name": "other"})
    await created(await api.neighbour())

    for got in (
        await api("POST", path(api), S3),
        await api("PUT", path(api, other["id"]), {"name": "lake"}),
    ):
        assert got.error == (409, "conflict")
        assert set(got.body["fields"]) == {"name"}
    await changed(api, other["id"], name="other")


async def test_an_organization_has_a_hundred_at_most(api: Api) -> None:
    for number in range(99):
        one = sink(api.organization_uuid, f"old-{number}", enabled=False)
        await api.storage.sinks.create(one, earliest=False)
    names = [{**S3, "name": f"new-{number}", "enabled": False} for number in range(2)]
    both = await asyncio.gather(*(api("POST", path(api), body) for body in names))

    made, refused = sorted(both, key=lambda got: got.status)
    assert made.status == 201
    assert refused.error == (409, "conflict")
    assert refused.body["message"] == (
        "There are 100 connectors already, which is the most: delete one."
    )
    await created(await api.neighbour())
    await api("DELETE", path(api, made.body["connector"]["id"]))
    await created(api)


async def test_what_is_gone_is_not_found(api: Api) -> None:
    connector = await created(api)
    one = path(api, connector["id"])
    deleted = await api("DELETE", one)

    assert deleted.body == {
        "success": True,
        "message": "Connector configuration deleted successfully",
    }
    for method, there in (
        ("DELETE", one),
        ("GET", one),
        ("PUT", one),
        ("GET", one + "/status"),
        ("POST", one + "/test"),
    ):
        body: Any = {} if method == "PUT" else None
        assert (await api(method, there, body)).error == (404, "not_found"), method
    await created(api)


# ---- what it does ----


async def test_it_writes_from_its_creation_to_its_end(api: Api, bucket: Bucket) -> None:
    await say(api)
    connector = await created(api)
    await say(api, 2)
    await bucket.until(lambda: len(bucket.lines()) == 2)
    await until(api, connector["id"], lag_records=0)

    await changed(api, connector["id"], enabled=False)
    assert (bucket.opened, bucket.closed) == (1, 1)
    await say(api)
    assert (await status(api, connector["id"]))["lag_records"] == 1
    await changed(api, connector["id"], enabled=True)
    await bucket.until(lambda: len(bucket.lines()) == 3)

    await api("DELETE", path(api, connector["id"]))
    assert written(bucket) == [2, 3, 4]
    assert bucket.closed == bucket.opened


async def test_a_change_takes_effect_at_once(api: Api, bucket: Bucket) -> None:
    connector = await created(api, s3(flush_seconds=3600))
    await changed(api, connector["id"], configuration=s3(prefix="new")["configuration"])
    await say(api)

    await bucket.until(lambda: bool(bucket.objects))
    assert [name.partition("/")[0] for name in bucket.objects] == ["new"]


async def test_one_that_is_created_disabled_waits(api: Api, bucket: Bucket) -> None:
    connector = await created(api, {**s3(start="earliest"), "enabled": False})
    await say(api)

    assert (await status(api, connector["id"]))["state"] == "disabled"
    assert bucket.opened == 0


async def test_it_begins_with_the_earliest_record_where_that_is_wanted(
    api: Api, bucket: Bucket
) -> None:
    await say(api, 3)
    await created(api, s3(start="earliest"))

    await bucket.until(lambda: written(bucket) == [1, 2, 3])


async def test_the_status_tells_how_far_it_has_got(api: Api, bucket: Bucket) -> None:
    await say(api, 3)
    connector = await created(api, s3(flush_seconds=3600))
    nothing = await status(api, connector["id"])
    assert nothing == {
        "state": "running",
        "last_delivered_seq": None,
        "last_delivered_at": None,
        "lag_records": 0,
        "lag_seconds": 0.0,
        "last_error": None,
        "last_error_at": None,
        "objects_written": 0,
        "records_written": 0,
        "bytes_written": 0,
    }

    await say(api, 2)
    await bucket.until(lambda: bool(bucket.objects))
    done = await until(api, connector["id"], lag_records=0)
    assert (done["state"], done["last_delivered_seq"]) == ("running", 5)
    assert (done["objects_written"], done["records_written"]) == (1, 2)
    assert done["bytes_written"] == sum(map(len, bucket.objects.values()))
    assert done["last_delivered_at"] == "2026-11-21T12:00:00.000Z"


async def test_the_status_tells_what_is_wrong_and_what_to_do(api: Api, bucket: Bucket) -> None:
    wrong = "There is no such bucket: create it, or correct bucket and region."
    bucket.faults.extend([(SinkRefused(wrong), False)] * 2)
    connector = await created(api)
    await say(api)
    found = await until(api, connector["id"], state="error")

    assert found["last_error"] == wrong
    assert found["last_error_at"] == "2026-11-21T11:00:00.000Z"
    assert (found["lag_records"], found["lag_seconds"]) == (1, 3600.0)

    # A test that fails changes nothing, one that works lets it go on at once.
    assert (await probed(api, connector["id"]))["ok"] is False
    assert (await probed(api, connector["id"]))["ok"] is True
    await until(api, connector["id"], state="running", lag_records=0, last_error=None)


# ---- tests ----


async def probed(api: Api, id: str) -> Any:
    got = await api("POST", path(api, id, "test"))
    assert got.status == 200, got.text
    return got.body


@pytest.mark.sqlite_only("about the store")
async def test_a_test_stores_an_object_and_removes_it(api: Api, bucket: Bucket) -> None:
    connector = await created(api, {**s3(prefix="depot/log"), "enabled": False})
    name = f"depot/log/ringmain-probe-{connector['id']}.gz"

    assert await probed(api, connector["id"]) == {
        "success": True,
        "ok": True,
        "message": "An object was stored and removed.",
        "steps": [
            {"step": "put", "ok": True, "detail": f"{name} was stored."},
            {"step": "delete", "ok": True, "detail": f"{name} was removed."},
        ],
    }
    assert (bucket.puts, bucket.objects) == ([name], {})


@pytest.mark.sqlite_only("about the store")
async def test_a_test_that_fails_says_why(api: Api, bucket: Bucket) -> None:
    connector = await created(api)
    bucket.faults.append((SinkUnavailable("The store is too busy."), False))

    assert await probed(api, connector["id"]) == {
        "success": True,
        "ok": False,
        "message": "The store is too busy.",
        "steps": [{"step": "put", "ok": False, "detail": "The store is too busy."}],
    }


@pytest.mark.sqlite_only("about the store")
async def test_who_may_store_and_not_remove_is_told_so(
    api: Api, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_name: str) -> None:
        raise SinkRefused("The key has no right to {do} this.")

    connector = await created(api)
    monkeypatch.setattr(bucket, "delete", refuse)
    got = await probed(api, connector["id"])

    assert [step["ok"] for step in got["steps"]] == [True, False]
    assert got["ok"] is False
    assert got["message"] == (
        "Records can be stored; only the object of this test is left: "
        "The key has no right to {do} this."
    )


@pytest.mark.sqlite_only("about the store")
async def test_a_connector_is_tested_once_at_a_time(
    api: Api, parts: ApiParts, bucket: Bucket
) -> None:
    connector = await created(api)
    parts.testing.add(connector["id"])
    got = await api("POST", path(api, connector["id"], "test"))

    assert got.error == (503, "unavailable")
    assert bucket.puts == []
    parts.testing.clear()
    assert (await probed(api, connector["id"]))["ok"]
    assert parts.testing == set()


# ---- who may ----


@pytest.mark.sqlite_only("about the key's scope")
async def test_a_key_that_may_only_read_changes_nothing(api: Api) -> None:
    connector = await created(api)
    reader = await api.with_scope("read")

    assert (await reader("POST", path(api), {**S3, "name": "b"})).status == 403
    for method, tail in (("PUT", ()), ("DELETE", ()), ("POST", ("test",))):
        assert (await reader(method, path(api, connector["id"], *tail), {})).status == 403
    assert (await reader.get(path(api, connector["id"])))["connector"] == connector


async def test_another_organization_s_connector_is_not_there(api: Api, bucket: Bucket) -> None:
    connector, other = await created(api), await api.neighbour()
    theirs: list[Answer] = [
        await other("GET", path(other, connector["id"])),
        await other("PUT", path(other, connector["id"]), {"enabled": False}),
        await other("DELETE", path(other, connector["id"])),
        await other("GET", path(other, connector["id"], "status")),
        await other("POST", path(other, connector["id"], "test")),
        await other("GET", path(api, connector["id"])),
    ]

    assert {got.error for got in theirs} == {(404, "not_found")}
    assert (await other.get(path(other)))["connectors"] == []
    assert (await api.get(path(api, connector["id"])))["connector"] == connector
    assert bucket.puts == []


@pytest.mark.sqlite_only("about what is said, not what is stored")
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_no_answer_holds_a_secret(api: Api, method: str) -> None:
    connector = await created(api)
    where = path(api) if method == "POST" else path(api, connector["id"])
    for body in (
        {**S3, "name": "other", "type": "gcp_storage"},
        {**S3, "name": "other", "credentials": {"access_key_id": SECRET}},
        {**S3, "name": "other", "configuration": {"bucket": SECRET, "region": SECRET}},
        {**S3, "name": SECRET},
        {**S3, "name": "other", "type": SECRET},
    ):
        got = await api(method, where, body)
        assert got.status == 422, got.text
        assert SECRET not in got.text
    broken = await api(method, where, text=f'{{"credentials": {{"account_key": "{SECRET}" x}}}}')
    assert broken.error == (400, "invalid_json")
    assert SECRET not in broken.text
