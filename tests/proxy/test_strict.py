"""Strict mode: the target answers everything live, and without it nobody does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from csms.commands import ChangeAvailability, RemoteStart, RemoteStop
from csms.errors import CallRefused, LinkClosed
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from tests.doubles import PATIENCE, until
from tests.proxy.stage import (
    ACCEPTED,
    MOMENT,
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

STRICT = {"mode": "strict"}
NOWHERE = "ws://127.0.0.1:1/"
START = b'{"connectorId": 1,"idTag":"CARD","meterStart":6.0,"timestamp":"2026-11-21T10:00:00Z"}'


async def hung_up_on(charger: Device) -> LinkClosed:
    """Wait until the charger's link is closed, and tell how."""
    await until(lambda: charger.link.closed)
    assert charger.link.closed is not None
    return charger.link.closed


@contextlib.asynccontextmanager
async def ready(stage: Stage, key: ChargerKey, **more: Any) -> AsyncIterator[Device]:
    async with stage.charger(key, **more) as charger:
        assert (await stage.status(key)).state == "ready"
        yield charger


# ---- the target answers ----


async def test_a_session_has_the_target_s_id_and_every_byte_of_both_sides(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, **STRICT)
    answer = b'{"transactionId": 700001,"idTagInfo":{"status": "Accepted", "x":1e3}}'
    target.answers["StartTransaction"] = says(answer)
    target.answers["MeterValues"] = says(b'{"customData": 6.0}')
    meter = b'{"connectorId":1,"transactionId": 700001,"meterValue":[], "x":12345678901234567890}'
    stop = b'{"transactionId":700001, "meterStop":60,"timestamp":"2026-11-21T11:00:00Z"}'
    async with ready(stage, key) as charger:
        started = await charger.link.call("StartTransaction", START)
        metered = await charger.link.call("MeterValues", meter)
        await charger.link.call("StopTransaction", stop)
    await stage.storage.group.flush()
    session = await stage.storage.transactions.get(key, "700001")

    assert (started.payload, metered.payload) == (answer, b'{"customData": 6.0}')
    told = {call.action: call.payload for call in target.heard}
    assert told["StartTransaction"] == START
    assert (told["MeterValues"], told["StopTransaction"]) == (meter, stop)
    assert session is not None
    assert (session.state, session.energy_wh) == ("ended", 54)


async def test_a_201_session_too(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    event = {
        "eventType": "Started",
        "timestamp": MOMENT,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T-1"},
        "idToken": {"idToken": "CARD", "type": "ISO14443"},
    }
    target.answers["TransactionEvent"] = says(b'{"totalCost": 6.0}')
    async with ready(stage, key, subprotocol=OCPP201) as charger:
        assert await charger.call("TransactionEvent", event) == {"totalCost": 6.0}
    await stage.storage.group.flush()

    assert target.payloads("TransactionEvent") == [event]
    assert await stage.storage.transactions.get(key, "T-1") is not None


async def test_what_concerns_the_charger_s_own_link_stays_ours(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, **STRICT)
    target.answers["BootNotification"] = says({"status": "Accepted", "interval": 7})
    async with ready(stage, key) as charger:
        booted = await charger.boots()
        await target.hears("BootNotification", 2)
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}

        assert booted["interval"] == 300
        assert "currentTime" in await charger.call("Heartbeat")
        assert await charger.call("StatusNotification", status) == {}
        assert target.payloads("StatusNotification") == [status]
        assert target.payloads("BootNotification")[-1]["chargePointVendor"] == "Acme"
    assert "Heartbeat" not in target.actions


async def test_the_target_s_refusal_is_the_charger_s_answer(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    target.answers["StatusNotification"] = refuses("OccurenceConstraintViolation", "which?")
    async with ready(stage, key) as charger:
        with pytest.raises(CallRefused) as refused:
            await charger.call("StatusNotification", {"connectorId": 1})

    error = refused.value.error
    assert (error.code, error.description) == ("OccurenceConstraintViolation", "which?")


async def test_a_word_on_a_tag_that_the_charger_cannot_read_becomes_invalid(
    stage: Stage, target: Target
) -> None:
    answer = b'{"transactionId": 5,"idTagInfo":{ "status":"%b" ,"x":1e3}}'
    target.answers["StartTransaction"] = says(answer % b"NoCredit")
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        started = await charger.link.call("StartTransaction", START)

    assert started.payload == answer % b"Invalid"


async def test_whatever_the_target_gives_as_an_id_is_the_id(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    answer = {"transactionId": 0, "idTagInfo": {"status": "Invalid"}}
    target.answers["StartTransaction"] = says(answer)
    async with ready(stage, key) as charger:
        assert await charger.starts() == answer
        await charger.stops(0)
    assert target.payloads("StopTransaction")[0]["transactionId"] == 0


async def test_the_target_s_commands_have_the_charger_s_ids(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        charger.answers["RemoteStopTransaction"] = says(b'{"status":"Accepted"}')
        await charger.starts()
        for payload in (b'{"transactionId": 700001}', b'{"transactionId": 42}'):
            await target.link.call("RemoteStopTransaction", payload)

    stops = [call.payload for call in charger.heard]
    assert stops == [b'{"transactionId": 700001}', b'{"transactionId": 42}']


async def test_what_the_platform_starts_is_the_target_s_to_judge(
    stage: Stage, target: Target
) -> None:
    """The platform's commands go over the same link; the session has the target's id."""
    key = await stage.enrol(target.url, **STRICT)
    blocked = {"transactionId": 700_001, "idTagInfo": {"status": "Blocked"}}
    target.answers["StartTransaction"] = says(blocked)
    async with ready(stage, key) as charger:
        for action in ("RemoteStartTransaction", "RemoteStopTransaction", "ChangeAvailability"):
            charger.answers[action] = says({"status": "Accepted"})
        station = charger.connection.station
        await station.perform(RemoteStart(1, "OURS", details={"authorizationReference": "ref"}))
        assert await charger.starts("OURS") == blocked
        await station.perform(RemoteStop("700001"))
        await station.perform(ChangeAvailability(1, "Inoperative"))
        opened = await target.link.call(
            "ChangeAvailability", b'{"connectorId":1,"type":"Operative"}'
        )
        session = await stage.storage.transactions.get(key, "700001")

    assert charger.payloads("RemoteStopTransaction") == [{"transactionId": 700_001}]
    assert opened.fields == {"status": "Accepted"}  # nobody opens what the platform has closed
    assert [one["type"] for one in charger.payloads("ChangeAvailability")] == ["Inoperative"]
    assert session is not None
    assert session.remote_start == {"authorizationReference": "ref"}


async def test_a_report_goes_to_who_asked_for_it(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key, subprotocol=OCPP201) as charger:
        charger.answers["GetBaseReport"] = says({"status": "Accepted"})
        asked = b'{"requestId": 7,"reportBase":"FullInventory"}'
        await target.link.call("GetBaseReport", asked)
        await charger.connection.link.call("GetBaseReport", asked.replace(b"7", b"8"))
        for request in (7, 8):
            report = {"requestId": request, "seqNo": 0, "generatedAt": MOMENT}
            assert await charger.call("NotifyReport", report) == {}

    assert charger.heard[0].payload == asked
    assert [each["requestId"] for each in target.payloads("NotifyReport")] == [7]


async def test_a_display_has_one_numbering_and_shows_all(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    shown = b'{"requestId":7, "messageInfo":[{"id":3} , {"x":6.0}, null]}'
    async with ready(stage, key, subprotocol=OCPP201) as charger:
        asked = b'{"requestId":7,"id":[3, null,"x"]}'
        charger.answers["GetDisplayMessages"] = says({"status": "Accepted"})
        await target.link.call("GetDisplayMessages", asked)
        await charger.link.call("NotifyDisplayMessages", shown)

    assert charger.heard[-1].payload == asked
    assert target.heard[-1].payload == shown


async def test_what_cannot_be_looked_up_is_not_answered_so_that_it_is_said_again(
    stage: Stage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable

    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        monkeypatch.setattr(stage.storage.id_pairs, "theirs", away)
        with pytest.raises(LinkClosed):
            await charger.stops(5)


# ---- without the target ----


async def test_a_charger_is_not_let_in_while_its_target_is_away(stage: Stage) -> None:
    key = await stage.enrol(NOWHERE, **STRICT)
    async with stage.charger(key) as charger:
        closed = await hung_up_on(charger)

    assert (closed.code, closed.reason) == (1013, "the target is not available")


@pytest.mark.parametrize("word", ["Pending", "Rejected"])
async def test_nor_while_its_target_does_not_want_it(
    stage: Stage, target: Target, word: str
) -> None:
    target.answers["BootNotification"] = says({"status": word, "interval": 300})
    key = await stage.enrol(target.url, **STRICT)
    async with stage.charger(key) as charger:
        assert (await hung_up_on(charger)).code == 1013
    assert charger.heard == []


async def test_nor_for_ever_while_its_target_makes_up_its_mind(
    tmp_path: Path, target: Target
) -> None:
    target.answers["BootNotification"] = never
    async with staged(tmp_path, replace(QUICK, ask=0.3)) as stage:
        key = await stage.enrol(target.url, **STRICT)
        async with stage.charger(key) as charger:
            assert (await hung_up_on(charger)).code == 1013


async def test_a_charger_that_comes_again_at_once_does_not_make_us_dial_faster(
    tmp_path: Path,
) -> None:
    slow = replace(QUICK, first_backoff=60.0, longest_backoff=60.0, ask=0.05, linger=60.0)
    async with staged(tmp_path, slow) as stage, Target().up() as target:
        target.status = HTTPStatus.SERVICE_UNAVAILABLE
        key = await stage.enrol(target.url, **STRICT)
        for _ in range(5):
            async with stage.charger(key) as charger:
                await hung_up_on(charger)

    assert len(target.requests) == 1


async def test_a_charger_is_sent_away_when_its_target_leaves(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        await target.hang_up()

        assert (await hung_up_on(charger)).code == 1013


async def test_what_the_target_does_not_answer_nobody_answers(
    tmp_path: Path, target: Target
) -> None:
    target.answers["StopTransaction"] = never
    async with staged(tmp_path, replace(QUICK, ask=0.3)) as stage:
        key = await stage.enrol(target.url, **STRICT)
        async with ready(stage, key) as charger:
            with pytest.raises(LinkClosed) as closed:
                await charger.stops(700_001)
        await stage.storage.journal.flush()
        [said] = await stage.storage.journal.exchanges(key, action="StopTransaction", limit=1)

    assert (closed.value.code, closed.value.reason) == (1011, "the target did not answer")
    assert said.answer is None


async def test_a_target_that_answers_no_call_is_dialled_anew(
    tmp_path: Path, target: Target
) -> None:
    target.answers["StopTransaction"] = never
    async with staged(tmp_path, replace(QUICK, ask=0.3, silent_calls=2)) as stage:
        key = await stage.enrol(target.url, **STRICT)
        for meter in range(2):
            async with ready(stage, key) as charger:
                with pytest.raises(LinkClosed):
                    await charger.stops(700_001 + meter)
        await until(lambda: len(target.links) == 2)

        assert (await stage.status(key)).last_error == "The target answers no CALL."


async def test_a_target_that_hangs_up_in_the_middle_ends_the_charger_s_link_too(
    stage: Stage, target: Target
) -> None:
    async def hangs_up(_: object) -> None:
        await target.hang_up()

    target.answers["StartTransaction"] = hangs_up
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        with pytest.raises(LinkClosed) as closed:
            await charger.starts()

    assert closed.value.code == 1011
    await stage.storage.group.flush()
    assert await stage.storage.transactions.running(key) == []


async def test_what_was_not_answered_is_the_charger_s_to_say_again(
    tmp_path: Path, target: Target
) -> None:
    target.answers["StopTransaction"] = never
    async with staged(tmp_path, replace(QUICK, ask=0.3)) as stage:
        key = await stage.enrol(target.url, **STRICT)
        async with ready(stage, key) as charger:
            with pytest.raises(LinkClosed):
                await charger.stops(700_001)
        target.answers["StopTransaction"] = says(b"{}")
    async with staged(tmp_path) as stage:  # the server was restarted
        async with ready(stage, key) as charger:
            await charger.stops(700_001)
        status = await stage.status(key)

    assert len(target.payloads("StopTransaction")) == 2
    assert (status.queue_length, status.skipped) == (0, 0)


async def test_messages_wait_while_the_target_hears_of_a_new_boot(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, **STRICT)
    gate = asyncio.Event()
    accept = target.answers["BootNotification"]

    async def slowly(call: Any) -> Any:
        await gate.wait()
        return accept(call)

    async with ready(stage, key) as charger:
        target.answers["BootNotification"] = slowly
        await charger.boots()
        await target.hears("BootNotification", 2)
        starting = asyncio.create_task(charger.starts())
        gate.set()
        async with asyncio.timeout(PATIENCE):
            assert (await starting)["transactionId"] == 700_001


# ---- the owner changes the mode ----


async def test_a_session_goes_on_when_strict_becomes_hybrid(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        await charger.starts()
        await stage.change(key, mode="hybrid")
        await stage.reaches(key, "ready")
        await charger.stops(700_001)

        assert (await target.hears("StopTransaction"))["transactionId"] == 700_001
    assert target.actions.count("StartTransaction") == 1


async def test_a_session_goes_on_when_hybrid_becomes_strict(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await stage.change(key, mode="strict")
        await charger.meters(ours, 5)
        await charger.stops(ours)

    assert target.payloads("StopTransaction")[0]["transactionId"] == 700_001
    assert len(target.payloads("MeterValues")) == 1
    assert target.actions.count("StartTransaction") == 1


async def test_what_waited_in_hybrid_mode_is_delivered_first(stage: Stage, target: Target) -> None:
    key = await stage.enrol(NOWHERE)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        ours = (await charger.starts())["transactionId"]
        await charger.meters(ours, 5)
        await stage.change(key, mode="strict", target_websocket_url=target.url)
        await charger.stops(ours)

    told = [action for action in target.actions if action != "BootNotification"]
    assert told == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert target.payloads("StopTransaction")[0]["transactionId"] == 700_001


async def test_without_a_target_a_strict_charger_is_the_platform_s(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, **STRICT)
    async with ready(stage, key) as charger:
        await stage.change(key, enabled=False)

        assert (await charger.starts())["idTagInfo"] == {"status": "Accepted"}
        assert charger.link.closed is None


async def flags(stage: Stage, key: ChargerKey, action: str) -> list[bool | None]:
    """Return which copies of an action the target may have had before, oldest first."""
    await stage.storage.journal.flush()
    told = await stage.storage.journal.exchanges(
        key, direction="platform_to_target", action=action, limit=10
    )
    return [copy.call.maybe_duplicate for copy in reversed(told)]


async def stops_in_vain(stage: Stage, target: Target, key: ChargerKey) -> None:
    """Let a strict charger say a stop that its target hears and does not answer."""
    async with ready(stage, key) as charger:
        target.answers["StopTransaction"] = never
        stopping = asyncio.create_task(charger.stops(5))
        await target.hears("StopTransaction")
        await target.hang_up()
        with pytest.raises(LinkClosed):
            await stopping
    del target.answers["StopTransaction"]


@pytest.mark.parametrize("is_back", [True, False])
async def test_what_no_strict_target_answered_is_told_when_its_owner_chooses_hybrid(
    stage: Stage, target: Target, *, is_back: bool
) -> None:
    key = await stage.enrol(target.url, **STRICT)
    await stops_in_vain(stage, target, key)
    if not is_back:
        target.status = HTTPStatus.SERVICE_UNAVAILABLE
    await stage.change(key, mode="hybrid")
    async with stage.charger(key) as charger:
        if is_back:
            await stage.reaches(key, "ready")
        for _ in range(2):
            await charger.stops(5)
            await charger.call("FirmwareStatusNotification", {"status": "Idle"})
        assert is_back or (await stage.status(key)).queue_length >= 3
        target.status = HTTPStatus.SWITCHING_PROTOCOLS
        await target.hears("FirmwareStatusNotification", 2)

    assert len(target.payloads("StopTransaction")) == 2
    assert await flags(stage, key, "StopTransaction") == [False, True]


async def test_after_a_restart_too_it_is_told_as_perhaps_told(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(target.url, **STRICT)
        await stops_in_vain(stage, target, key)
        target.status = HTTPStatus.SERVICE_UNAVAILABLE
        await stage.change(key, mode="hybrid")
        async with stage.charger(key) as charger:
            await charger.stops(5)
    target.status = HTTPStatus.SWITCHING_PROTOCOLS
    async with staged(tmp_path) as stage, stage.charger(key):
        await target.hears("StopTransaction", 2)

        assert await flags(stage, key, "StopTransaction") == [False, True]


async def test_what_no_strict_target_heard_is_told_as_new(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path, replace(QUICK, ask=0.3)) as stage:
        key = await stage.enrol(target.url, **STRICT)
        async with ready(stage, key) as charger:
            target.answers["BootNotification"] = never
            await charger.boots()
            with pytest.raises(LinkClosed):
                await charger.stops(5)
        target.answers["BootNotification"] = says(ACCEPTED)
        await stage.change(key, mode="hybrid")
        async with stage.charger(key) as charger:
            await charger.stops(5)
            await target.hears("StopTransaction")

        assert await flags(stage, key, "StopTransaction") == [False]
