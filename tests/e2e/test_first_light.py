"""The main job from end to end: a charger and a target that we did not write, and us between.

Enrol, connect, boot answered by us while the target is down, target comes up, remote start by
REST, meter values, remote stop by REST; ids are followed through all three places.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Api
from tests.e2e.node_peer import NodePeer, needs_node, node_peer

pytestmark = needs_node
TWO = pytest.mark.parametrize("protocol", ["ocpp2.0.1", "ocpp2.1"])

NOW = "2026-11-21T10:00:00.000Z"
LATER = "2026-11-21T10:10:00.000Z"

BOOT16 = {
    "chargePointVendor": "Acme",
    "chargePointModel": "Wall 1",
    "chargePointSerialNumber": "S1",
}
BOOT201 = {
    "reason": "PowerUp",
    "chargingStation": {"vendorName": "Acme", "model": "Wall 2", "serialNumber": "S2"},
}


def ocpp_url(api: Api) -> str:
    return f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy"


async def result(peer: NodePeer, action: str, params: dict[str, Any]) -> Any:
    answer = await peer.call(action, params)
    assert "result" in answer, answer
    return answer["result"]


async def test_ocpp16(api: Api, free_port: int) -> None:
    password = await api.enrol("CP-16", f"ws://127.0.0.1:{free_port}/ocpp/{{charge_box_id}}")
    async with node_peer("charger.js", ocpp_url(api), "CP-16", password, "ocpp1.6") as charger:
        await charger.until(lambda event: event.get("connected"))
        boot = await result(charger, "BootNotification", BOOT16)
        assert boot["status"] == "Accepted"

        async with node_peer("target.js", str(free_port)) as target:
            handshake = await target.until(lambda event: event.get("handshake"))
            assert handshake == {"handshake": "CP-16", "password": "third-party-secret"}
            assert await target.received("BootNotification") == BOOT16

            status, started = await api(
                "POST", "/api/chargingStations/CP-16/evses/1/transactions", {"idToken": "04A1B2C3"}
            )
            assert (status, started) == (200, {"transactionStartResponse": {"status": "Accepted"}})
            asked = await charger.received("RemoteStartTransaction")
            assert (asked["idTag"], asked["connectorId"]) == ("04A1B2C3", 1)

            start = {"connectorId": 1, "idTag": "04A1B2C3", "meterStart": 1000, "timestamp": NOW}
            ours = (await result(charger, "StartTransaction", start))["transactionId"]
            assert await target.received("StartTransaction") == start

            meter = {
                "connectorId": 1,
                "transactionId": ours,
                "meterValue": [{"timestamp": NOW, "sampledValue": [{"value": "1500"}]}],
            }
            assert await result(charger, "MeterValues", meter) == {}
            assert await target.received("MeterValues") == {**meter, "transactionId": 700001}

            status, stopped = await api(
                "POST", f"/api/chargingStations/CP-16/transactions/{ours}/stop"
            )
            assert (status, stopped) == (200, {"transactionStopResponse": {"status": "Accepted"}})
            assert await charger.received("RemoteStopTransaction") == {"transactionId": ours}

            stop = {
                "transactionId": ours,
                "meterStop": 1700,
                "timestamp": LATER,
                "idTag": "04A1B2C3",
            }
            await result(charger, "StopTransaction", stop)
            assert await target.received("StopTransaction") == {**stop, "transactionId": 700001}

            assert target.violations == []
        assert charger.violations == []
    await _ledger_shows(api, "CP-16", str(ours), 700.0)
    await _charger_shows(api, "CP-16", ("Acme", "Wall 1", "S1"))


@TWO
async def test_ocpp2(api: Api, free_port: int, protocol: str) -> None:
    password = await api.enrol("CP-2", f"ws://127.0.0.1:{free_port}/ocpp/{{charge_box_id}}")
    async with node_peer("charger.js", ocpp_url(api), "CP-2", password, protocol) as charger:
        await charger.until(lambda event: event.get("connected"))
        boot = await result(charger, "BootNotification", BOOT201)
        assert boot["status"] == "Accepted"

        async with node_peer("target.js", str(free_port)) as target:
            assert await target.received("BootNotification") == BOOT201
            status, started = await api(
                "POST",
                "/api/chargingStations/CP-2/evses/1/transactions",
                {"idToken": "04A1B2C3", "idTokenType": "RFID"},
            )
            assert (status, started) == (200, {"transactionStartResponse": {"status": "Accepted"}})
            asked = await charger.received("RequestStartTransaction")
            assert asked["idToken"] == {"idToken": "04A1B2C3", "type": "ISO14443"}

            event = _event("Started", 0, "RemoteStart", NOW, 1000)
            event["idToken"] = asked["idToken"]
            event["transactionInfo"]["remoteStartId"] = asked["remoteStartId"]
            answer = await result(charger, "TransactionEvent", event)
            assert answer["idTokenInfo"]["status"] == "Accepted"
            told = await target.received("TransactionEvent")
            # The number of a start that was not the target's says nothing to it.
            assert told == {**event, "transactionInfo": {"transactionId": "T-1"}}
            update = _event("Updated", 1, "MeterValuePeriodic", NOW, 1500)
            await result(charger, "TransactionEvent", update)
            assert await target.received("TransactionEvent", 2) == update

            status, stopped = await api("POST", "/api/chargingStations/CP-2/transactions/T-1/stop")
            assert (status, stopped) == (200, {"transactionStopResponse": {"status": "Accepted"}})
            assert await charger.received("RequestStopTransaction") == {"transactionId": "T-1"}
            end = _event("Ended", 2, "RemoteStop", LATER, 1700)
            await result(charger, "TransactionEvent", end)
            assert await target.received("TransactionEvent", 3) == end

            assert target.violations == []
        assert charger.violations == []
    await _ledger_shows(api, "CP-2", "T-1", 700.0)
    await _charger_shows(api, "CP-2", ("Acme", "Wall 2", "S2"))


def _event(kind: str, number: int, trigger: str, moment: str, energy: int) -> dict[str, Any]:
    return {
        "eventType": kind,
        "timestamp": moment,
        "triggerReason": trigger,
        "seqNo": number,
        "transactionInfo": {"transactionId": "T-1"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": moment, "sampledValue": [{"value": energy}]}],
    }


async def test_the_target_commands_a_16_charger(api: Api, free_port: int) -> None:
    password = await api.enrol("CP-16", f"ws://127.0.0.1:{free_port}/ocpp/{{charge_box_id}}")
    async with (
        node_peer("target.js", str(free_port)) as target,
        node_peer("charger.js", ocpp_url(api), "CP-16", password, "ocpp1.6") as charger,
    ):
        await charger.until(lambda event: event.get("connected"))
        await result(charger, "BootNotification", BOOT16)
        await target.received("BootNotification")
        start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": NOW}
        ours = (await result(charger, "StartTransaction", start))["transactionId"]
        await target.received("StartTransaction")  # the charger may have had its answer from us

        trigger = {"requestedMessage": "MeterValues", "connectorId": 1}
        answer = await target.call("TriggerMessage", trigger, "CP-16")
        assert answer["result"] == {"status": "Accepted"}
        assert await charger.received("TriggerMessage") == trigger

        answer = await target.call("GetConfiguration", {"key": ["HeartbeatInterval"]}, "CP-16")
        assert answer["result"]["configurationKey"][0]["value"] == "300"

        answer = await target.call("RemoteStopTransaction", {"transactionId": 700001}, "CP-16")
        assert answer["result"] == {"status": "Accepted"}
        assert await charger.received("RemoteStopTransaction") == {"transactionId": ours}

        answer = await target.call("RemoteStopTransaction", {"transactionId": 5}, "CP-16")
        assert answer["result"] == {"status": "Rejected"}
        assert target.violations == charger.violations == []


@TWO
async def test_the_target_commands_a_charger_of_ocpp2(
    api: Api, free_port: int, protocol: str
) -> None:
    password = await api.enrol("CP-2", f"ws://127.0.0.1:{free_port}/ocpp/{{charge_box_id}}")
    async with (
        node_peer("target.js", str(free_port)) as target,
        node_peer("charger.js", ocpp_url(api), "CP-2", password, protocol) as charger,
    ):
        await charger.until(lambda event: event.get("connected"))
        await result(charger, "BootNotification", BOOT201)
        await target.received("BootNotification")

        wanted = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
        answer = await target.call("GetVariables", {"getVariableData": [wanted]}, "CP-2")
        assert answer["result"]["getVariableResult"][0]["attributeValue"] == "300"

        trigger = {"requestedMessage": "MeterValues"}
        answer = await target.call("TriggerMessage", trigger, "CP-2")
        assert answer["result"] == {"status": "Accepted"}
        assert await charger.received("TriggerMessage") == trigger

        answer = await target.call("RequestStopTransaction", {"transactionId": "T-1"}, "CP-2")
        assert answer["result"] == {"status": "Accepted"}
        assert await charger.received("RequestStopTransaction") == {"transactionId": "T-1"}
        assert target.violations == charger.violations == []


async def _ledger_shows(api: Api, charge_box_id: str, transaction_id: str, energy: float) -> None:
    status, body = await api("GET", f"/api/chargingStations/{charge_box_id}/transactions")
    assert status == 200
    [shown] = body["transactions"]
    assert (shown["transactionId"], shown["energyWh"], shown["state"]) == (
        transaction_id,
        energy,
        "ended",
    )
    status, body = await api("GET", f"{api.of_organization}/transactions/{transaction_id}")
    assert status == 200
    assert body["transaction"]["charge_box_id"] == charge_box_id


async def _charger_shows(api: Api, charge_box_id: str, claims: tuple[str, str, str]) -> None:
    status, body = await api("GET", f"{api.of_organization}/chargers/{charge_box_id}")
    assert status == 200
    shown = body["charger"]
    assert (shown["vendor_name"], shown["model_name"], shown["serial_number"]) == claims
