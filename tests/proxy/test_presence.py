"""How a charger stands at its target: boot, connectors, heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms.errors import CallRefused
from csms.link import Link
from tests.doubles import PATIENCE, Held, until
from tests.proxy.stage import (
    BOOTS,
    OCPP16,
    OCPP201,
    QUICK,
    Device,
    Stage,
    Target,
    never,
    refuses,
    says,
    staged,
)

AVAILABLE = b'{"connectorId": 1, "errorCode": "NoError",  "status": "Available", "x": 1e3}'
CHARGING = b'{"connectorId":1,"errorCode":"NoError","status":"Charging"}'
WHOLE = b'{"connectorId":0,"errorCode":"NoError","status":"Available"}'


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on which the charger's own Boot is waited for, however late it comes."""
    async with staged(tmp_path, replace(QUICK, introduction=PATIENCE)) as stage:
        yield stage


def boot(status: str, interval: float = 300) -> Any:
    return says({"status": status, "interval": interval, "currentTime": "1999-01-01T00:00:00Z"})


async def comes_back(stage: Stage, target: Target, charger: Device) -> None:
    """Let the target hang up and wait until its link is ready again."""
    links = len(target.links)
    await target.hang_up()
    await until(lambda: len(target.links) > links)
    await stage.reaches(charger.connection.key, "ready")


# ---- boot ----


@pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])
async def test_the_target_hears_the_charger_s_own_boot_byte_for_byte(
    patient: Stage, target: Target, subprotocol: str
) -> None:
    key = await patient.enrol(target.url)
    async with patient.charger(key, subprotocol) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")

    assert [call.payload for call in target.heard] == [BOOTS[subprotocol]]


async def test_a_charger_that_never_boots_is_introduced_as_enrolled(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    await stage.storage.chargers.update(key, vendor_name="Acme", model_name="Wall")
    async with stage.charger(key):
        await stage.reaches(key, "ready")

    assert target.payloads("BootNotification") == [
        {"chargePointVendor": "Acme", "chargePointModel": "Wall"}
    ]


async def test_a_charger_that_boots_again_is_introduced_again(
    patient: Stage, target: Target
) -> None:
    key = await patient.enrol(target.url)
    async with patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        await charger.call("BootNotification", b'{"chargePointVendor":"A","chargePointModel":"2"}')

        assert (await target.hears("BootNotification", 2))["chargePointModel"] == "2"
        await patient.reaches(key, "ready")


async def test_on_a_new_link_the_target_hears_the_boot_again(
    patient: Stage, target: Target
) -> None:
    key = await patient.enrol(target.url)
    async with patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        await comes_back(patient, target, charger)

    assert target.actions == ["BootNotification"] * 2


async def test_while_a_transaction_runs_the_target_hears_no_second_boot(
    patient: Stage, target: Target
) -> None:
    key = await patient.enrol(target.url)
    async with patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        await charger.starts()
        await comes_back(patient, target, charger)

    assert target.actions == ["BootNotification", "StartTransaction"]


@pytest.mark.parametrize(("wish", "boots"), [("always", 2), ("never", 1)])
async def test_the_configuration_may_decide_on_boots(
    patient: Stage, target: Target, wish: str, boots: int
) -> None:
    key = await patient.enrol(target.url, policy={"boot_on_reconnect": wish})
    async with patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        if wish == "always":
            await charger.starts()
        await comes_back(patient, target, charger)

    assert target.actions.count("BootNotification") == boots


async def test_a_boot_whose_answer_was_lost_is_said_again_whatever_the_configuration_says(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = never
    key = await stage.enrol(target.url, policy={"boot_on_reconnect": "never"})
    async with stage.charger(key):
        await target.hears("BootNotification")
        target.answers["BootNotification"] = boot("Accepted")
        await target.hang_up()
        await stage.reaches(key, "ready")

    assert target.actions.count("BootNotification") == 2


async def test_another_target_hears_the_boot_also_while_a_transaction_runs(
    patient: Stage, target: Target
) -> None:
    key = await patient.enrol(target.url)
    async with Target().up() as other, patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        await charger.starts()
        await patient.change(key, target_websocket_url=other.url)
        await patient.reaches(key, "ready")

    assert other.actions[0] == "BootNotification"


@pytest.mark.parametrize(("word", "state"), [("Pending", "pending"), ("Rejected", "rejected")])
async def test_a_target_that_is_not_ready_is_asked_again_and_told_nothing_else(
    patient: Stage, target: Target, word: str, state: str
) -> None:
    target.answers["BootNotification"] = boot(word, 0.02)
    key = await patient.enrol(target.url)
    async with patient.charger(key) as charger:
        await charger.boots()
        status = await patient.reaches(key, state)
        await charger.call("StatusNotification", AVAILABLE)
        started = await charger.starts()
        await target.hears("BootNotification", 3)
        assert set(target.actions) == {"BootNotification"}
        assert status.boot_status == word

        target.answers["BootNotification"] = boot("Accepted")
        await target.hears("StartTransaction")
        ready = await patient.reaches(key, "ready")
    assert started["idTagInfo"] == {"status": "Invalid"}
    assert ready.boot_status == "Accepted"
    told = [action for action in target.actions if action != "BootNotification"]
    assert told == ["StatusNotification", "StartTransaction"]


async def test_a_target_that_gives_no_interval_is_asked_in_our_own_time(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 0)
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await target.hears("BootNotification", 3)


async def test_a_boot_that_is_refused_is_told_and_sent_again(stage: Stage, target: Target) -> None:
    target.answers["BootNotification"] = refuses("InternalError", "database")
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await target.hears("BootNotification", 2)
        status = await stage.reaches(key, "booting")

        target.answers["BootNotification"] = boot("Accepted")
        await stage.reaches(key, "ready")
    assert status.last_error == "The peer answered InternalError: database"


async def test_a_target_that_never_answers_our_boot_is_no_hindrance(
    tmp_path: Path, target: Target
) -> None:
    target.mute = True
    async with staged(tmp_path, replace(QUICK, answer=0.5)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await target.hears("BootNotification", 2)

            assert (await charger.boots())["status"] == "Accepted"
            assert (await stage.status(key)).state == "booting"


async def test_nor_is_it_waited_for_on_one_link_for_ever(tmp_path: Path, target: Target) -> None:
    target.mute = True
    async with staged(tmp_path, replace(QUICK, answer=0.2)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key):
            await target.hears("BootNotification", 4)

            assert len(target.requests) == 2
            assert (await stage.status(key)).last_error == "The target answers no CALL."


async def test_a_target_that_answers_nonsense_has_not_accepted(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = says(b'["Accepted"]')
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "rejected")


# ---- what it may call meanwhile ----


async def test_a_command_in_the_first_moment_is_answered(stage: Stage, target: Target) -> None:
    got = []

    async def commands(link: Link) -> None:
        got.append(await link.call("Reset", b'{"type":"Soft"}'))

    target.greets = commands
    target.answers["BootNotification"] = never
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["Reset"] = says(b'{"status":"Accepted"}')
        await until(lambda: got)

    assert got[0].fields == {"status": "Accepted"}


async def test_a_target_that_has_not_accepted_us_yet_starts_nothing(
    stage: Stage, target: Target
) -> None:
    got = []

    async def commands(link: Link) -> None:
        got.append(await link.call("RemoteStartTransaction", b'{"idTag":"CARD"}'))

    target.greets = commands
    target.answers["BootNotification"] = never
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await until(lambda: got)

    assert got[0].fields == {"status": "Rejected"}
    assert charger.actions == []


async def test_a_target_that_has_us_pending_may_read_but_start_nothing(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 60)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["GetConfiguration"] = says(b'{"unknownKey":[]}')
        await stage.reaches(key, "pending")
        read = await target.link.call("GetConfiguration", b"{}")
        started = await target.link.call("RemoteStartTransaction", b'{"idTag":"CARD"}')

    assert read.fields == {"unknownKey": []}
    assert started.fields == {"status": "Rejected"}
    assert charger.actions == ["GetConfiguration"]


async def test_a_target_that_has_us_pending_may_have_the_boot_at_once(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 60)
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "pending")
        target.answers["BootNotification"] = boot("Accepted")
        await target.link.call("TriggerMessage", b'{"requestedMessage":"BootNotification"}')

        await stage.reaches(key, "ready")


async def test_what_a_pending_target_asked_for_and_did_not_take_comes_in_its_turn(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 60)
    target.answers["MeterValues"] = never
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["TriggerMessage"] = says(b'{"status":"Accepted"}')
        await stage.reaches(key, "pending")
        await target.link.call("TriggerMessage", b'{"requestedMessage":"MeterValues"}')
        await charger.call("MeterValues", {"connectorId": 0, "meterValue": []})
        await target.hears("MeterValues")
        target.answers["BootNotification"] = boot("Accepted")
        target.answers["MeterValues"] = says(b"{}")
        await target.hang_up()

        await target.hears("MeterValues", 2)


async def test_a_target_that_has_rejected_us_gets_no_answers(stage: Stage, target: Target) -> None:
    target.answers["BootNotification"] = boot("Rejected", 60)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "rejected")
        with pytest.raises(CallRefused) as refused:
            await target.link.call("GetConfiguration", b"{}")

    assert refused.value.error.code == "SecurityError"
    assert charger.heard == []


# ---- connectors ----


async def test_a_target_that_comes_back_is_shown_the_latest_statuses_only(
    patient: Stage, target: Target
) -> None:
    key = await patient.enrol(target.url)
    async with patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        target.answers["BootNotification"] = boot("Pending")
        await charger.boots()
        await patient.reaches(key, "pending")
        for payload in (WHOLE, CHARGING, AVAILABLE):
            await charger.call("StatusNotification", payload)
        target.answers["BootNotification"] = boot("Accepted")
        await target.hang_up()
        await target.hears("StatusNotification", 2)
        await charger.call("StatusNotification", CHARGING)
        await target.hears("StatusNotification", 3)

    shown = [call.payload for call in target.heard if call.action == "StatusNotification"]
    assert shown == [WHOLE, AVAILABLE, CHARGING]


async def test_a_target_that_refuses_a_status_is_told_the_rest(
    stage: Stage, target: Target
) -> None:
    target.answers["StatusNotification"] = refuses("InternalError")
    key = await stage.enrol()
    async with stage.charger(key) as charger:
        await charger.call("StatusNotification", WHOLE)
        await charger.call("StatusNotification", AVAILABLE)
        await stage.propose(key, target.url)
        await charger.starts()
        await target.hears("StartTransaction")

    assert target.actions == ["BootNotification", *["StatusNotification"] * 2, "StartTransaction"]


# ---- heartbeats ----


async def test_heartbeats_follow_the_target_s_interval(stage: Stage, target: Target) -> None:
    target.answers["BootNotification"] = boot("Accepted", 0.02)
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        assert await target.hears("Heartbeat", 3) == {}


async def test_where_something_else_was_said_no_heartbeat_is_needed(
    stage: Stage, target: Target
) -> None:
    interval, now = 0.4, asyncio.get_running_loop().time
    target.answers["BootNotification"] = boot("Accepted", interval)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        begun = now()
        while now() < begun + 1.5 * interval:
            await charger.call("StatusNotification", CHARGING)
        assert "Heartbeat" not in target.actions

        await target.hears("Heartbeat")


async def test_once_a_day_there_is_a_heartbeat_whatever_else_was_said(
    tmp_path: Path, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Accepted", 0.05)
    async with staged(tmp_path, replace(QUICK, rarest_heartbeat=0.0)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            async with asyncio.timeout(PATIENCE):
                while target.actions.count("Heartbeat") < 2:
                    await charger.call("StatusNotification", CHARGING)


async def test_what_is_triggered_just_before_a_boot_comes_after_it(
    patient: Stage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await patient.enrol(target.url)
    looked_up = Held(patient.storage.chargers.get)
    async with patient.charger(key) as charger:
        await charger.boots()
        await patient.reaches(key, "ready")
        with monkeypatch.context() as patch:
            patch.setattr(patient.storage.chargers, "get", looked_up)
            await target.link.call("TriggerMessage", b'{"requestedMessage":"BootNotification"}')
            await looked_up.done.wait()
            await target.link.call("TriggerMessage", b'{"requestedMessage":"Heartbeat"}')
        looked_up.release.set()

        await target.hears("Heartbeat")


async def test_a_target_s_clock_moves_nobody_s(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    target.answers["BootNotification"] = boot("Accepted")
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert not (await charger.boots())["currentTime"].startswith("1999")
        assert not (await charger.call("Heartbeat"))["currentTime"].startswith("1999")


def test_the_boots_of_this_stage_have_something_to_lose() -> None:
    assert all(orjson.dumps(orjson.loads(payload)) != payload for payload in BOOTS.values())
