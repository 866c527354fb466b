"""After a start what waits is delivered, charger or not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from tests.doubles import until
from tests.proxy.stage import CLOCK, OCPP201, QUICK, Stage, Target, staged

NOWHERE = "ws://127.0.0.1:1/"
SOON = replace(QUICK, resume=0.02)


async def said(stage: Stage, key: ChargerKey) -> None:
    """Say a whole session to a target that is not there."""
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        ours = (await charger.starts())["transactionId"]
        await charger.meters(ours, 5)
        await charger.stops(ours)


async def moved(stage: Stage, key: ChargerKey, url: str) -> None:
    """Give a target another address while the server does not run for it."""
    stored = await stage.configuration(key)
    await stage.storage.proxy_configurations.replace(replace(stored, target_websocket_url=url))


async def test_what_waited_is_delivered_although_the_charger_stays_away(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(NOWHERE)
        await said(stage, key)
        await stage.relays.close()
        await moved(stage, key, target.url)
    async with staged(tmp_path, SOON) as stage:
        await target.hears("StopTransaction")
        await until(lambda: target.link.closed)
        status = await stage.status(key)

    told = [action for action in target.actions if action != "BootNotification"]
    assert told == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert (status.queue_length, status.last_error) == (0, "The charger is not connected.")


@pytest.mark.parametrize(
    ("repository", "asked_for"),
    [("queues", "of_organization"), ("proxy_configurations", "target_of")],
    ids=["while it is looked up", "while it begins"],
)
async def test_where_storage_is_away_it_is_tried_again(
    tmp_path: Path,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    repository: str,
    asked_for: str,
) -> None:
    asked = asyncio.Event()

    async def away(*_: object) -> None:
        asked.set()
        raise StorageUnavailable

    async with staged(tmp_path) as stage:
        key = await stage.enrol(NOWHERE)
        await said(stage, key)
        await stage.relays.close()
        await moved(stage, key, target.url)
    async with staged(tmp_path, SOON) as stage:
        with monkeypatch.context() as patch:
            patch.setattr(getattr(stage.storage, repository), asked_for, away)
            await asked.wait()
        await target.hears("StopTransaction")


async def test_a_charger_that_comes_back_meanwhile_has_its_target_s_link(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(NOWHERE)
        await said(stage, key)
        await stage.relays.close()
        await moved(stage, key, target.url)
    async with staged(tmp_path, replace(SOON, linger=60.0)) as stage:
        await target.hears("StopTransaction")
        async with stage.charger(key) as charger:
            answer = await charger.call("Authorize", {"idTag": "CARD"})

    assert answer["idTagInfo"] == {"status": "Accepted"}
    assert len(target.requests) == 1


async def test_nobody_is_dialled_for_whom_nothing_waits_or_who_is_not_to_be(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        await stage.enrol(target.url, "CP-QUIET")
        hasty = await stage.enrol(NOWHERE, "CP-1", policy={"drain_after_disconnect": False})
        await said(stage, hasty)
        off = await stage.enrol(NOWHERE, "CP-2")
        await said(stage, off)
        await stage.change(off, enabled=False)
        await stage.relays.close()
        for key in (hasty, off):
            await moved(stage, key, target.url)
    async with staged(tmp_path, SOON):
        await asyncio.sleep(10 * SOON.resume)

    assert target.requests == []


async def test_the_charger_s_last_version_is_spoken(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(NOWHERE)
        await stage.storage.chargers.note_connected(key, CLOCK.now(), "2.0.1")
        async with stage.charger(key, OCPP201) as charger:
            event = {"type": "SettingSystemTime", "timestamp": "2026-11-21T10:00:00Z"}
            await charger.call("SecurityEventNotification", event)
        await stage.relays.close()
        await moved(stage, key, target.url)
    async with staged(tmp_path, SOON):
        await target.hears("SecurityEventNotification")

    assert target.requests[0].headers["Sec-WebSocket-Protocol"] == OCPP201
