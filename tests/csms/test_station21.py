from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from csms import frames
from csms.commands import (
    ClearChargingProfile,
    Outcome,
    RemoteStart,
    RemoteStop,
    Reset,
    SetChargingProfile,
)
from csms.frames import OCPP21, Send
from csms.limits import Abilities
from tests.csms.desk import Desk, accepted, received
from tests.doubles import conversation
from tests.schema_payloads import full, minimal

BOOT = {"reason": "PowerUp", "chargingStation": {"vendorName": "Volt", "model": "Two"}}
TOKEN = {"idToken": "04A2B3C4", "type": "ISO14443"}
STREAM = {
    "id": 7,
    "pending": 0,
    "basetime": "2026-03-01T11:00:00Z",
    "data": [{"t": 0.5, "v": "230.1"}],
}
HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "A0",
    "issuerKeyHash": "B0",
    "serialNumber": "C0",
}


def event(kind: str, **more: Any) -> dict[str, Any]:
    told = {
        "eventType": kind,
        "timestamp": "2026-03-01T11:00:00Z",
        "triggerReason": "Trigger",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"},
    }
    return told | more


# ---- what 2.0.1 has too ----


async def test_a_boot_is_accepted_and_noted(desk: Desk) -> None:
    answer = await accepted(desk.station("2.1"), "BootNotification", BOOT)

    assert (answer["status"], answer["interval"]) == ("Accepted", 300)
    assert (await desk.charger()).vendor_name == "Volt"


async def test_a_connector_s_status_is_noted_in_either_form(desk: Desk) -> None:
    station = desk.station("2.1")
    status = {
        "timestamp": "2026-03-01T11:00:00Z",
        "connectorStatus": "Occupied",
        "evseId": 1,
        "connectorId": 1,
    }
    told = {
        "eventId": 1,
        "timestamp": "2026-03-01T11:00:00Z",
        "trigger": "Delta",
        "actualValue": "Available",
        "eventNotificationType": "HardWiredNotification",
        "severity": 9,  # which 2.0.1 has not
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }

    await accepted(station, "StatusNotification", status)
    await accepted(
        station,
        "NotifyEvent",
        {"generatedAt": "2026-03-01T11:00:00Z", "seqNo": 0, "eventData": [told]},
    )

    known = [(one.evse_id, one.status) for one in await desk.connectors()]
    assert known == [(1, "Occupied"), (2, "Available")]


async def test_a_transaction_is_recorded_and_its_token_judged(desk: Desk) -> None:
    station = desk.station("2.1")
    # Costs and an operation mode are new in 2.1.
    info = {"transactionId": "tx-1", "operationMode": "ChargingOnly", "tariffId": "T"}

    started = await accepted(
        station, "TransactionEvent", event("Started", idToken=TOKEN, transactionInfo=info)
    )
    ended = await accepted(station, "TransactionEvent", event("Ended", seqNo=1))

    assert (started, ended) == ({"idTokenInfo": {"status": "Accepted"}}, {})
    [transaction] = await desk.transactions()
    assert (transaction.transaction_id, transaction.id_token) == ("tx-1", "04A2B3C4")
    assert transaction.stopped_at is not None


# ---- what it has not ----


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        (
            "OpenPeriodicEventStream",
            minimal("2.1", "OpenPeriodicEventStream"),
            {"status": "Accepted"},
        ),
        ("ClosePeriodicEventStream", {"id": 7}, {}),
        ("NotifySettlement", full("2.1", "NotifySettlement"), {}),
        ("PullDynamicScheduleUpdate", {"chargingProfileId": 1}, {"status": "Rejected"}),
        (
            "VatNumberValidation",
            {"vatNumber": "DE123"},
            {"status": "Rejected", "vatNumber": "DE123"},
        ),
        (
            "GetCertificateChainStatus",
            {
                "certificateStatusRequests": [
                    {"source": "CRL", "urls": ["http://ca"], "certificateHashData": HASH}
                ]
            },
            {
                "certificateStatus": [
                    {
                        "certificateHashData": HASH,
                        "source": "CRL",
                        "status": "Failed",
                        "nextUpdate": "2026-03-01T12:00:00.000Z",
                    }
                ]
            },
        ),
    ],
)
async def test_what_it_asks_for_is_answered_with_no_more_than_we_can_keep(
    desk: Desk, action: str, payload: Any, answer: Any
) -> None:
    assert await accepted(desk.station("2.1"), action, payload) == answer


async def test_a_stream_s_data_is_taken_and_never_answered(desk: Desk) -> None:
    async with conversation(desk.station("2.1").answer, dialect=OCPP21) as talk:
        with capture_logs() as logs:
            await talk.peer.says(frames.send("s-1", "NotifyPeriodicEventStream", b"{}").text)
            await talk.peer.calls("Heartbeat")

            assert (await talk.peer.hears())[:2] == [3, "peer-1"]
    assert logs == []


async def test_a_stream_s_data_that_comes_as_a_call_is_answered_all_the_same(desk: Desk) -> None:
    called = received("NotifyPeriodicEventStream", STREAM)
    sent = Send(called.id, called.action, called.payload, called.fields, called.text)

    for message in (called, sent):
        assert (await desk.station("2.1").answer(message)).text == b'[3,"1",{}]'


# ---- what we ask ----

PROFILE = {
    "id": 3006,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [
        {
            "id": 3006,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
        }
    ],
}


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (
            RemoteStart(1, "04A2B3C4", "RFID", 9, "DE-1"),
            "RequestStartTransaction",
            {
                "remoteStartId": 9,
                "evseId": 1,
                "idToken": TOKEN
                | {"additionalInfo": [{"additionalIdToken": "DE-1", "type": "eMAID"}]},
            },
        ),
        (
            RemoteStart(None, "T", "APP_USER", 9),
            "RequestStartTransaction",
            {"remoteStartId": 9, "idToken": {"idToken": "T", "type": "Central"}},
        ),
        (RemoteStop("tx-1"), "RequestStopTransaction", {"transactionId": "tx-1"}),
        (Reset("OnIdle"), "Reset", {"type": "OnIdle"}),
        (
            SetChargingProfile(1, PROFILE),
            "SetChargingProfile",
            {"evseId": 1, "chargingProfile": PROFILE},
        ),
        (ClearChargingProfile(3006), "ClearChargingProfile", {"chargingProfileId": 3006}),
    ],
)
async def test_a_command_in_the_words_of_2_1(
    desk: Desk, command: Any, action: str, payload: Any
) -> None:
    async with desk.connected("2.1") as (station, talk):
        performed = asyncio.ensure_future(station.perform(command))
        said = await talk.peer.answers(b'{"status":"Accepted"}')

        assert said[2:] == [action, payload]
        assert await performed == Outcome("Accepted", {"status": "Accepted"})
        assert station.schemas.request(action, payload) is None


async def test_its_abilities_are_its_variables(desk: Desk) -> None:
    async with desk.connected("2.1") as (station, talk):
        asked = asyncio.ensure_future(station.abilities(1))
        said = await talk.peer.answers(b'{"getVariableResult":[]}')

        assert said[2] == "GetVariables"
        assert station.schemas.request("GetVariables", said[3]) is None
        assert await asked == Abilities()
