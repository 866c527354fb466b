"""An OCPP 2.1 charger and its target: what 2.1 has beyond 2.0.1, through every part of us."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms.numbers import OF_TARGETS
from csms.schemas import Schemas
from tests.doubles import until
from tests.proxy.stage import MOMENT, OCPP21, Device, Stage, Target, never, says
from tests.schema_payloads import full, minimal

SCHEMAS = Schemas("2.1")
STREAM = b'{"id": 7,"pending":0, "basetime":"2026-11-21T10:00:00Z","data":[{"t":6.0,"v":"1"}]}'
VAT = {"vatNumber": "DE123", "status": "Accepted"}
ALARM = {"controlType": "EnterService", "timestamp": MOMENT}
MODES = pytest.mark.parametrize("mode", ["hybrid", "strict"])


def event(kind: str, **more: Any) -> dict[str, Any]:
    given = {
        "eventType": kind,
        "timestamp": MOMENT,
        "triggerReason": "Trigger",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T-1"},
    }
    return given | more


async def orders(target: Target, action: str, fields: dict[str, Any]) -> Any:
    """Let the target ask something of the charger."""
    return (await target.link.call(action, orjson.dumps(fields))).fields


async def settled(stage: Stage, charger: Device) -> None:
    """Wait until all that the charger has said is served."""
    await charger.call("Heartbeat")
    await stage.storage.group.flush()


# ---- what the charger says ----


@MODES
async def test_a_session_goes_through_in_ocpp_2_1(stage: Stage, target: Target, mode: str) -> None:
    key = await stage.enrol(target.url, mode=mode)
    verdict = {"idTokenInfo": {"status": "Accepted"}, "totalCost": 6.5}
    target.answers["TransactionEvent"] = says(verdict)
    token = {"idToken": "A", "type": "Central"}
    async with stage.charger(key, OCPP21) as charger:
        await stage.reaches(key, "ready")
        assert await charger.call("TransactionEvent", event("Started", idToken=token)) == verdict
        await charger.call("TransactionEvent", event("Ended", seqNo=1))
        await target.hears("TransactionEvent", 2)
    await stage.storage.group.flush()
    session = await stage.storage.transactions.get(key, "T-1")

    assert target.requests[-1].headers["Sec-WebSocket-Protocol"] == OCPP21
    assert session is not None
    assert (session.state, session.id_token) == ("ended", "A")


@MODES
@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("VatNumberValidation", VAT),
        ("NotifySettlement", {"receiptUrl": "https://receipts.example/1"}),
        ("GetCertificateChainStatus", full("2.1", "GetCertificateChainStatus", "response")),
    ],
)
async def test_what_the_target_knows_it_answers(
    stage: Stage, target: Target, mode: str, action: str, answer: dict[str, Any]
) -> None:
    key = await stage.enrol(target.url, mode=mode)
    target.answers[action] = says(answer)
    async with stage.charger(key, OCPP21) as charger:
        await stage.reaches(key, "ready")

        assert await charger.call(action, minimal("2.1", action)) == answer


async def test_while_the_target_is_away_the_platform_answers_and_settlements_are_kept(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    target.answers["BootNotification"] = never
    settlement, vat = minimal("2.1", "NotifySettlement"), minimal("2.1", "VatNumberValidation")
    async with stage.charger(key, OCPP21) as charger:
        await charger.boots()
        assert await charger.call("NotifyDERAlarm", ALARM) == {}
        assert await charger.call("NotifySettlement", settlement) == {}
        answer = await charger.call("VatNumberValidation", vat)
        del target.answers["BootNotification"]
        target.answers["BootNotification"] = says(
            {"status": "Accepted", "interval": 300, "currentTime": MOMENT}
        )
        await target.hang_up()
        await target.hears("NotifySettlement")

    assert answer["status"] == "Rejected"
    assert SCHEMAS.response("VatNumberValidation", answer) is None
    assert target.payloads("NotifyDERAlarm") == [ALARM]
    assert target.payloads("NotifySettlement") == [settlement]
    assert target.payloads("VatNumberValidation") == []  # nobody waits for it any more


@MODES
async def test_a_stream_s_data_is_sent_on_once_byte_for_byte_and_never_answered(
    stage: Stage, target: Target, mode: str
) -> None:
    key = await stage.enrol(target.url, mode=mode)
    async with stage.charger(key, OCPP21) as charger:
        await stage.reaches(key, "ready")
        charger.link.send("NotifyPeriodicEventStream", STREAM)
        await until(lambda: target.sent)
        await charger.call("MeterValues", minimal("2.1", "MeterValues"))
        await target.hears("MeterValues")
        told = [each.payload for each in target.sent]
        heard = charger.link.traffic.frames_received
    await stage.storage.group.flush()

    assert told == [STREAM]
    assert heard == 1  # the answer to the MeterValues
    assert target.payloads("NotifyPeriodicEventStream") == []


async def test_a_target_that_is_not_ready_misses_a_stream_s_data(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    boot = {"status": "Accepted", "interval": 300, "currentTime": MOMENT}
    target.answers["BootNotification"] = says(boot | {"status": "Pending"})
    async with stage.charger(key, OCPP21) as charger:
        await stage.reaches(key, "pending")
        charger.link.send("NotifyPeriodicEventStream", STREAM)
        await settled(stage, charger)
        target.answers["BootNotification"] = says(boot)
        await target.hang_up()
        await stage.reaches(key, "ready")
        status = await stage.status(key)

    assert target.sent == []
    assert status.queue_length == 0


async def test_a_send_of_what_has_an_answer_is_taken_here_and_sent_to_nobody(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP21) as charger:
        await stage.reaches(key, "ready")
        for action in ("BootNotification", "SetVariables", "AcmeHello"):
            charger.link.send(action, b"{}")
        await settled(stage, charger)
        charger.link.send("NotifyPeriodicEventStream", STREAM)
        await until(lambda: target.sent)

    assert [each.action for each in target.sent] == ["NotifyPeriodicEventStream"]


async def test_a_complaint_about_an_answer_stays_here(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP21) as charger:
        await stage.reaches(key, "ready")
        await charger.socket.send(b'[5,"1","FormatViolation","no",{}]')
        await settled(stage, charger)
        told = target.link.traffic.unsolicited
        state = (await stage.status(key)).state

    assert (told, state) == (0, "ready")


# ---- what the target asks ----


async def test_a_target_reports_of_der_controls_under_its_own_number(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP21) as charger:
        charger.answers["GetDERControl"] = says({"status": "Accepted"})
        await stage.reaches(key, "ready")
        assert await orders(target, "GetDERControl", {"requestId": 5}) == {"status": "Accepted"}
        [asked] = charger.payloads("GetDERControl")
        for number in (5, asked["requestId"]):  # the first was the platform's to ask
            await charger.call("ReportDERControl", {"requestId": number})
        await target.hears("ReportDERControl")
        await charger.call("NotifyDERAlarm", ALARM)
        await target.hears("NotifyDERAlarm")

    assert asked["requestId"] in OF_TARGETS
    assert target.payloads("ReportDERControl") == [{"requestId": 5}]


PROFILE = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [
        {
            "id": 1,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
        }
    ],
}


@MODES
@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("UsePriorityCharging", {"transactionId": "T-1", "activate": True}),
        ("UpdateDynamicSchedule", {"chargingProfileId": 1, "scheduleUpdate": {"limit": 32.0}}),
        *(
            ("SetChargingProfile", {"evseId": 0, "chargingProfile": PROFILE | own})
            for own in (
                {"chargingProfileKind": "Dynamic"},
                {"chargingProfilePurpose": "PriorityCharging"},
                {"chargingProfilePurpose": "LocalGeneration"},
            )
        ),
    ],
)
async def test_what_would_overrule_a_power_limit_is_rejected_unseen(
    stage: Stage, target: Target, mode: str, action: str, fields: dict[str, Any]
) -> None:
    # Item 5 of the rules of smart charging; no override of the owner's opens it.
    policy = {"actions": {action: "forward"}}
    key = await stage.enrol(target.url, mode=mode, policy=policy)
    assert SCHEMAS.request(action, fields) is None
    async with stage.charger(key, OCPP21) as charger:
        charger.answers[action] = says({"status": "Accepted"})
        await stage.reaches(key, "ready")
        answer = await orders(target, action, fields)

    assert answer["status"] == "Rejected"
    assert SCHEMAS.response(action, answer) is None
    assert action not in charger.actions


async def test_a_target_s_profile_of_2_1_reaches_the_charger(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP21) as charger:
        charger.answers["SetChargingProfile"] = says({"status": "Accepted"})
        await stage.reaches(key, "ready")
        fields = {"evseId": 1, "chargingProfile": PROFILE}
        assert await orders(target, "SetChargingProfile", fields) == {"status": "Accepted"}
        [told] = charger.payloads("SetChargingProfile")

    assert SCHEMAS.request("SetChargingProfile", told) is None
    assert told["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16.0}
    ]


async def test_a_start_and_a_variable_of_2_1_reach_the_charger(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    long = "x" * 1500  # which 2.0.1 has no room for
    items = [
        {
            "component": {"name": component},
            "variable": {"name": variable},
            "attributeValue": value,
        }
        for component, variable, value in (
            ("OCPPCommCtrlr", "HeartbeatInterval", "60"),  # the target's link's own
            ("DisplayMessageCtrlr", "Text", long),
        )
    ]
    token = {"idToken": "A" * 50, "type": "DirectPayment"}
    async with stage.charger(key, OCPP21) as charger:
        charger.answers["RequestStartTransaction"] = says({"status": "Accepted"})
        charger.answers["SetVariables"] = lambda call: says(
            {
                "setVariableResult": [
                    {
                        "component": item["component"],
                        "variable": item["variable"],
                        "attributeStatus": "Accepted",
                    }
                    for item in call.fields["setVariableData"]
                ]
            }
        )(call)
        await stage.reaches(key, "ready")
        start = {"idToken": token, "remoteStartId": 1}
        assert await orders(target, "RequestStartTransaction", start) == {"status": "Accepted"}
        answer = await orders(target, "SetVariables", {"setVariableData": items})

    assert charger.payloads("RequestStartTransaction")[0]["idToken"] == token
    statuses = [one["attributeStatus"] for one in answer["setVariableResult"]]
    assert statuses == ["Accepted", "Accepted"]
    assert charger.payloads("SetVariables") == [{"setVariableData": items[1:]}]
