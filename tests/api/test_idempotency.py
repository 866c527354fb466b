"""A request with an Idempotency-Key is carried out once, and answered as often as it is made."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from api.app import create_app
from api.idempotency import HEADER, PURPOSE, REPLAYED
from api.server import listening
from csms.settings import Bind
from storage.errors import StorageUnavailable
from storage.key_ring import KeyRing
from storage.rekeying import Rekeying
from storage.repositories.idempotent_requests import IdempotentRequests
from storage.security_schema import idempotent_requests
from tests.api.conftest import Answer, Api, Connect, LiveCharger

STATION = "/api/chargingStations/CP-1"
RESET = {"type": "Immediate"}


async def ask(
    api: Api, method: str, path: str, body: Any = None, key: str = "key-1", **more: Any
) -> Answer:
    headers = {"x-api-key": api.key, HEADER: key}
    return await api(method, path, body, headers=headers, **more)


def reset(api: Api, key: str = "key-1", body: Any = RESET) -> asyncio.Task[Answer]:
    return asyncio.create_task(ask(api, "POST", f"{STATION}/reset", body, key))


async def answered(charger: LiveCharger, call: Any, status: str = "Accepted") -> None:
    await charger.peer.says(orjson.dumps([3, call[1], {"status": status}]))


async def test_the_same_answer_comes_again_byte_for_byte_secret_and_all(api: Api) -> None:
    path, body = f"{api.organization}/chargers?pretty=true", {"charge_box_id": "CP-1"}
    first = await ask(api, "POST", path, body)
    again = await ask(api, "POST", path, body)

    assert (first.status, again.status) == (201, 201)
    assert again.text == first.text
    assert "ocpp_password" in first.text
    assert (first.headers.get(REPLAYED), again.headers[REPLAYED]) == (None, "true")
    assert {name: again.headers[name] for name in ("Content-Type", "Cache-Control", "Server")} == {
        name: first.headers[name] for name in ("Content-Type", "Cache-Control", "Server")
    }
    # Without a key it is another request.
    assert (await api("POST", path, body)).error == (409, "conflict")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_changes_are_made_once_too(api: Api, method: str) -> None:
    configuration = (await api.enrol_with_proxy())["proxy_configuration"]
    path = f"{api.organization}/proxy_configurations/{configuration['id']}"
    now = (await api.get(path))["proxy_configuration"]
    body = {
        name: now[name]
        for name in (
            "target_platform_identifier",
            "target_websocket_url",
            "target_authentication_method",
        )
    }
    first = await ask(api, method, path, {**body, "enabled": False})
    await api("PATCH", path, {"enabled": True})

    again = await ask(api, method, path, {**body, "enabled": False})

    assert again.text == first.text
    assert (await api.get(path))["proxy_configuration"]["enabled"] is True


async def test_a_charger_is_asked_once_by_two_at_once_and_one_later(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    charger = await connect()
    first = reset(api)
    call = await charger.peer.hears()

    second = await reset(api)
    assert second.error == (409, "conflict")
    assert "being carried out" in second.body["message"]
    await answered(charger, call)
    told = await first
    assert told.status == 200
    assert (await reset(api)).text == told.text

    other = reset(api, key="key-2")
    call = await charger.peer.hears()  # the next that it hears is the other one's
    await answered(charger, call)
    await other
    assert len((await api.get(f"{STATION}/commands"))["commands"]) == 2


async def test_another_body_for_the_same_key_is_refused(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    first = reset(api)
    call = await charger.peer.hears()

    while_it_runs = await reset(api, body={"type": "OnIdle"})
    await answered(charger, call)
    await first
    afterwards = await reset(api, body={"type": "OnIdle"})

    assert while_it_runs.fields == afterwards.fields == {HEADER}


async def test_a_key_is_of_its_path_and_its_organization(api: Api) -> None:
    neighbour = await api.neighbour()
    for one in (api, neighbour):
        path = f"{one.organization}/sites"
        assert (await ask(one, "POST", path, {"name": "A"})).headers.get(REPLAYED) is None
        path = f"{path}?pretty=true"
        assert (await ask(one, "POST", path, {"name": "A"})).headers.get(REPLAYED) is None


async def test_who_may_do_less_is_not_told_what_another_was(api: Api) -> None:
    path = f"{api.organization}/sites"
    await ask(api, "POST", path, {"name": "A"})

    assert (await ask(await api.with_scope("read"), "POST", path, {"name": "A"})).status == 403
    assert (await ask(await api.with_scope("operate"), "POST", path, {"name": "A"})).fields == {
        HEADER
    }


async def test_where_nothing_was_done_the_same_key_may_be_used_again(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    assert (await reset(api)).error == (409, "charger_offline")
    path = f"{STATION}/commands/ChangeAvailability"
    assert (await ask(api, "POST", path, {"no": "such"})).status in {409, 422}
    assert (await ask(api, "POST", f"{STATION}/reset", text="{", key="key-2")).status == 400

    charger = await connect()
    call = reset(api)
    await answered(charger, await charger.peer.hears())

    assert (await call).status == 200
    assert (await reset(api)).headers[REPLAYED] == "true"


async def test_a_charger_that_went_before_it_answered_is_not_asked_again(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    charger = await connect()
    first = reset(api)
    await charger.peer.hears()
    await charger.peer.socket.close(1006, "")
    told = await first
    await charger.ended
    assert told.error == (409, "charger_offline")
    await connect()

    again = await reset(api)

    assert again.text == told.text
    assert again.headers[REPLAYED] == "true"
    shown = await api.get(f"{STATION}/commands/{told.body['command_id']}")
    assert shown["command"]["state"] == "offline"


@pytest.mark.parametrize("answer", [[4, "InternalError", "no", {}], [3, {"status": "Rejected"}]])
async def test_what_the_charger_said_is_said_again(
    api: Api, connect: Connect, answer: list[Any]
) -> None:
    await api.enrol()
    charger = await connect()
    first = reset(api)
    call = await charger.peer.hears()
    await charger.peer.says(orjson.dumps([answer[0], call[1], *answer[1:]]))
    told = await first

    again = await reset(api)

    assert (again.status, again.text) == (told.status, told.text)
    assert again.headers[REPLAYED] == "true"


async def test_what_was_interrupted_is_not_tried_again_and_one_is_told_where_to_look(
    api: Api, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.enrol()
    charger = await connect()

    async def lost(*_: object) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(IdempotentRequests, "end", lost)
        first = reset(api)
        await answered(charger, await charger.peer.hears())
        assert (await first).status == 200  # it was done, and is told

    again = await reset(api)

    assert again.error == (409, "conflict")
    shown = await api.get(f"{STATION}/commands/{again.body['command_id']}")
    assert (shown["command"]["action"], shown["command"]["state"]) == ("Reset", "answered")


async def test_after_a_day_the_key_is_free(api: Api) -> None:
    path = f"{api.organization}/sites"
    await ask(api, "POST", path, {"name": "A"})
    api.clock.forward(hours=24)
    assert (await ask(api, "POST", path, {"name": "A"})).headers[REPLAYED] == "true"

    api.clock.forward(microseconds=1)

    assert (await ask(api, "POST", path, {"name": "A"})).headers.get(REPLAYED) is None


@pytest.mark.parametrize("key", ["", "x" * 256, "with blank", "ümlaut"])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    got = await ask(api, "POST", f"{api.organization}/sites", {"name": "A"}, key=key)

    assert got.fields == {HEADER}
    assert (await api.get(f"{api.organization}/sites"))["sites"] == []


async def test_where_nothing_is_changed_or_all_may_be_repeated_the_key_is_not_read(
    api: Api,
) -> None:
    await api.enrol()
    path = f"{api.organization}/chargers/CP-1"

    assert (await ask(api, "GET", path)).headers.get(REPLAYED) is None
    assert (await ask(api, "GET", path)).headers.get(REPLAYED) is None
    assert (await ask(api, "DELETE", path)).status == 200
    assert (await ask(api, "DELETE", path)).status == 404


async def test_another_caller_does_not_get_the_answer_secret_and_all(api: Api) -> None:
    other = await api.with_scope("admin")
    path, body = f"{api.organization}/chargers", {"charge_box_id": "CP-1"}
    first = await ask(api, "POST", path, body)
    got = await ask(other, "POST", path, body)

    assert got.fields == {HEADER}
    assert got.status == 422
    assert (await ask(api, "POST", path, body)).text == first.text


async def test_no_digest_lets_one_guess_at_a_body(api: Api) -> None:
    await ask(api, "POST", f"{api.organization}/sites", {"name": "A"})
    (row,) = await api.storage.database.fetch(select(idempotent_requests.c.body_digest))
    (key,) = await api.storage.api_keys.list(api.organization_uuid)
    asked = f"key:{key.key_id}\nadmin\napplication/json\n" + json.dumps({"name": "A"})
    digest, derived = hashlib.sha256(asked.encode()).digest(), api.storage.sealer.derived(PURPOSE)

    assert bytes(row["body_digest"]) == (
        derived.key_id + hmac.digest(derived.key, digest, "sha256")
    )


@pytest.mark.parametrize("forgotten", [False, True])
async def test_answers_come_again_after_the_keys_were_changed(
    api: Api,
    tmp_path: Path,
    forgotten: bool,  # noqa: FBT001 - a table
) -> None:
    """Where the key is gone it cannot be told whether it is the same request."""
    path, sealer = f"{api.organization}/sites", api.storage.sealer
    first, before = await ask(api, "POST", path, {"name": "A"}), sealer.current
    ring = KeyRing.of(tmp_path)
    await Rekeying(api.storage.database, sealer, ring, api.clock).rotate()
    if forgotten:
        ring.write(ring.read().without([before]))
    assert (sealer.current != before, sealer.holds(before)) == (True, not forgotten)
    again, other = [await ask(api, "POST", path, {"name": name}) for name in "AB"]

    if forgotten:
        assert again.error == other.error == (409, "conflict")
    else:
        assert again.text == first.text
        assert other.fields == {HEADER}


async def test_a_batch_begins_once(api: Api) -> None:
    await api.enrol()
    path = "/api/chargingStations/commands/ClearCache"
    body = {"stations": ["CP-1"], "request": {}}
    first, again = [await ask(api, "POST", path, body) for _ in range(2)]

    assert (first.status, again.status) == (202, 202)
    assert again.text == first.text
    batches = (await api.get("/api/chargingStations/commands/batches"))["batches"]
    assert [each["batchId"] for each in batches] == [first.body["batchId"]]


async def test_a_job_has_the_id_that_is_remembered(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    body = {"location": "ftp://files.example.com/firmware"}
    asking = asyncio.create_task(ask(api, "POST", f"{STATION}/firmware", body))
    call = await charger.peer.hears()
    await charger.peer.says(orjson.dumps([3, call[1], {}]))
    told = await asking

    again = await ask(api, "POST", f"{STATION}/firmware", body)

    assert told.status == 200, told.text
    assert again.text == told.text
    assert len((await api.get(f"{STATION}/jobs"))["jobs"]) == 1


async def test_another_server_on_the_same_database_goes_on_where_this_one_was(api: Api) -> None:
    path = f"{api.organization}/sites"
    first = await ask(api, "POST", path, {"name": "A"})
    async with listening(create_app(api.parts), Bind("127.0.0.1", 0)) as bind:
        other = Api(
            api.session, f"http://{bind}", api.parts, api.clock, api.organization_uuid, api.key
        )

        again = await ask(other, "POST", path, {"name": "A"})

    assert again.text == first.text
    assert again.headers[REPLAYED] == "true"
