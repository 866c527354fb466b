"""An event that waited through a lost link is told as said offline, and no other byte changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.offline import told_late
from tests.proxy.stage import OCPP16, OCPP201, Stage, Target, staged

EVENT = (
    b'{"eventType": "Updated", "timestamp":"2026-11-21T10:00:00.000Z", "seqNo" : 1e0,'
    b'"triggerReason":"MeterValuePeriodic","transactionInfo":{"transactionId":"T-1"},'
    b'"meterValue":[{"timestamp":"2026-11-21T10:00:00Z","sampledValue":[{"value":6.0,'
    b'"signedMeterValue":{"signedMeterData":"AP\\/\\u00e9=","publicKey":""}}]}]%b}'
)
SAID = EVENT % b""
TOLD_LATE = b'{"offline":true,' + SAID[1:]


@pytest.mark.parametrize(
    ("action", "said", "told"),
    [
        ("TransactionEvent", SAID, TOLD_LATE),
        ("TransactionEvent", EVENT % b', "offline" : false', EVENT % b', "offline" : true'),
        ("TransactionEvent", EVENT % b', "offline" : true', EVENT % b', "offline" : true'),
        ("NotifyEvent", SAID, SAID),
        ("StopTransaction", b'{"offline":false}', b'{"offline":false}'),
    ],
)
def test_only_the_flag_of_an_event_is_set(action: str, said: bytes, told: bytes) -> None:
    assert told_late(action, said) == told


async def test_what_the_target_hears_on_the_link_of_that_time_is_as_it_was_said(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        await charger.call("TransactionEvent", SAID)
        await target.hears("TransactionEvent")

    assert target.heard[-1].payload == SAID


async def test_what_was_said_while_the_link_was_lost_is_told_as_offline(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/")
        async with stage.charger(key, OCPP201) as charger:
            await charger.call("TransactionEvent", SAID)
            await stage.change(key, target_websocket_url=target.url)
            await stage.reaches(key, "ready")
            await charger.call("TransactionEvent", SAID.replace(b"1e0", b"2.0"))
            await target.hears("TransactionEvent", 2)

    told = [call.payload for call in target.heard if call.action == "TransactionEvent"]
    assert told == [TOLD_LATE, SAID.replace(b"1e0", b"2.0")]


async def test_1_6_has_no_word_for_it(stage: Stage, target: Target) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    stop = b'{"transactionId":-1, "meterStop":6.0,"timestamp":"2026-11-21T10:00:00Z"}'
    async with stage.charger(key, OCPP16) as charger:
        await charger.call("StopTransaction", stop)
        await stage.change(key, target_websocket_url=target.url)
        await target.hears("StopTransaction")

    assert target.heard[-1].payload == stop
