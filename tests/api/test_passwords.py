"""A charger gets a new password by OCPP or by hand, and is never locked out by it."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from csms.rotation import MOST_OPEN
from storage.repositories.password_rotations import PasswordRotations
from storage.secrets import secret_matches
from storage.security_records import PasswordRotation
from tests.api.conftest import Answer, Api, Connect, LiveCharger

COMMANDS = "/api/chargingStations/CP-1/commands"
KEY16 = {"key": "AuthorizationKey", "value": "62" * 16}


def path(api: Api, charge_box_id: str = "CP-1") -> str:
    return f"{api.organization}/chargers/{charge_box_id}/rotate-password"


async def asks(api: Api, body: Any = None) -> Answer:
    return await api("POST", path(api), body)


async def while_it_answers(
    charger: LiveCharger, asking: Any, answer: Any
) -> tuple[Answer, list[Any]]:
    task = asyncio.ensure_future(asking)
    call = await charger.peer.answers(orjson.dumps(answer))
    return await task, call[2:]


async def has(api: Api, password: bytes) -> bool:
    charger = await api.storage.chargers.get(api.charger_key("CP-1"))
    assert charger is not None
    return secret_matches(password, charger.password_digest)


async def rotations(api: Api) -> Any:
    return (await api.get(path(api)))["rotations"]


async def newest(api: Api) -> Any:
    (command, *_) = (await api.get(COMMANDS))["commands"]
    return command


async def test_the_charger_alone_is_told_its_new_password(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    got, (action, told) = await while_it_answers(charger, asks(api), {"status": "Accepted"})

    assert got.status == 200
    assert (got.body["state"], got.body["response"]) == ("accepted", "Accepted")
    assert got.body["ocpp_password"] is None
    assert (action, told["key"]) == ("ChangeConfiguration", "AuthorizationKey")
    password = bytes.fromhex(told["value"])
    assert await has(api, password)
    assert await rotations(api) == []
    command = await newest(api)
    assert command["commandId"] == got.body["rotation_id"]
    assert (command["action"], command["state"]) == ("RotatePassword", "answered")
    for text in (told["value"], password.decode()):
        assert text not in got.text + str(command)


async def test_a_refusal_is_told_and_leaves_the_old_one(api: Api, connect: Connect) -> None:
    old = (await api.enrol())["ocpp_password"]
    charger = await connect()
    got, _ = await while_it_answers(charger, asks(api, {"by": "ocpp"}), {"status": "Rejected"})

    assert (got.status, got.body["state"], got.body["response"]) == (200, "refused", "Rejected")
    assert await has(api, old.encode())
    assert await rotations(api) == []


async def test_what_waits_for_a_restart_is_shown(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    got, _ = await while_it_answers(charger, asks(api), {"status": "RebootRequired"})

    assert (got.body["state"], got.body["expires_at"]) == ("at_restart", None)
    (one,) = await rotations(api)
    assert (one["rotation_id"], one["state"]) == (got.body["rotation_id"], "at_restart")
    assert "next_digest" not in one


async def test_a_charger_that_is_away_is_offline_for_it(api: Api) -> None:
    old = (await api.enrol())["ocpp_password"]
    got = await asks(api)

    assert got.error == (409, "charger_offline")
    assert await rotations(api) == []
    assert await has(api, old.encode())


async def test_by_hand_it_is_told_once_and_counts_for_a_day(api: Api) -> None:
    await api.enrol()
    got = await asks(api, {"by": "hand"})

    assert (got.status, got.body["state"]) == (200, "by_hand")
    assert got.body["expires_at"] == "2026-11-22T10:00:00.000Z"
    assert len(got.body["ocpp_password"]) == 20
    (one,) = await rotations(api)
    assert one["state"] == "by_hand"
    api.clock.forward(hours=24)
    assert await rotations(api) == []


async def test_by_hand_it_can_be_cancelled(api: Api) -> None:
    await api.enrol()
    await asks(api, {"by": "hand"})

    assert (await api("DELETE", path(api))).status == 200
    assert await rotations(api) == []
    assert (await api("DELETE", path(api))).error == (404, "not_found")


async def test_what_the_charger_may_have_cannot_be_cancelled(api: Api, connect: Connect) -> None:
    await api.enrol()
    await while_it_answers(await connect(), asks(api), {"status": "RebootRequired"})

    assert (await api("DELETE", path(api))).error == (404, "not_found")
    assert len(await rotations(api)) == 1


async def test_what_ran_out_can_be_opened_again(api: Api) -> None:
    await api.enrol()
    reopening = f"{path(api)}/reopen"
    assert (await api("POST", reopening)).error == (404, "not_found")
    await asks(api, {"by": "hand"})
    assert (await api("POST", reopening)).error == (404, "not_found")
    api.clock.forward(hours=30)
    assert await rotations(api) == []

    got = await api("POST", reopening)
    assert got.status == 200
    assert got.body["rotations"] == await rotations(api)
    assert [one["expires_at"] for one in got.body["rotations"]] == ["2026-11-23T16:00:00.000Z"]


async def test_who_types_one_in_is_not_overtaken(api: Api, connect: Connect) -> None:
    await api.enrol()
    await asks(api, {"by": "hand"})
    await connect()

    assert (await asks(api)).error == (409, "conflict")
    got = await api("POST", f"{COMMANDS}/ChangeConfiguration", KEY16)
    assert got.error == (409, "conflict")


async def test_so_many_are_open_at_most(api: Api) -> None:
    await api.enrol()
    for _ in range(MOST_OPEN):
        assert (await asks(api, {"by": "hand"})).status == 200
    assert (await asks(api, {"by": "hand"})).error == (409, "conflict")


@pytest.mark.parametrize("body", [{"by": "post"}, {"password": "x"}, {"by": None}, 7], ids=str)
async def test_nothing_else_is_understood(api: Api, body: Any) -> None:
    await api.enrol()
    assert (await asks(api, body)).error == (422, "invalid")


async def test_it_is_for_admins(api: Api) -> None:
    await api.enrol()
    operator = await api.with_scope("operate")

    assert (await asks(operator, {"by": "hand"})).error == (403, "forbidden")
    assert (await operator("DELETE", path(api))).error == (403, "forbidden")
    assert await rotations(operator) == []


async def test_a_strange_charger_is_not_found(api: Api) -> None:
    await api.enrol()
    other = await api.neighbour()
    for method in ("GET", "POST", "DELETE"):
        assert (await other(method, path(other))).error == (404, "not_found")


# ---- in OCPP's own words ----


async def test_a_charger_that_is_deleted_meanwhile_is_not_found(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.enrol()
    begin = PasswordRotations.begin

    async def too_late(self: PasswordRotations, rotation: PasswordRotation) -> None:
        assert await api.storage.chargers.delete(rotation.key)
        await begin(self, rotation)

    monkeypatch.setattr(PasswordRotations, "begin", too_late)

    assert (await asks(api, {"by": "hand"})).status == 404


async def test_a_password_in_ocpps_words_goes_the_same_way(api: Api, connect: Connect) -> None:
    await api.enrol()
    asking = api("POST", f"{COMMANDS}/ChangeConfiguration", KEY16)
    got, told = await while_it_answers(await connect(), asking, {"status": "Accepted"})

    assert (got.status, got.body) == (200, {"status": "Accepted"})
    assert told == ["ChangeConfiguration", KEY16]
    assert await has(api, b"b" * 16)
    command = await newest(api)
    assert command["request"] == {"key": "AuthorizationKey", "value": "(concealed)"}


async def test_a_password_in_the_words_of_2_0_1_goes_the_same_way(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    body = {"setVariableData": [{**place, "attributeValue": "a-password-of-20-cha"}]}
    answer = {"setVariableResult": [{**place, "attributeStatus": "Accepted"}]}
    charger = await connect(version="2.0.1")
    got, told = await while_it_answers(
        charger, api("POST", f"{COMMANDS}/SetVariables", body), answer
    )

    assert (got.status, got.body) == (200, answer)
    assert told == ["SetVariables", body]
    assert await has(api, b"a-password-of-20-cha")
    assert "a-password" not in str(await newest(api))


async def test_a_charger_that_was_never_here_is_not_asked_in_passing(api: Api) -> None:
    await api.enrol()
    got = await api("POST", f"{COMMANDS}/ChangeConfiguration", KEY16)
    assert got.error == (409, "charger_offline")


async def test_a_profile_is_only_raised(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    lower = {"key": "SecurityProfile", "value": "0"}
    assert (await api("POST", f"{COMMANDS}/ChangeConfiguration", lower)).error == (422, "invalid")

    same = {"key": "SecurityProfile", "value": "1"}
    asking = api("POST", f"{COMMANDS}/ChangeConfiguration", same)
    got, _ = await while_it_answers(charger, asking, {"status": "Accepted"})
    assert got.status == 200
