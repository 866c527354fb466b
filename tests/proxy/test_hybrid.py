"""Who judges a token in hybrid mode, as the owner wishes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csms.commands import RemoteStart, RemoteStop
from storage.operation_records import KnownToken
from storage.records import ChargerKey
from tests.proxy.stage import (
    CLOCK,
    MOMENT,
    OCPP201,
    QUICK,
    Device,
    Stage,
    Target,
    never,
    says,
    staged,
)

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
INVALID = {"idTagInfo": {"status": "Invalid"}}
BLOCKED = {"idTagInfo": {"status": "Blocked"}}
NOWHERE = "ws://127.0.0.1:1/"


def event(token: str | None = "CARD", kind: str = "Started") -> dict[str, Any]:
    info = {"transactionId": "T-1"}
    fields = {"eventType": kind, "timestamp": MOMENT, "seqNo": 0, "transactionInfo": info}
    token_of = {"idToken": {"idToken": token, "type": "ISO14443"}} if token else {}
    return {**fields, "triggerReason": "Authorized", **token_of}


async def authorizes(charger: Device, tag: str = "CARD") -> Any:
    return await charger.call("Authorize", {"idTag": tag})


# ---- authority: platform ----


async def test_where_the_platform_judges_the_target_is_only_told(
    stage: Stage, target: Target
) -> None:
    target.answers["Authorize"] = says(BLOCKED)
    target.answers["StartTransaction"] = says({"transactionId": 700_001, **BLOCKED})
    key = await stage.enrol(target.url, policy={"authority": "platform"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        assert await authorizes(charger) == ACCEPTED
        started = await charger.starts()
        await charger.stops(started["transactionId"])

        assert started["idTagInfo"] == {"status": "Accepted"}
        assert (await target.hears("StopTransaction"))["transactionId"] == 700_001
    assert target.actions.count("Authorize") == 1


async def test_where_the_platform_judges_nobody_waits_for_the_target(
    stage: Stage, target: Target
) -> None:
    target.answers["Authorize"] = target.answers["StartTransaction"] = never
    key = await stage.enrol(target.url, policy={"authority": "platform"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        async with asyncio.timeout(QUICK.ask / 2):
            await authorizes(charger)
            assert (await charger.starts())["transactionId"] > 0


async def test_where_the_platform_judges_it_answers_data_transfers_too(
    stage: Stage, target: Target
) -> None:
    target.answers["DataTransfer"] = says({"status": "Accepted"})
    key = await stage.enrol(target.url, policy={"authority": "platform"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        answer = await charger.call("DataTransfer", {"vendorId": "acme"})
        await target.hears("DataTransfer")

    assert answer == {"status": "UnknownVendorId"}


async def test_the_platform_judges_by_what_the_organization_has_set(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, policy={"authority": "platform"})
    await stage.storage.organizations.authorize(key.organization_uuid, "known")
    await know(stage, key, "OURS")
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await authorizes(charger, "ours") == ACCEPTED
        assert await authorizes(charger, "OTHER") == {"idTagInfo": {"status": "Invalid"}}


async def know(stage: Stage, key: ChargerKey, id_token: str, **more: Any) -> None:
    token = KnownToken(
        organization_uuid=key.organization_uuid,
        id_token=id_token,
        created_at=CLOCK.now(),
        **more,
    )
    await stage.storage.known_tokens.add(token)


# ---- authority: platform_then_target ----


@pytest.mark.parametrize("status", ["Accepted", "Blocked"])
async def test_a_token_of_the_organization_s_own_list_is_not_asked_about(
    stage: Stage, target: Target, status: str
) -> None:
    target.answers["Authorize"] = never
    key = await stage.enrol(target.url, policy={"authority": "platform_then_target"})
    await know(stage, key, "OURS", status=status)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        async with asyncio.timeout(QUICK.ask / 2):
            assert await authorizes(charger, "ours") == {"idTagInfo": {"status": status}}


async def test_a_token_that_the_platform_knows_is_not_asked_about(
    stage: Stage, target: Target
) -> None:
    target.answers["Authorize"] = never
    key = await stage.enrol(target.url, policy={"authority": "platform_then_target"})
    stage.storage.id_tokens.note_accepted(key, "OURS", "platform", CLOCK.now())
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        async with asyncio.timeout(QUICK.ask / 2):
            assert await authorizes(charger, "OURS") == ACCEPTED


async def test_a_token_that_the_platform_does_not_know_is_the_target_s_to_judge(
    stage: Stage, target: Target
) -> None:
    target.answers["Authorize"] = says(BLOCKED)
    key = await stage.enrol(target.url, policy={"authority": "platform_then_target"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await authorizes(charger, "THEIRS") == BLOCKED


# ---- the target does not judge ----


@pytest.mark.parametrize(
    ("wish", "known", "unknown"),
    [
        ("accept_known", "Accepted", "Invalid"),
        ("accept_all", "Accepted", "Accepted"),
        ("reject", "Invalid", "Invalid"),
    ],
)
async def test_while_the_target_is_away_tokens_are_judged_as_wished(
    stage: Stage, wish: str, known: str, unknown: str
) -> None:
    key = await stage.enrol(NOWHERE, policy={"on_target_down": wish})
    stage.storage.id_tokens.note_accepted(key, "KNOWN", "target", CLOCK.now())
    async with stage.charger(key) as charger:
        for tag, status in (("KNOWN", known), ("NEW", unknown)):
            assert await authorizes(charger, tag) == {"idTagInfo": {"status": status}}
            started = await charger.starts(tag)
            assert started["idTagInfo"] == {"status": status}
            assert started["transactionId"] > 0


@pytest.mark.parametrize("wish", ["accept_known", "accept_all", "reject"])
async def test_what_the_platform_started_with_is_accepted_whatever_is_wished(
    stage: Stage, wish: str
) -> None:
    key = await stage.enrol(NOWHERE, policy={"on_target_down": wish})
    stage.storage.id_tokens.note_accepted(key, "OURS", "platform", CLOCK.now())
    async with stage.charger(key) as charger:
        assert await authorizes(charger, "OURS") == ACCEPTED


async def test_a_session_that_the_platform_starts_and_stops_is_an_ordinary_one_to_the_target(
    stage: Stage, target: Target
) -> None:
    """The target rejects the token, and has the ids of its own; the charger has ours."""
    target.answers["Authorize"] = says(BLOCKED)
    target.answers["StartTransaction"] = says({"transactionId": 700_001, **BLOCKED})
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        for action in ("RemoteStartTransaction", "RemoteStopTransaction"):
            charger.answers[action] = says({"status": "Accepted"})
        await stage.reaches(key, "ready")
        station = charger.connection.station
        await station.perform(RemoteStart(1, "OURS", details={"authorizationReference": "ref"}))
        assert await authorizes(charger, "OURS") == ACCEPTED
        started = await charger.starts("OURS")
        assert started["idTagInfo"] == {"status": "Accepted"}
        ours = started["transactionId"]
        await station.perform(RemoteStop(str(ours)))
        await charger.stops(ours)

        assert (await target.hears("StopTransaction"))["transactionId"] == 700_001
        session = await stage.storage.transactions.get(key, str(ours))
    assert charger.payloads("RemoteStopTransaction") == [{"transactionId": ours}]
    assert session is not None
    assert session.remote_start == {"authorizationReference": "ref"}
    assert (session.state, session.ended_by) == ("ended", "operator")


async def test_a_target_that_has_not_accepted_us_counts_as_no_answer_at_once(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = says({"status": "Pending", "interval": 300})
    key = await stage.enrol(target.url, policy={"on_target_down": "accept_all"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "pending")
        async with asyncio.timeout(QUICK.ask / 2):
            assert await authorizes(charger) == ACCEPTED


async def test_a_target_that_answers_too_late_is_not_waited_for_and_gets_its_own_id_in(
    tmp_path: Path, target: Target
) -> None:
    gate = asyncio.Event()

    async def late(call: Any) -> Any:
        await gate.wait()
        return target.starts(call)

    target.answers["StartTransaction"] = late
    async with staged(tmp_path, replace(QUICK, ask=0.05)) as stage:
        key = await stage.enrol(target.url, policy={"on_target_down": "accept_all"})
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            started = await charger.starts()
            gate.set()
            await charger.stops(started["transactionId"])

            assert started["idTagInfo"] == {"status": "Accepted"}
            assert (await target.hears("StopTransaction"))["transactionId"] == 700_001
    assert target.actions.count("StartTransaction") == 1


@pytest.mark.parametrize(
    ("wish", "status"), [("accept_all", "Accepted"), ("accept_known", "Invalid")]
)
async def test_an_event_without_the_verdict_that_is_owed_gets_ours(
    stage: Stage, target: Target, wish: str, status: str
) -> None:
    target.answers["TransactionEvent"] = says(b'{"totalCost":6.0}')
    key = await stage.enrol(target.url, policy={"on_target_down": wish})
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        got = await charger.call("TransactionEvent", event())

    assert got["idTokenInfo"] == {"status": status}


async def test_an_event_without_a_token_waits_for_nobody(stage: Stage, target: Target) -> None:
    target.answers["TransactionEvent"] = never
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        async with asyncio.timeout(QUICK.ask / 2):
            got = await charger.call("TransactionEvent", event(None))

    assert "idTokenInfo" not in got


# ---- the wishes change ----


async def test_other_wishes_hold_at_once_and_bounce_nobody(stage: Stage, target: Target) -> None:
    target.answers["Authorize"] = says(BLOCKED)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        assert await authorizes(charger) == BLOCKED
        await stage.change(key, policy={"authority": "platform"})
        assert await authorizes(charger) == ACCEPTED
        await stage.change(key, policy={"actions": {"ClearCache": "answer"}})
        answer = await target.link.call("ClearCache", b"{}")

    assert answer.fields == {"status": "Rejected"}
    assert len(target.requests) == 1


async def test_what_the_charger_says_keeps_its_order_while_some_of_it_is_asked_about(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        for value in range(3):
            await charger.meters(ours, value)
            await authorizes(charger)
        await charger.stops(ours)
        await target.hears("StopTransaction")

    said = [action for action in target.actions if action != "BootNotification"]
    assert said == ["StartTransaction", *["MeterValues", "Authorize"] * 3, "StopTransaction"]


async def test_a_repeated_start_is_told_once(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        first, again = await charger.starts(), await charger.starts()
        await charger.stops(first["transactionId"])
        await target.hears("StopTransaction")

    assert first["transactionId"] == again["transactionId"]
    assert target.actions.count("StartTransaction") == 1
