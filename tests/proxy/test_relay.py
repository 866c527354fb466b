"""What one link calls, the other answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from csms.errors import CallRefused, LinkClosed
from tests.proxy.stage import (
    CLOCK,
    MOMENT,
    OCPP201,
    QUICK,
    Stage,
    Target,
    never,
    refuses,
    says,
    staged,
)

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
INVALID = {"idTagInfo": {"status": "Invalid"}}
BLOCKED = {"idTagInfo": {"status": "Blocked"}}


async def refused(asking: Any) -> tuple[str, str]:
    with pytest.raises(CallRefused) as raised:
        await asking
    return raised.value.error.code, raised.value.error.description


# ---- what the charger calls ----


async def test_a_transaction_goes_through_with_the_ids_of_each_side(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await charger.boots()
        await stage.reaches(key, "ready")
        started = await charger.starts()
        ours = started["transactionId"]
        await charger.meters(ours, 100)
        await charger.stops(ours)

        assert (await target.hears("MeterValues"))["transactionId"] == 700_001
        assert (await target.hears("StopTransaction"))["transactionId"] == 700_001
    assert started == {"transactionId": ours, **ACCEPTED}
    assert ours != 700_001


async def test_what_needs_no_id_of_another_side_passes_byte_for_byte(
    stage: Stage, target: Target
) -> None:
    payload = (
        b'{"type" : "X\\u00e9", "timestamp":"", "n": [6.0, 1e3, 12345678901234567890], "n":null}'
    )
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        with pytest.raises(CallRefused):
            await charger.call("SecurityEventNotification", payload)
        await target.hears("SecurityEventNotification")

    assert target.heard[-1].payload == payload


async def test_what_is_ours_to_answer_waits_for_no_target(stage: Stage, target: Target) -> None:
    target.answers |= {"BootNotification": never, "StatusNotification": never}
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        booted = await charger.boots()
        status = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}

        assert booted["status"] == "Accepted"
        assert await charger.call("StatusNotification", status) == {}
        assert "currentTime" in await charger.call("Heartbeat")


async def test_a_target_s_verdict_on_a_tag_reaches_the_charger(
    stage: Stage, target: Target
) -> None:
    target.answers["Authorize"] = says(BLOCKED)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await charger.call("Authorize", {"idTag": "CARD"}) == BLOCKED


async def test_a_start_that_the_target_rejects_still_gets_an_id_of_ours(
    stage: Stage, target: Target
) -> None:
    target.answers["StartTransaction"] = says({"transactionId": 0, **INVALID})
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        started = await charger.starts()
        await charger.stops(started["transactionId"])

        assert (await target.hears("StopTransaction"))["transactionId"] == 0
    assert started["idTagInfo"] == {"status": "Invalid"}
    assert started["transactionId"] > 0


@pytest.mark.parametrize(
    "nonsense",
    [b"null", b"[]", b'"yes"', b"{}", b'{"idTagInfo":[]}', b'{"idTagInfo":{"status":1}}'],
)
async def test_nonsense_from_the_target_becomes_no_nonsense_for_the_charger(
    stage: Stage, target: Target, nonsense: bytes
) -> None:
    target.answers["Authorize"] = target.answers["StartTransaction"] = says(nonsense)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        started = await charger.starts()

        assert await charger.call("Authorize", {"idTag": "CARD"}) == INVALID
        assert started == {"transactionId": started["transactionId"], **INVALID}
        assert started["transactionId"] > 0


async def test_a_word_on_a_tag_that_the_charger_cannot_read_becomes_invalid(
    stage: Stage, target: Target
) -> None:
    unknown = {"idTagInfo": {"status": "Unknown"}}
    target.answers["Authorize"] = says(unknown)
    target.answers["StartTransaction"] = says({"transactionId": 3, **unknown})
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        started = await charger.starts()

        assert await charger.call("Authorize", {"idTag": "CARD"}) == INVALID
        assert started["idTagInfo"] == {"status": "Invalid"}


async def test_while_the_target_is_away_a_tag_that_it_knows_is_accepted(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await charger.call("Authorize", {"idTag": "KNOWN"})
        assert target.server is not None
        target.server.close()
        await stage.reaches(key, "backoff")

        assert await charger.call("Authorize", {"idTag": "KNOWN"}) == ACCEPTED
        assert await charger.call("Authorize", {"idTag": "OTHER"}) == INVALID
        assert (await charger.starts("OTHER"))["idTagInfo"] == {"status": "Invalid"}


async def test_a_tag_that_the_target_accepted_long_ago_is_not_known_any_more(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, replace(QUICK, known_token=0.0)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            await charger.call("Authorize", {"idTag": "KNOWN"})
            target.answers["Authorize"] = refuses("InternalError")

            assert await charger.call("Authorize", {"idTag": "KNOWN"}) == INVALID


async def test_a_mute_target_leaves_no_charger_without_an_answer(
    tmp_path: Path, target: Target
) -> None:
    target.answers["Authorize"] = never
    async with staged(tmp_path, replace(QUICK, ask=0.05)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")

            assert await charger.call("Authorize", {"idTag": "CARD"}) == INVALID


async def test_a_target_that_hangs_up_instead_of_answering_is_waited_for_no_longer(
    stage: Stage, target: Target
) -> None:
    async def hangs_up(_: object) -> None:
        await target.hang_up()

    target.answers["Authorize"] = hangs_up
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await charger.call("Authorize", {"idTag": "CARD"}) == INVALID


async def test_what_the_platform_started_is_accepted_whatever_the_target_says(
    stage: Stage, target: Target
) -> None:
    target.answers["StartTransaction"] = says({"transactionId": 7, **INVALID})
    target.answers["Authorize"] = refuses("InternalError")
    key = await stage.enrol(target.url)
    stage.storage.id_tokens.note_accepted(key, "OURS", "platform", CLOCK.now())
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        started = await charger.starts("OURS")

        assert started["idTagInfo"] == {"status": "Accepted"}
        assert started["transactionId"] != 7
        assert await charger.call("Authorize", {"idTag": "OURS"}) == ACCEPTED


async def test_what_the_target_remotely_started_is_known_when_it_goes_away(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        charger.answers["RemoteStartTransaction"] = says({"status": "Accepted"})
        await target.link.call("RemoteStartTransaction", b'{"idTag":"APP","connectorId":1}')
        target.answers["StartTransaction"] = refuses("InternalError")

        assert (await charger.starts("APP"))["idTagInfo"] == {"status": "Accepted"}


async def test_the_target_answers_data_transfers(stage: Stage, target: Target) -> None:
    target.answers["DataTransfer"] = says(b'{"status":"Accepted","data":"x"}')
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        answer = await charger.call("DataTransfer", {"vendorId": "acme"})

    assert answer == {"status": "Accepted", "data": "x"}


async def test_without_the_target_a_data_transfer_is_answered_by_us(stage: Stage) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    async with stage.charger(key) as charger:
        answer = await charger.call("DataTransfer", {"vendorId": "acme"})

    assert answer == {"status": "UnknownVendorId"}


async def test_the_target_s_refusal_of_a_data_transfer_is_passed_on(
    stage: Stage, target: Target
) -> None:
    target.answers["DataTransfer"] = refuses("SecurityError", "not you")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await refused(charger.call("DataTransfer", {"vendorId": "acme"})) == (
            "SecurityError",
            "not you",
        )


async def test_an_action_that_only_the_target_knows_is_its_to_answer(
    stage: Stage, target: Target
) -> None:
    target.answers["AcmeHello"] = says(b'{"hello":"you"}')
    target.answers["AcmeOther"] = refuses("NotImplemented")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await charger.call("AcmeHello") == {"hello": "you"}
        assert (await refused(charger.call("AcmeOther", b"[]")))[0] == "NotImplemented"


EVENT = {
    "eventType": "Started",
    "timestamp": MOMENT,
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "T-1"},
    "idToken": {"idToken": "CARD", "type": "ISO14443"},
}


async def test_a_201_event_keeps_its_id_and_gets_the_target_s_verdict(
    stage: Stage, target: Target
) -> None:
    answer = b'{"totalCost": 6.0, "idTokenInfo": {"status": "ConcurrentTx"}}'
    target.answers["TransactionEvent"] = says(answer)
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        got = await charger.call("TransactionEvent", EVENT)

    assert got == orjson.loads(answer)
    assert target.payloads("TransactionEvent") == [EVENT]


async def test_a_201_verdict_that_the_target_owes_is_ours(stage: Stage, target: Target) -> None:
    target.answers["TransactionEvent"] = says(b"{}")
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        got = await charger.call("TransactionEvent", EVENT)

    assert got["idTokenInfo"]["status"] == "Invalid"


async def test_a_charger_stays_unanswered_where_the_books_cannot_be_read(
    stage: Stage, target: Target
) -> None:
    target.answers["Authorize"] = refuses("InternalError")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await stage.storage.database.execute(text("ALTER TABLE id_tokens RENAME TO aside"))

        with pytest.raises(LinkClosed) as closed:
            await charger.call("Authorize", {"idTag": "CARD"})

    assert closed.value.code == 1011


async def test_a_charger_without_a_target_is_served_by_the_platform(stage: Stage) -> None:
    key = await stage.enrol()
    async with stage.charger(key) as charger:
        assert (await charger.boots())["status"] == "Accepted"
        assert await charger.call("Authorize", {"idTag": "CARD"}) == ACCEPTED
