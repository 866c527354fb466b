"""Targets as they are in the field: they forget us, keep us waiting, want to be left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from csms.link import Link
from proxy.states import TargetStatus
from storage.records import ChargerKey
from tests.doubles import PATIENCE, settled, until
from tests.proxy.stage import (
    BOOTS,
    OCPP16,
    OCPP201,
    QUICK,
    Stage,
    Target,
    never,
    refuses,
    says,
    staged,
)

AVAILABLE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
CHARGING = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}


def boot(status: str, interval: float = 300, now: str = "2026-11-21T10:00:00Z") -> Any:
    return says({"status": status, "interval": interval, "currentTime": now})


def once(first: Any, then: Any) -> Callable[[Any], Any]:
    """Answer the first CALL in one way and all others in another."""
    left = [first]

    def answer(call: Any) -> Any:
        answering = left.pop() if left else then
        return answering(call)

    return answer


# ---- the handshake ----


async def test_a_boot_said_while_the_target_s_handshake_is_slow_is_not_lost(stage: Stage) -> None:
    gate, target = asyncio.Event(), Target()

    async def slow(*_: object) -> None:
        await gate.wait()

    async with target.up(process_request=slow):
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            booted = await charger.boots()
            started = await charger.starts()
            gate.set()
            await target.hears("StartTransaction")

    assert booted["status"] == "Accepted"
    assert started["transactionId"] > 0
    assert target.heard[0].payload == BOOTS[OCPP16]
    assert target.actions.count("BootNotification") == 1


@pytest.mark.parametrize("retry_after", ["60", "Wed, 21 Oct 2099 07:28:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_target_that_asks_for_a_pause_gets_it(
    tmp_path: Path, status: int, retry_after: str
) -> None:
    target = Target()

    async def busy(connection: Any, request: Any) -> Any:
        target.requests.append(request)
        response = connection.respond(HTTPStatus(status), "later\n")
        response.headers["Retry-After"] = retry_after
        return response

    async with target.up(process_request=busy), staged(tmp_path) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            told = await stage.reaches(key, "backoff")
            for _ in range(20):
                await charger.call("Heartbeat")

    assert len(target.requests) == 1
    assert told.next_dial_at is not None
    assert told.since is not None
    assert (told.next_dial_at - told.since).total_seconds() > 50


async def test_a_target_that_selects_no_subprotocol_is_taken_where_its_owner_says_so(
    stage: Stage,
) -> None:
    wish = {"allow_missing_subprotocol": True}
    async with Target().up(select_subprotocol=lambda *_: None) as target:
        key = await stage.enrol(target.url, policy=wish)
        async with stage.charger(key) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            await charger.starts()
            await target.hears("StartTransaction")


async def test_a_target_that_selects_another_one_is_not(stage: Stage) -> None:
    wish = {"allow_missing_subprotocol": True}
    async with Target().up(select_subprotocol=lambda *_: OCPP201) as target:
        key = await stage.enrol(target.url, policy=wish)
        async with stage.charger(key):
            await stage.reaches(key, "incompatible")


async def test_a_charger_that_comes_and_goes_makes_nobody_dial_more_often(
    tmp_path: Path, target: Target
) -> None:
    bounded = replace(QUICK, dials_per_window=3, dial_window=60.0, linger=0.0)
    async with staged(tmp_path, bounded) as stage:
        key = await stage.enrol(target.url)
        for visit in range(6):
            async with stage.charger(key) as charger:
                if visit < 3:
                    await stage.reaches(key, "ready")
                assert (await charger.boots())["status"] == "Accepted"
            await until(lambda: all(link.closed for link in target.links))
            await settled()

    assert len(target.requests) == 3


async def _put_off(stage: Stage, key: ChargerKey) -> TargetStatus:
    """Return the status of a link once it is known when it is dialled."""
    async with asyncio.timeout(PATIENCE):
        while (status := await stage.status(key)).next_dial_at is None:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
    return status


async def test_a_crowd_is_scattered(tmp_path: Path) -> None:
    gate, target = asyncio.Event(), Target()

    async def slow(_connection: Any, request: Any) -> None:
        target.requests.append(request)
        await gate.wait()

    far_apart = replace(QUICK, wave=60.0, longest_backoff=60.0)
    async with (
        target.up(process_request=slow),
        staged(tmp_path, far_apart, max_dials=1, random=lambda: 1.0) as stage,
        AsyncExitStack() as chargers,
    ):
        first, second = [await stage.enrol(target.url, name) for name in ("CP-1", "CP-2")]
        await chargers.enter_async_context(stage.charger(first))
        await until(lambda: target.requests)
        await chargers.enter_async_context(stage.charger(second))
        staying_back = await _put_off(stage, second)
        gate.set()
        await stage.reaches(first, "ready")

    assert (staying_back.state, len(target.requests)) == ("dialing", 1)
    assert staying_back.next_dial_at is not None
    assert staying_back.since is not None
    assert (staying_back.next_dial_at - staying_back.since).total_seconds() > 50


# ---- it forgets us ----


@pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])
async def test_a_target_that_does_not_know_us_any_more_hears_our_boot(
    tmp_path: Path, target: Target, subprotocol: str
) -> None:
    target.answers["SecurityEventNotification"] = once(refuses("SecurityError"), says(b"{}"))
    async with staged(tmp_path, replace(QUICK, boot_interval=0.0)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key, subprotocol) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            event = {"type": "SettingSystemTime", "timestamp": "2026-11-21T10:00:00Z"}
            await charger.call("SecurityEventNotification", event)
            await target.hears("SecurityEventNotification", 2)
            await stage.reaches(key, "ready")
            status = await stage.status(key)

    said = target.actions
    assert said[said.index("SecurityEventNotification") + 1] == "BootNotification"
    assert (status.queue_length, status.dead_letters) == (0, 0)


async def test_a_target_that_says_so_straight_after_it_has_accepted_us_is_not_booted_for_ever(
    tmp_path: Path, target: Target
) -> None:
    target.answers["StatusNotification"] = refuses("SecurityError")
    async with staged(tmp_path, replace(QUICK, boot_interval=60.0)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            for _ in range(10):
                await charger.call("StatusNotification", AVAILABLE)
            await target.hears("StatusNotification", 10)

            assert (await stage.status(key)).state == "ready"
    assert target.actions.count("BootNotification") == 1


# ---- it keeps us waiting ----


async def test_a_target_that_has_us_pending_for_long_gets_everything_in_the_end(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 0.03)
    key = await stage.enrol(target.url, policy={"on_target_down": "accept_all"})
    async with stage.charger(key) as charger:
        await charger.boots()
        await stage.reaches(key, "pending")
        ours = (await charger.starts())["transactionId"]
        for value in range(10):
            await charger.call("StatusNotification", CHARGING)
            await charger.meters(ours, value)
        await charger.stops(ours)
        await charger.call("StatusNotification", AVAILABLE)
        await target.hears("BootNotification", 10)
        assert set(target.actions) == {"BootNotification"}
        waiting = await stage.status(key)

        target.answers["BootNotification"] = boot("Accepted")
        await target.hears("StopTransaction")
    told = [action for action in target.actions if action != "BootNotification"]
    assert told == [
        "StatusNotification",
        "StartTransaction",
        *["MeterValues"] * 10,
        "StopTransaction",
    ]
    assert target.payloads("StatusNotification") == [AVAILABLE]
    assert (waiting.queue_length, waiting.boot_status) == (12, "Pending")


async def test_a_target_that_has_us_pending_gets_what_it_triggers_and_nothing_else(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 60)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["TriggerMessage"] = says({"status": "Accepted"})
        await charger.boots()
        await stage.reaches(key, "pending")
        await charger.call("StatusNotification", CHARGING)
        for message in ("StatusNotification", "FirmwareStatusNotification"):
            wanted = orjson.dumps({"requestedMessage": message})
            await target.link.call("TriggerMessage", wanted)
        await charger.call("StatusNotification", AVAILABLE)
        await charger.call("FirmwareStatusNotification", {"status": "Idle"})
        await charger.call("StatusNotification", CHARGING)
        await target.hears("FirmwareStatusNotification")
        assert target.payloads("StatusNotification") == [AVAILABLE]

        target.answers["BootNotification"] = boot("Accepted")
        await target.link.call("TriggerMessage", b'{"requestedMessage":"BootNotification"}')
        await target.hears("StatusNotification", 2)
        await charger.starts()
        await target.hears("StartTransaction")
    assert target.payloads("StatusNotification") == [AVAILABLE, CHARGING]
    assert target.actions.count("FirmwareStatusNotification") == 1


async def test_a_target_that_has_us_pending_may_have_a_heartbeat_without_a_boot(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 60)
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "pending")
        await target.link.call("TriggerMessage", b'{"requestedMessage":"Heartbeat"}')
        await target.hears("Heartbeat")

    assert target.actions.count("BootNotification") == 1


async def test_a_report_that_a_pending_target_asks_for_reaches_it(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = boot("Pending", 60)
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["GetBaseReport"] = says({"status": "Accepted"})
        await stage.reaches(key, "pending")
        asked = b'{"requestId":7,"reportBase":"FullInventory"}'
        await target.link.call("GetBaseReport", asked)
        request = (await charger.hears("GetBaseReport"))["requestId"]
        for seq_no in range(3):
            report = {"requestId": request, "seqNo": seq_no, "generatedAt": "2026-11-21T10:00:00Z"}
            await charger.call("NotifyReport", {**report, "tbc": seq_no < 2})
        await target.hears("NotifyReport", 3)

    told = [(each["requestId"], each["seqNo"]) for each in target.payloads("NotifyReport")]
    assert told == [(7, 0), (7, 1), (7, 2)]


async def test_a_target_that_resets_in_the_first_second_is_answered(
    stage: Stage, target: Target
) -> None:
    got = []

    async def resets(link: Link) -> None:
        got.append(await link.call("Reset", b'{"type":"Soft"}'))

    target.greets = resets
    target.new_id = lambda: "1"
    key = await stage.enrol(target.url)
    async with stage.charger(key, new_id=lambda: "1") as charger:
        charger.answers["Reset"] = says({"status": "Accepted"})
        await charger.boots()
        await until(lambda: got)
        await charger.starts()
        await target.hears("StartTransaction")

    assert got[0].fields == {"status": "Accepted"}


async def test_a_mute_target_is_no_hindrance_whatever_is_said(
    tmp_path: Path, target: Target
) -> None:
    target.answers |= {"StartTransaction": never, "Authorize": never}
    quick = replace(QUICK, ask=0.05, answer=0.05, attempts=1)
    async with staged(tmp_path, quick) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            for _ in range(3):
                await charger.call("Authorize", {"idTag": "CARD"})
                ours = (await charger.starts())["transactionId"]
                await charger.stops(ours)


# ---- its clock ----


async def test_a_target_s_clock_that_is_off_is_logged_once(stage: Stage, target: Target) -> None:
    target.answers["BootNotification"] = boot("Accepted", now="1999-01-01T00:00:00Z")
    key = await stage.enrol(target.url)
    with capture_logs() as logs:
        async with stage.charger(key) as charger:
            for boots in range(1, 4):
                await charger.boots()
                await target.hears("BootNotification", boots)
            await stage.reaches(key, "ready")

    [skewed] = [entry for entry in logs if entry["event"] == "target_clock"]
    assert skewed["skew"] < -60


# ---- statuses of 2.0.1 ----


async def test_a_status_that_is_told_as_an_event_is_shown_again_as_an_event(
    stage: Stage, target: Target
) -> None:
    def event(state: str) -> dict[str, Any]:
        component = {"name": "Connector", "evse": {"id": 1, "connectorId": 1}}
        told = {
            "eventId": 1,
            "timestamp": "2026-11-21T10:00:00Z",
            "trigger": "Delta",
            "actualValue": state,
            "eventNotificationType": "HardWiredNotification",
            "component": component,
            "variable": {"name": "AvailabilityState"},
        }
        return {"generatedAt": "2026-11-21T10:00:00Z", "seqNo": 0, "eventData": [told]}

    key = await stage.enrol()
    async with stage.charger(key, OCPP201) as charger:
        await charger.boots()
        for state in ("Available", "Occupied"):
            await charger.call("NotifyEvent", event(state))
        await stage.propose(key, target.url)
        await stage.reaches(key, "ready")
        await target.hears("NotifyEvent")

    assert target.payloads("NotifyEvent") == [event("Occupied")]
