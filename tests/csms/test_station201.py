from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from csms.commands import Outcome, RemoteStart, RemoteStop, Reset, TokenType
from csms.errors import InvalidCommand
from tests.csms.desk import Desk, accepted, received
from tests.storage.doubles import ALICE, BOB, NOON

BOOT = {
    "reason": "PowerUp",
    "chargingStation": {
        "vendorName": "Volt",
        "model": "Two",
        "serialNumber": "SN-2",
        "firmwareVersion": "2.0",
    },
}
STATUS = {
    "timestamp": "2026-03-01T11:00:00Z",
    "connectorStatus": "Occupied",
    "evseId": 2,
    "connectorId": 1,
}
TOKEN = {"idToken": "04A2B3C4", "type": "ISO14443"}
ACCEPTED = {"idTokenInfo": {"status": "Accepted"}}


def event(kind: str, **more: Any) -> dict[str, Any]:
    given = {
        "eventType": kind,
        "timestamp": "2026-03-01T11:00:00Z",
        "triggerReason": "Trigger",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"},
    }
    return given | more


def energy(reading: float) -> list[Any]:
    sample = {"value": reading, "unitOfMeasure": {"unit": "kWh"}}
    return [{"timestamp": "2026-03-01T11:00:00Z", "sampledValue": [sample]}]


# ---- boot, heartbeat, status ----


async def test_a_boot_is_accepted_with_our_time_and_interval(desk: Desk) -> None:
    assert await accepted(desk.station("2.0.1"), "BootNotification", BOOT) == {
        "currentTime": "2026-03-01T12:00:00.000Z",
        "interval": 300,
        "status": "Accepted",
    }


async def test_a_boot_is_noted_as_it_came(desk: Desk) -> None:
    boot = received("BootNotification", BOOT)

    await desk.station("2.0.1").answer(boot, 0)

    charger = await desk.charger()
    assert (charger.vendor_name, charger.model_name) == ("Volt", "Two")
    assert (charger.serial_number, charger.firmware_version) == ("SN-2", "2.0")
    assert (charger.boot_payload, charger.last_seen) == (boot.payload, NOON)


@pytest.mark.parametrize("station", [None, [], "Volt", {"vendorName": 1.5, "model": None}])
async def test_a_boot_that_says_nothing_is_accepted(desk: Desk, station: Any) -> None:
    boot = BOOT | {"chargingStation": station}

    assert (await accepted(desk.station("2.0.1"), "BootNotification", boot))["status"] == "Accepted"
    assert (await desk.charger()).vendor_name is None


async def test_a_heartbeat_tells_the_time_and_is_noted(desk: Desk) -> None:
    desk.clock.pass_time(hours=1)

    answer = await accepted(desk.station("2.0.1"), "Heartbeat", {})

    assert answer == {"currentTime": "2026-03-01T13:00:00.000Z"}
    assert (await desk.charger()).last_seen == NOON + timedelta(hours=1)


async def test_a_status_is_noted_as_it_came(desk: Desk) -> None:
    status = received("StatusNotification", STATUS)

    await desk.station("2.0.1").answer(status, 0)

    [connector] = await desk.connectors()
    assert (connector.evse_id, connector.connector_id) == (2, 1)
    assert (connector.status, connector.error_code) == ("Occupied", None)
    assert (connector.payload, connector.updated_at) == (status.payload, NOON)


def availability(evse_id: int, value: str, **more: Any) -> dict[str, Any]:
    return {
        "eventId": evse_id,
        "timestamp": "2026-03-01T11:00:00Z",
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": evse_id, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    } | more


async def test_availability_that_comes_as_an_event_is_a_status(desk: Desk) -> None:
    notification = received(
        "NotifyEvent",
        {
            "generatedAt": "2026-03-01T11:00:00Z",
            "seqNo": 0,
            "eventData": [
                availability(1, "Available"),
                availability(2, "Occupied", variable={"name": "availabilitystate"}),
                availability(3, "true", variable={"name": "Problem"}),
                availability(4, "Available", component={"name": "EVSE", "evse": {"id": 4}}),
                availability(5, "Available", component={"name": "Connector"}),
            ],
        },
    )

    await desk.station("2.0.1").answer(notification, 0)

    known = await desk.connectors()
    assert [(one.evse_id, one.connector_id, one.status) for one in known] == [
        (1, 1, "Available"),
        (2, 1, "Occupied"),
    ]
    assert known[0].payload == notification.payload


# ---- transactions ----


async def test_a_transaction_from_start_to_end(desk: Desk) -> None:
    station = desk.station("2.0.1")
    evse = {"id": 2, "connectorId": 1}
    remote = {"transactionId": "tx-1", "remoteStartId": 77}
    ended = {"transactionId": "tx-1", "stoppedReason": "Remote"}

    started = event(
        "Started", evse=evse, idToken=TOKEN, transactionInfo=remote, meterValue=energy(1)
    )
    assert await accepted(station, "TransactionEvent", started) == ACCEPTED
    updated = event("Updated", seqNo=1, meterValue=energy(2))
    assert await accepted(station, "TransactionEvent", updated) == {}
    # Some stations count from 0 again.
    last = event("Ended", seqNo=0, transactionInfo=ended, meterValue=energy(3.5))
    assert await accepted(station, "TransactionEvent", last) == {}

    [record] = await desk.transactions()
    assert (record.transaction_id, record.evse_id, record.connector_id) == ("tx-1", 2, 1)
    assert (record.id_token, record.remote_start_id) == ("04A2B3C4", 77)
    assert (record.state, record.energy_wh, record.stop_reason) == ("ended", 2500.0, "Remote")
    assert len(await desk.measured("tx-1")) == 3


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (TOKEN, "Accepted"),
        ({"idToken": "", "type": "NoAuthorization"}, "Accepted"),
        ({}, "Invalid"),
        ("04A2B3C4", "Invalid"),
        ([], "Invalid"),
    ],
)
async def test_a_verdict_comes_with_a_token_only(desk: Desk, token: Any, status: str) -> None:
    station = desk.station("2.0.1")

    assert await accepted(station, "TransactionEvent", event("Started")) == {}
    answer = await accepted(station, "TransactionEvent", event("Updated", idToken=token))
    assert answer == {"idTokenInfo": {"status": status}}


async def test_a_station_cannot_end_another_station_s_transaction(desk: Desk) -> None:
    """The flaw of CVE-2026-28230."""
    await accepted(desk.station("2.0.1", ALICE), "TransactionEvent", event("Started"))
    await accepted(desk.station("2.0.1", BOB), "TransactionEvent", event("Ended"))

    assert [one.state for one in await desk.transactions(ALICE)] == ["running"]


# ---- what is not promised ----


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("Authorize", {"idToken": TOKEN}, ACCEPTED),
        ("DataTransfer", {"vendorId": "org.example"}, {"status": "UnknownVendorId"}),
        ("SignCertificate", {"csr": "-----BEGIN"}, {"status": "Rejected"}),
        (
            "Get15118EVCertificate",
            {"iso15118SchemaVersion": "v", "action": "Install", "exiRequest": "e"},
            {"status": "Failed", "exiResponse": ""},
        ),
        (
            "GetCertificateStatus",
            {
                "ocspRequestData": {
                    "hashAlgorithm": "SHA256",
                    "issuerNameHash": "n",
                    "issuerKeyHash": "k",
                    "serialNumber": "1",
                    "responderURL": "http://example.org",
                }
            },
            {"status": "Failed"},
        ),
        (
            "NotifyEVChargingNeeds",
            {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}},
            {"status": "Rejected"},
        ),
        (
            "NotifyEVChargingSchedule",
            {
                "timeBase": "2026-03-01T11:00:00Z",
                "evseId": 1,
                "chargingSchedule": {
                    "id": 1,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
                },
            },
            {"status": "Accepted"},
        ),
        ("MeterValues", {"evseId": 0, "meterValue": energy(1)}, {}),
    ],
)
async def test_answers_are_honest(desk: Desk, action: str, payload: Any, answer: Any) -> None:
    assert await accepted(desk.station("2.0.1"), action, payload) == answer


# ---- commands ----


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (
            RemoteStart(2, "04A2B3C4", remote_start_id=7),
            "RequestStartTransaction",
            {
                "evseId": 2,
                "remoteStartId": 7,
                "idToken": {"idToken": "04A2B3C4", "type": "ISO14443"},
            },
        ),
        (
            RemoteStart(None, "app-user-1", "APP_USER", 8, "DE-8AA-C1"),
            "RequestStartTransaction",
            {
                "remoteStartId": 8,
                "idToken": {
                    "idToken": "app-user-1",
                    "type": "Central",
                    "additionalInfo": [{"additionalIdToken": "DE-8AA-C1", "type": "eMAID"}],
                },
            },
        ),
        (
            RemoteStart(0, "T", "OTHER", 9),
            "RequestStartTransaction",
            {"remoteStartId": 9, "idToken": {"idToken": "T", "type": "Central"}},
        ),
        (RemoteStop("tx-1"), "RequestStopTransaction", {"transactionId": "tx-1"}),
        (Reset(), "Reset", {"type": "Immediate"}),
        (Reset("OnIdle"), "Reset", {"type": "OnIdle"}),
        (Reset("Immediate", hard=True), "Reset", {"type": "Immediate"}),
    ],
)
async def test_a_command_in_the_words_of_2_0_1(
    desk: Desk, command: Any, action: str, payload: Any
) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        performed = asyncio.ensure_future(station.perform(command))
        said = await talk.peer.answers(b'{"status":"Accepted","transactionId":"tx-1"}')

        assert said[2:] == [action, payload]
        outcome = Outcome("Accepted", {"status": "Accepted", "transactionId": "tx-1"})
        assert await performed == outcome


@pytest.mark.parametrize(
    ("token", "kind", "type"),
    [
        ("04A2B3C4", "RFID", "ISO14443"),
        ("04a2b3c4d5e6f7", "RFID", "ISO14443"),
        ("E004010012345678", "RFID", "ISO15693"),
        ("04A2B3C", "RFID", "Central"),
        ("04A2B3C4D5", "RFID", "Central"),
        ("04A2B3CG", "RFID", "Central"),
        ("04A2B3C4\n", "RFID", "Central"),
        ("٠٤٠٤٠٤٠٤", "RFID", "Central"),
        ("04A2B3C4", "APP_USER", "Central"),
        ("04A2B3C4", "AD_HOC_USER", "Central"),
        ("04A2B3C4", "OTHER", "Central"),
    ],
)
async def test_the_type_of_a_token(desk: Desk, token: str, kind: TokenType, type: str) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        performed = asyncio.ensure_future(station.perform(RemoteStart(1, token, kind)))
        said = await talk.peer.answers(b'{"status":"Rejected"}')

        assert said[3]["idToken"] == {"idToken": token, "type": type}
        assert (await performed).status == "Rejected"


@pytest.mark.parametrize(
    "command",
    [
        RemoteStart(1, "X" * 37),
        RemoteStart(1, "TAG", contract_id="X" * 37),
        RemoteStop("X" * 37),
    ],
)
async def test_what_2_0_1_cannot_say_is_not_sent(desk: Desk, command: Any) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        with pytest.raises(InvalidCommand):
            await station.perform(command)
        assert talk.peer.socket.unread == 0
