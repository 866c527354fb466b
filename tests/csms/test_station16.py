from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from csms import frames
from csms.commands import Outcome, RemoteStart, RemoteStop, Reset
from csms.errors import InvalidCommand, NotStored
from storage.operation_records import Reservation
from tests.csms.desk import Desk, accepted, received
from tests.storage.doubles import ALICE, BOB, NOON

BOOT = {
    "chargePointVendor": "Volt",
    "chargePointModel": "One",
    "chargePointSerialNumber": "SN-1",
    "chargeBoxSerialNumber": "BOX-1",
    "firmwareVersion": "1.2.3",
}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
START = {"connectorId": 2, "idTag": "TAG", "meterStart": 10, "timestamp": "2026-03-01T11:00:00Z"}
STOP = {"transactionId": 1, "meterStop": 60, "timestamp": "2026-03-01T11:30:00Z"}
METER = {
    "connectorId": 2,
    "transactionId": 1,
    "meterValue": [
        {"timestamp": "2026-03-01T11:10:00Z", "sampledValue": [{"value": "30", "unit": "Wh"}]}
    ],
}
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
INVALID = {"idTagInfo": {"status": "Invalid"}}


# ---- boot, heartbeat, status ----


async def test_a_boot_is_accepted_with_our_time_and_interval(desk: Desk) -> None:
    assert await accepted(desk.station("1.6"), "BootNotification", BOOT) == {
        "currentTime": "2026-03-01T12:00:00.000Z",
        "interval": 300,
        "status": "Accepted",
    }


async def test_a_boot_is_noted_as_it_came(desk: Desk) -> None:
    boot = received("BootNotification", BOOT)

    await desk.station("1.6").answer(boot, 0)

    charger = await desk.charger()
    assert (charger.vendor_name, charger.model_name) == ("Volt", "One")
    assert (charger.serial_number, charger.firmware_version) == ("SN-1", "1.2.3")
    assert (charger.boot_payload, charger.last_seen) == (boot.payload, NOON)


async def test_the_serial_number_of_the_box_stands_in_for_the_charge_point_s(desk: Desk) -> None:
    boot = {name: value for name, value in BOOT.items() if name != "chargePointSerialNumber"}

    await accepted(desk.station("1.6"), "BootNotification", boot)

    assert (await desk.charger()).serial_number == "BOX-1"


async def test_an_over_long_serial_number_is_cut_and_a_wrong_type_left_out(desk: Desk) -> None:
    boot = BOOT | {"chargePointSerialNumber": "S" * 300, "chargePointModel": {"a": 1}}

    await accepted(desk.station("1.6"), "BootNotification", boot)

    charger = await desk.charger()
    assert (charger.serial_number, charger.model_name) == ("S" * 50, None)


async def test_a_heartbeat_tells_the_time_and_is_noted(desk: Desk) -> None:
    desk.clock.pass_time(minutes=1, milliseconds=5)

    answer = await accepted(desk.station("1.6"), "Heartbeat", {})

    assert answer == {"currentTime": "2026-03-01T12:01:00.005Z"}
    assert (await desk.charger()).last_seen == NOON + timedelta(minutes=1, milliseconds=5)


async def test_a_status_is_noted_as_it_came(desk: Desk) -> None:
    status = received("StatusNotification", STATUS | {"vendorErrorCode": "0x6"})

    await desk.station("1.6").answer(status, 0)

    [connector] = await desk.connectors()
    assert (connector.evse_id, connector.connector_id) == (1, 1)
    assert (connector.status, connector.error_code) == ("Preparing", "NoError")
    assert (connector.payload, connector.updated_at) == (status.payload, NOON)


async def test_connector_0_is_the_charger_itself(desk: Desk) -> None:
    station = desk.station("1.6")

    await accepted(station, "StatusNotification", STATUS | {"connectorId": 0})
    await accepted(station, "StatusNotification", STATUS | {"connectorId": 2, "status": "Faulted"})
    await accepted(station, "StatusNotification", STATUS | {"connectorId": 2})

    known = [(one.evse_id, one.connector_id, one.status) for one in await desk.connectors()]
    assert known == [(0, 0, "Preparing"), (2, 1, "Preparing")]


@pytest.mark.parametrize("broken", [{"connectorId": -1}, {"connectorId": None}, {"status": None}])
async def test_a_status_of_nothing_is_answered_and_not_noted(desk: Desk, broken: Any) -> None:
    assert await accepted(desk.station("1.6"), "StatusNotification", STATUS | broken) == {}

    assert await desk.connectors() == []


# ---- transactions ----


async def test_a_transaction_from_start_to_stop(desk: Desk) -> None:
    station = desk.station("1.6")

    assert await accepted(station, "StartTransaction", START) == {"transactionId": 1} | ACCEPTED
    assert await accepted(station, "MeterValues", METER) == {}
    assert await accepted(station, "StopTransaction", STOP | {"idTag": "TAG"}) == ACCEPTED

    [record] = await desk.transactions()
    assert (record.transaction_id, record.evse_id, record.id_token) == ("1", 2, "TAG")
    assert (record.state, record.energy_wh, record.stop_reason) == ("ended", 50.0, "Local")
    assert [value.value for value in await desk.measured("1")] == [30.0]


async def test_the_same_start_under_a_new_message_id_gets_the_same_transaction(desk: Desk) -> None:
    station = desk.station("1.6")

    first = await station.answer(received("StartTransaction", START, id="a"), 0)
    again = await station.answer(received("StartTransaction", START, id="b"), 0)

    assert (first.id, again.id) == ("a", "b")
    assert first.payload == again.payload  # type: ignore[union-attr]  # both are results
    assert len(await desk.transactions()) == 1


@pytest.mark.parametrize("id_tag", ["", None, [], {"a": 1}])
async def test_a_start_gets_a_positive_id_whatever_the_verdict(desk: Desk, id_tag: Any) -> None:
    answer = await accepted(desk.station("1.6"), "StartTransaction", START | {"idTag": id_tag})

    assert answer == {"transactionId": 1} | INVALID


async def test_a_start_that_another_system_answered_has_the_id_that_it_gave(desk: Desk) -> None:
    station = desk.station("1.6")
    start = received("StartTransaction", START)
    await station.witness(start, frames.call_result("x", b"{}", {"transactionId": 700_001}))
    await station.witness(start, frames.call_result("x", b"{}", {"transactionId": 700_002}))
    await accepted(station, "StopTransaction", STOP | {"transactionId": 700_002})

    transactions = {one.transaction_id: one for one in await desk.transactions()}
    assert {id: one.ended_by for id, one in transactions.items()} == {
        "700001": "superseded",
        "700002": "charger",
    }
    assert transactions["700002"].energy_wh == 50


async def test_a_start_that_another_system_answered_is_heard_like_one_of_ours(desk: Desk) -> None:
    until = NOON + timedelta(hours=1)
    kept = Reservation(
        key=ALICE,
        reservation_id=7,
        evse_id=1,
        id_token="T",
        id_token_type="RFID",
        expires_at=until,
        state="Active",
        created_at=NOON,
        updated_at=NOON,
    )
    await desk.storage.reservations.note_asked(kept)
    station = desk.station("1.6")
    start = received("StartTransaction", START | {"reservationId": 7})
    await station.witness(start, frames.call_result("x", b"{}", {"transactionId": 700_001}))
    assert not station.profiles.at_rest  # limits of the new transaction are to be looked after

    await desk.storage.group.flush()
    used = await desk.storage.reservations.get(ALICE, 7)
    assert used is not None
    assert used.state == "Used"
    await station.close()


@pytest.mark.parametrize("answer", [{"transactionId": 0}, {}, [], {"transactionId": "x"}])
async def test_a_start_that_another_system_gave_no_id_is_no_transaction(
    desk: Desk, answer: Any
) -> None:
    start = received("StartTransaction", START)
    await desk.station("1.6").witness(start, frames.call_result("x", b"{}", answer))

    assert await desk.transactions() == []


async def test_what_another_system_answered_is_noted_all_the_same(desk: Desk) -> None:
    await desk.station("1.6").witness(
        received("StatusNotification", STATUS), frames.call_result("x", b"{}", {})
    )

    assert [status.status for status in await desk.connectors()] == ["Preparing"]


async def test_a_stop_without_a_tag_gets_no_verdict(desk: Desk) -> None:
    station = desk.station("1.6")
    await accepted(station, "StartTransaction", START)

    assert await accepted(station, "StopTransaction", STOP) == {}


@pytest.mark.parametrize("none", [-1, 0, None, "", "-1", 2**40, {}])
async def test_messages_of_no_transaction_are_answered(desk: Desk, none: Any) -> None:
    station = desk.station("1.6")
    await accepted(station, "StartTransaction", START)

    assert await accepted(station, "MeterValues", METER | {"transactionId": none}) == {}
    assert await accepted(station, "StopTransaction", STOP | {"transactionId": none}) == {}

    [lost, running] = sorted(await desk.transactions(), key=lambda one: one.state)
    assert (lost.state, lost.meter_stop_wh, running.state) == ("orphan", 60.0, "running")
    assert await desk.measured("1") == []


async def test_meter_values_without_a_transaction_are_answered(desk: Desk) -> None:
    clock_aligned = {name: value for name, value in METER.items() if name != "transactionId"}

    assert await accepted(desk.station("1.6"), "MeterValues", clock_aligned) == {}


async def test_a_charger_cannot_stop_another_charger_s_transaction(desk: Desk) -> None:
    """The flaw of CVE-2026-28230."""
    await accepted(desk.station("1.6", ALICE), "StartTransaction", START)
    stranger = desk.station("1.6", BOB)

    assert await accepted(stranger, "MeterValues", METER) == {}
    assert await accepted(stranger, "StopTransaction", STOP) == {}

    [record] = await desk.transactions(ALICE)
    assert (record.state, record.energy_wh) == ("running", None)
    assert await desk.measured("1", ALICE) == []
    assert [one.state for one in await desk.transactions(BOB)] == ["orphan"]


async def test_transaction_data_of_the_stop_is_kept(desk: Desk) -> None:
    station = desk.station("1.6")
    await accepted(station, "StartTransaction", START)

    await accepted(station, "StopTransaction", STOP | {"transactionData": METER["meterValue"]})

    assert [value.value for value in await desk.measured("1")] == [30.0]


# ---- what is not promised ----


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("Authorize", {"idTag": "TAG"}, ACCEPTED),
        ("Authorize", {"idTag": ""}, INVALID),
        ("DataTransfer", {"vendorId": "org.example", "data": "{}"}, {"status": "UnknownVendorId"}),
        ("SignCertificate", {"csr": "-----BEGIN"}, {"status": "Rejected"}),
        ("SecurityEventNotification", {"type": "T", "timestamp": "2026-03-01T11:00:00Z"}, {}),
        ("FirmwareStatusNotification", {"status": "Installed"}, {}),
        ("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 1}, {}),
        ("DiagnosticsStatusNotification", {"status": "Idle"}, {}),
        ("LogStatusNotification", {"status": "Idle"}, {}),
    ],
)
async def test_answers_are_honest(desk: Desk, action: str, payload: Any, answer: Any) -> None:
    assert await accepted(desk.station("1.6"), action, payload) == answer


# ---- commands ----


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (RemoteStart(2, "TAG"), "RemoteStartTransaction", {"idTag": "TAG", "connectorId": 2}),
        (RemoteStart(None, "TAG"), "RemoteStartTransaction", {"idTag": "TAG"}),
        (RemoteStart(0, "TAG"), "RemoteStartTransaction", {"idTag": "TAG"}),
        (
            RemoteStart(1, "04A2", "APP_USER", remote_start_id=9, contract_id="DE-8AA-C1"),
            "RemoteStartTransaction",
            {"idTag": "04A2", "connectorId": 1},
        ),
        (RemoteStop("7"), "RemoteStopTransaction", {"transactionId": 7}),
        (Reset(), "Reset", {"type": "Soft"}),
        (Reset("Immediate", hard=True), "Reset", {"type": "Hard"}),
        (Reset("OnIdle"), "Reset", {"type": "Soft"}),
        (Reset("OnIdle", hard=True), "Reset", {"type": "Hard"}),
    ],
)
async def test_a_command_in_the_words_of_1_6(
    desk: Desk, command: Any, action: str, payload: Any
) -> None:
    async with desk.connected("1.6") as (station, talk):
        performed = asyncio.ensure_future(station.perform(command))
        said = await talk.peer.answers(b'{"status":"Accepted"}')

        assert said[2:] == [action, payload]
        assert await performed == Outcome("Accepted", {"status": "Accepted"})


@pytest.mark.parametrize(
    "command",
    [
        RemoteStart(1, "X" * 21),
        RemoteStop("6f1c2a52-0d4f"),
        RemoteStop("-1"),
        RemoteStop("2147483648"),
        RemoteStop(""),
    ],
)
async def test_what_1_6_cannot_say_is_not_sent(desk: Desk, command: Any) -> None:
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(InvalidCommand):
            await station.perform(command)
        assert talk.peer.socket.unread == 0


async def test_a_command_that_needs_the_books_fails_by_name_while_they_are_shut(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        await desk.storage.database.close()

        with pytest.raises(NotStored):
            await station.perform(Reset("OnIdle"))
        assert talk.peer.socket.unread == 0
