from __future__ import annotations

from typing import Any

from simulators.target import Target
from tests.simulators.stage import NAME, broken_rules, playing
from tests.simulators.test_certificates import root

MONITOR = {
    "value": 1,
    "type": "UpperThreshold",
    "severity": 5,
    "component": {"name": "OCPPCommCtrlr"},
    "variable": {"name": "HeartbeatInterval"},
}
MESSAGE = {"id": 1, "priority": "InFront", "message": {"format": "ASCII", "content": "hello"}}


async def ask(target: Target, action: str, **payload: Any) -> dict[str, Any]:
    return await target.command(NAME, action, payload)


async def test_monitors_are_kept_reported_and_cleared(target: Target) -> None:
    unknown = {**MONITOR, "variable": {"name": "NoSuch"}}
    async with playing(target, "2.0.1"):
        set_answer = await ask(
            target, "SetVariableMonitoring", setMonitoringData=[MONITOR, unknown]
        )
        report = await ask(target, "GetMonitoringReport", requestId=3)
        part = (await target.until(lambda t: t.calls("NotifyMonitoringReport")))[0].fields
        cleared = await ask(target, "ClearVariableMonitoring", id=[1, 2])
        empty = await ask(target, "GetMonitoringReport", requestId=4)

    results = set_answer["setMonitoringResult"]
    assert [one["status"] for one in results] == ["Accepted", "UnknownVariable"]
    assert (report["status"], empty["status"]) == ("Accepted", "EmptyResultSet")
    assert part["monitor"][0]["variableMonitoring"][0]["id"] == 1
    assert [one["status"] for one in cleared["clearMonitoringResult"]] == ["Accepted", "NotFound"]
    assert broken_rules(target, "2.0.1") == []


async def test_messages_are_kept_reported_and_cleared(target: Target) -> None:
    async with playing(target, "2.0.1"):
        await ask(target, "SetDisplayMessage", message=MESSAGE)
        found = await ask(target, "GetDisplayMessages", requestId=1, priority="InFront")
        report = (await target.until(lambda t: t.calls("NotifyDisplayMessages")))[0].fields
        missed = await ask(target, "GetDisplayMessages", requestId=2, id=[7])
        cleared = [await ask(target, "ClearDisplayMessage", id=1) for _ in range(2)]

    assert (found["status"], missed["status"]) == ("Accepted", "Unknown")
    assert report["messageInfo"] == [MESSAGE]
    assert [one["status"] for one in cleared] == ["Accepted", "Unknown"]
    assert broken_rules(target, "2.0.1") == []


async def test_nothing_is_known_of_a_customer_and_that_is_told(target: Target) -> None:
    async with playing(target, "2.0.1"):
        await ask(target, "CustomerInformation", requestId=1, report=True, clear=False)
        await target.until(lambda t: t.calls("NotifyCustomerInformation"))

    assert broken_rules(target, "2.0.1") == []


async def test_an_update_tells_every_step(target: Target) -> None:
    firmware = {"location": "https://example.com/", "retrieveDateTime": "2026-01-01T00:00:00Z"}
    async with playing(target, "2.0.1", time_factor=1000.0):
        await ask(target, "UpdateFirmware", requestId=8, firmware=firmware)
        await target.until(lambda t: len(t.calls("FirmwareStatusNotification")) == 4)

    told = [one.fields for one in target.calls("FirmwareStatusNotification")]
    assert [one["status"] for one in told] == [
        "Downloading",
        "Downloaded",
        "Installing",
        "Installed",
    ]
    assert {one["requestId"] for one in told} == {8}


async def test_firmware_is_published_until_it_is_withdrawn(target: Target) -> None:
    publish = {"location": "https://example.com/", "checksum": "abc", "requestId": 1}
    async with playing(target, "2.0.1", time_factor=1000.0):
        await ask(target, "PublishFirmware", **publish)
        await target.until(
            lambda t: "Published" in str(t.calls("PublishFirmwareStatusNotification"))
        )
        answers = [await ask(target, "UnpublishFirmware", checksum="abc") for _ in range(2)]

    assert [one["status"] for one in answers] == ["Unpublished", "NoFirmware"]
    assert broken_rules(target, "2.0.1") == []


async def test_certificates_are_installed_listed_and_deleted(target: Target) -> None:
    kind = "CSMSRootCertificate"
    async with playing(target, "2.0.1"):
        none = await ask(target, "GetInstalledCertificateIds")
        await ask(target, "InstallCertificate", certificateType=kind, certificate=root())
        some = await ask(target, "GetInstalledCertificateIds", certificateType=[kind])
        data = some["certificateHashDataChain"][0]["certificateHashData"]
        gone = await ask(target, "DeleteCertificate", certificateHashData=data)

    assert [one["status"] for one in (none, some, gone)] == ["NotFound", "Accepted", "Accepted"]
