"""What a target asks of a charger, and what it gets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms.errors import CallRefused
from tests.doubles import PATIENCE
from tests.proxy.stage import (
    QUICK,
    Device,
    Stage,
    Target,
    never,
    refuses,
    says,
    staged,
)

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


async def refused(asking: Any) -> tuple[str, str]:
    with pytest.raises(CallRefused) as raised:
        await asking
    return raised.value.error.code, raised.value.error.description


async def running(charger: Device, target: Target) -> int:
    """Begin a transaction that the target knows as 700001, and return our id."""
    ours = (await charger.starts())["transactionId"]
    assert isinstance(ours, int)
    return ours


async def test_the_target_stops_its_transaction_and_the_charger_ours(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["RemoteStopTransaction"] = says(b'{"status": "Accepted"}')
        await stage.reaches(key, "ready")
        ours = await running(charger, target)
        answer = await target.link.call("RemoteStopTransaction", b'{"transactionId": 700001}')

    assert answer.payload == b'{"status": "Accepted"}'
    assert charger.heard[-1].payload == b'{"transactionId": %d}' % ours


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("UnlockConnector", b'{"connectorId":1}'),
        ("ChangeAvailability", b'{"connectorId":1,"type":"Inoperative"}'),
        ("GetConfiguration", b'{"key":["A"]}'),
        ("ChangeConfiguration", b'{"key":"A","value":"1"}'),
    ],
)
async def test_the_log_tells_which_message_of_the_target_the_charger_was_told(
    stage: Stage, target: Target, action: str, payload: bytes
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers[action] = says(b'{"status":"Accepted"}')
        await stage.reaches(key, "ready")
        await target.link.call(action, payload)
    await stage.storage.journal.flush()
    said = [one.call for one in await stage.storage.journal.exchanges(key, action=action)]

    relayed, asked = said
    assert (asked.direction, asked.origin) == ("target_to_platform", None)
    assert (relayed.direction, relayed.origin) == ("platform_to_charger", asked.seq)


async def test_a_transaction_that_is_not_the_target_s_own_is_not_stopped(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = await running(charger, target)
        for guess in (ours, 5, -1):
            payload = b'{"transactionId":%d}' % guess
            answer = await target.link.call("RemoteStopTransaction", payload)
            assert answer.fields == {"status": "Rejected"}

    assert charger.heard == []


async def test_the_charger_s_refusal_goes_back_as_it_is(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["UnlockConnector"] = refuses("OccurenceConstraintViolation", "which one?")
        await stage.reaches(key, "ready")

        assert await refused(target.link.call("UnlockConnector", b"{}")) == (
            "OccurenceConstraintViolation",
            "which one?",
        )


async def test_a_charger_that_says_nothing_is_an_error_for_the_target(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, replace(QUICK, command=0.05)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            charger.answers["ClearCache"] = never
            await stage.reaches(key, "ready")

            assert (await refused(target.link.call("ClearCache", b"{}")))[0] == "GenericError"


async def test_a_command_waits_only_so_long_for_its_turn(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path, replace(QUICK, patience=0.05)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            charger.answers["Reset"] = never
            await stage.reaches(key, "ready")
            ahead = asyncio.create_task(
                charger.connection.link.call("Reset", b"{}", timeout=PATIENCE)
            )
            await charger.hears("Reset")

            assert (await refused(target.link.call("ClearCache", b"{}")))[0] == "InternalError"
            ahead.cancel()


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        (
            "ChangeConfiguration",
            b'{"key":"AuthorizationKey","value":"00"}',
            b'{"status":"Rejected"}',
        ),
        ("GetLocalListVersion", b"{}", b'{"listVersion":-1}'),
    ],
)
async def test_what_the_policy_closes_the_charger_never_sees(
    stage: Stage, target: Target, action: str, payload: bytes, answer: bytes
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        got = await target.link.call(action, payload)

    assert (got.payload, charger.heard) == (answer, [])


async def test_a_password_that_the_charger_tells_stays_here(stage: Stage, target: Target) -> None:
    told = [{"key": "AuthorizationKey", "readonly": False, "value": "s3cret"}]
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["GetConfiguration"] = says({"configurationKey": told})
        await stage.reaches(key, "ready")
        answer = await target.link.call("GetConfiguration", b"{}")

    assert answer.fields == {"configurationKey": [{"key": "AuthorizationKey", "readonly": False}]}


async def test_an_observer_reads_only(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, role="observe")
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        got = await target.link.call("Reset", b'{"type":"Hard"}')
        await target.link.call("GetConfiguration", b"{}")

    assert got.fields == {"status": "Rejected"}
    assert charger.actions == ["GetConfiguration"]


async def test_the_configuration_may_close_an_action(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, policy={"actions": {"ClearCache": "error"}})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert (await refused(target.link.call("ClearCache", b"{}")))[0] == "NotSupported"
        assert charger.heard == []


async def test_what_the_target_triggers_on_its_own_link_does_not_trouble_the_charger(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        for message in ("Heartbeat", "BootNotification"):
            payload = orjson.dumps({"requestedMessage": message})
            answer = await target.link.call("TriggerMessage", payload)
            assert answer.fields == {"status": "Accepted"}
            await target.hears(message, 1 if message == "Heartbeat" else 2)

    assert charger.heard == []


async def test_the_same_message_id_on_every_side_confuses_nobody(
    stage: Stage, target: Target
) -> None:
    def always() -> str:
        return "1"

    target.new_id = always
    key = await stage.enrol(target.url)
    async with stage.charger(key, new_id=always) as charger:
        charger.answers["GetConfiguration"] = says(b'{"unknownKey":["A"]}')
        await stage.reaches(key, "ready")
        for _ in range(3):
            asked, answer = await asyncio.gather(
                charger.call("Authorize", {"idTag": "CARD"}),
                target.link.call("GetConfiguration", b"{}"),
            )
            assert (asked, answer.fields) == (ACCEPTED, {"unknownKey": ["A"]})

    sent = [call.id for party in (target, charger) for call in party.heard]
    assert len(set(sent)) == len(sent)
    assert all(len(id) <= 36 for id in sent)


async def test_a_charger_may_call_while_it_owes_an_answer(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:

        async def asks_first(call: Any) -> Any:
            await charger.call("Authorize", {"idTag": "APP"})
            return says(b'{"status":"Accepted"}')(call)

        charger.answers["RemoteStartTransaction"] = asks_first
        await stage.reaches(key, "ready")
        answer = await target.link.call("RemoteStartTransaction", b'{"idTag":"APP"}')

    assert answer.fields == {"status": "Accepted"}
    assert target.payloads("Authorize") == [{"idTag": "APP"}]
