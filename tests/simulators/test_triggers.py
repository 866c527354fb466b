from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509

from simulators.target import Target
from tests.simulators.stage import NAME, TOKEN, broken_rules, playing

SENT16 = [
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
]
SENT201 = [
    "BootNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "PublishFirmwareStatusNotification",
    "StatusNotification",
]
TRIGGERED = [("1.6", one) for one in SENT16] + [("2.0.1", one) for one in SENT201]


async def trigger(target: Target, message: str, **more: Any) -> str:
    request = {"requestedMessage": message, **more}
    status: str = (await target.command(NAME, "TriggerMessage", request))["status"]
    return status


@pytest.mark.parametrize(("version", "message"), TRIGGERED)
async def test_what_is_asked_for_is_sent(target: Target, version: str, message: str) -> None:
    async with playing(target, version) as charger:
        await charger.until(lambda c: not c.statuses.untold())
        before = len(target.calls(message))

        assert await trigger(target, message) == "Accepted"
        await target.until(lambda t: len(t.calls(message)) > before)

    assert broken_rules(target, version) == []


async def test_a_triggered_boot_says_so(target: Target) -> None:
    async with playing(target, "2.0.1"):
        await trigger(target, "BootNotification")
        again = await target.until(lambda t: t.calls("BootNotification")[1:])

    assert again[0].fields["reason"] == "Triggered"


async def test_one_connector_is_asked_alone(target: Target) -> None:
    async with playing(target) as charger:
        await charger.until(lambda c: not c.statuses.untold())
        await trigger(target, "StatusNotification", connectorId=2)
        await trigger(target, "MeterValues", connectorId=2)
        meters = await target.until(lambda t: t.calls("MeterValues"))

        assert target.calls("StatusNotification")[-1].fields["connectorId"] == 2
        assert [one.fields["connectorId"] for one in meters] == [2]
        assert await trigger(target, "MeterValues", connectorId=7) == "Rejected"


async def test_a_triggered_meter_names_the_running_transaction(target: Target) -> None:
    async with playing(target) as charger:
        own = await charger.start(1, TOKEN)
        await trigger(target, "MeterValues", connectorId=1)
        meter = (await target.until(lambda t: t.calls("MeterValues")))[0].fields

    assert meter["transactionId"] == int(own.id)


async def test_a_running_transaction_is_told_once_more(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await charger.start(1, TOKEN)
        await trigger(target, "TransactionEvent", evse={"id": 2})
        await trigger(target, "TransactionEvent", evse={"id": 1})
        events = await target.until(lambda t: t.calls("TransactionEvent")[1:])

        assert [event.fields["eventType"] for event in events] == ["Updated"]
        assert await trigger(target, "StatusNotification", evse={"id": 7}) == "Rejected"
        assert await trigger(target, "SignCombinedCertificate") == "NotImplemented"


@pytest.mark.parametrize(
    ("version", "action", "message"),
    [
        ("1.6", "ExtendedTriggerMessage", "SignChargePointCertificate"),
        ("2.0.1", "TriggerMessage", "SignV2GCertificate"),
    ],
)
async def test_a_signing_request_is_a_real_one(
    target: Target, version: str, action: str, message: str
) -> None:
    async with playing(target, version):
        await target.command(NAME, action, {"requestedMessage": message})
        sent = (await target.until(lambda t: t.calls("SignCertificate")))[0].fields

    assert x509.load_pem_x509_csr(sent["csr"].encode()).is_signature_valid
    assert broken_rules(target, version) == []
