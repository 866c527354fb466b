"""A target's reset ends nobody's session: it waits until nothing charges."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms.commands import Reset
from csms.errors import CallRefused
from storage.repositories.availability import DeferredReset
from tests.doubles import PATIENCE, settled, until
from tests.proxy.stage import MOMENT, OCPP201, Device, Stage, Target, refuses, says, staged

ACCEPTED, SCHEDULED = {"status": "Accepted"}, {"status": "Scheduled"}


async def resets(target: Target, **fields: Any) -> Any:
    return (await target.link.call("Reset", orjson.dumps(fields))).fields


async def forgotten(stage: Stage, key: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while await stage.storage.deferred_resets.of(key):
            await settled()


async def test_an_idle_charger_is_reset_at_once(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")

        assert await resets(target, type="Hard") == ACCEPTED
    assert charger.payloads("Reset") == [{"type": "Hard"}]


async def test_while_it_charges_the_reset_waits_and_is_a_soft_one(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        first, second = await charger.starts("A"), await charger.starts("B")

        assert await resets(target, type="Hard") == ACCEPTED
        await charger.stops(first["transactionId"])
        await settled()
        assert charger.payloads("Reset") == []
        await charger.stops(second["transactionId"])
        assert await charger.hears("Reset") == {"type": "Soft"}
        await forgotten(stage, key)
        noted = await stage.storage.audit.list(key.organization_uuid)
    assert [(one.action, one.result) for one in noted] == [("Reset", "deferred")]
    assert len(charger.payloads("Reset")) == 1


async def test_a_waiting_reset_survives_a_restart(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            started = await charger.starts()
            assert await resets(target, type="Soft") == ACCEPTED
    async with staged(tmp_path) as stage, stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await charger.stops(started["transactionId"])

        assert await charger.hears("Reset") == {"type": "Soft"}


async def test_a_reset_that_found_its_moment_offline_goes_out_on_return(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(target.url)
        stored = await stage.configuration(key)
        waits = DeferredReset(key, stored.id, b'{"type":"Soft"}', stored.created_at)
        await stage.storage.deferred_resets.note(waits)
        async with stage.charger(key) as charger:
            charger.answers["Reset"] = refuses("GenericError")

            assert await charger.hears("Reset") == {"type": "Soft"}
            await forgotten(stage, key)  # an answer is an answer


async def test_a_session_whose_end_was_lost_holds_nothing_back(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        await charger.starts()
        assert await resets(target, type="Soft") == ACCEPTED
        assert charger.payloads("Reset") == []
        status = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
        await charger.call("StatusNotification", status)

        await charger.hears("Reset")


async def test_a_session_that_ends_while_a_reset_is_noted_holds_it_no_longer(
    stage: Stage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await stage.enrol(target.url)
    waiting = stage.storage.deferred_resets
    note = waiting.note
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        started = await charger.starts()

        async def note_late(*reset: Any) -> None:
            await charger.stops(started["transactionId"])
            await settled()
            await note(*reset)

        monkeypatch.setattr(waiting, "note", note_late)
        assert await resets(target, type="Soft") == ACCEPTED

        assert await charger.hears("Reset") == {"type": "Soft"}


async def test_its_owner_may_let_every_reset_pass(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, policy={"actions": {"Reset": "forward"}})
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        await charger.starts()
        await resets(target, type="Hard")

    assert charger.payloads("Reset") == [{"type": "Hard"}]


@pytest.mark.parametrize("fields", [{}, {"type": "Warm"}, {"type": ["Hard"]}])
async def test_a_reset_that_cannot_be_read_is_refused(
    stage: Stage, target: Target, fields: Any
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        with pytest.raises(CallRefused):
            await resets(target, **fields)

    assert charger.heard == []


async def charges(charger: Device, kind: str, evse_id: int = 1, number: int = 0) -> None:
    event = {
        "eventType": kind,
        "timestamp": MOMENT,
        "triggerReason": "CablePluggedIn",
        "seqNo": number,
        "transactionInfo": {"transactionId": "T-1"},
        "evse": {"id": evse_id},
    }
    await charger.call("TransactionEvent", event)


async def test_in_201_a_reset_is_scheduled_and_keeps_its_words(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        await charges(charger, "Started")

        assert await resets(target, type="Immediate") == SCHEDULED
        assert await resets(target, type="Immediate", evseId=1) == SCHEDULED
        assert await resets(target, type="Immediate", evseId=2) == ACCEPTED
        assert await resets(target, type="OnIdle") == ACCEPTED
        await charges(charger, "Ended", number=1)
        await until(lambda: len(charger.payloads("Reset")) == 3)
    assert charger.payloads("Reset") == [
        {"type": "Immediate", "evseId": 2},
        {"type": "OnIdle"},
        {"type": "Immediate", "evseId": 1},
    ]


# ---- beside the platform's own ----


@pytest.mark.parametrize("mode", ["hybrid", "strict"])
async def test_the_platform_s_own_waits_beside_it_and_one_restart_does_for_both(
    stage: Stage, target: Target, mode: str
) -> None:
    key = await stage.enrol(target.url, mode=mode)
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        started = await charger.starts()
        assert (await charger.connection.station.perform(Reset("OnIdle"))).status == "Scheduled"
        assert await resets(target, type="Hard") == ACCEPTED
        assert len(await stage.storage.deferred_resets.of(key)) == 2

        await charger.stops(started["transactionId"])
        assert await charger.hears("Reset") == {"type": "Soft"}
        await forgotten(stage, key)
        await settled()
    assert len(charger.payloads("Reset")) == 1


async def test_the_platform_s_own_goes_out_when_the_charger_is_back(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol()
        async with stage.charger(key) as charger:
            await charger.starts()
            assert (await charger.connection.station.perform(Reset("OnIdle"))).pending
            [running] = await stage.storage.transactions.running(key)
    async with staged(tmp_path) as stage, stage.charger(key) as charger:
        charger.answers["Reset"] = says(ACCEPTED)
        await settled()
        assert charger.payloads("Reset") == []
        await charger.stops(int(running.transaction_id))
        await charger.hears("Reset")
    async with staged(tmp_path) as stage:
        assert await stage.storage.deferred_resets.of(key) == []
